use slipway_domain::variables::Variables;

fn serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    serialize(&Variables::default());
}
