use slipway_domain::secret::Secret;

fn main() {
    let _ = format!("{}", Secret::from("x"));
}
