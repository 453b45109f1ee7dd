//! What must not compile: every way to let a secret out other than `reveal`.

#[test]
fn secrets_cannot_be_shown_or_serialised() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
