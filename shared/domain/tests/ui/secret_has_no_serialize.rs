use slipway_domain::secret::Secret;

fn serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    serialize(&Secret::from("x"));
}
