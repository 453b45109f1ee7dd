use slipway_domain::secret::Secret;

fn main() {
    let secret = Secret::from("x");
    let _: &str = secret.as_ref();
}
