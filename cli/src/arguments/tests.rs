use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

/// As typed in a terminal; there are no quotes in these.
fn typed(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(std::iter::once("slipway").chain(line.split_whitespace()))
}

#[test]
fn the_definition_holds_together() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_of_the_documentation_is_understood() {
    for line in [
        "local",
        "local --data /tmp/x --port 7000",
        "login --url https://slipway.example",
        "apps",
        "apps create myapp",
        "apps info -a myapp",
        "apps info --app myapp -e staging --json",
        "environments",
        "environments create staging -a myapp",
        "build -a myapp",
        "build ./service --manifest deploy/convox.yml --description x",
        "build --external -a myapp --description x",
        "builds --limit 5",
        "builds complete BABCDEFGHIJ --digest sha256:00 --manifest deploy/slipway.yml",
        "builds complete BABCDEFGHIJ --digest sha256:00",
        "builds info BABCDEFGHIJ",
        "builds logs BABCDEFGHIJ",
        "builds cancel BABCDEFGHIJ",
        "deploy -a myapp --reason friday",
        "env -a myapp",
        "env --reveal --release v3",
        "env set API_KEY=sk-live-abc123 -a myapp",
        "env set A=1 B=2 --base active --tag v1.4.0",
        "env set -",
        "env unset A B",
        "releases -a myapp",
        "releases info v42",
        "releases diff R1 R2",
        "releases promote RCDEFGHIJK -a myapp",
        "releases promote v42 --validate-only --supersede --deadline 300 --if-version 17 --no-wait",
        "releases rollback RBCDEFGHIJ -a myapp",
        "releases rollback --reason broken",
        "promotions",
        "promotions info PABCDEFGHIJ --follow",
        "promotions cancel PABCDEFGHIJ",
        "scale",
        "scale web=5 worker=2 -a myapp",
        "restart --no-wait",
        "run web bin/migrate -a myapp",
        "run web bin/migrate --release RCDEFGHIJK --time-limit 60",
        "run web -- ls -l --json",
        "ps",
        "logs --follow",
        "logs -f --service web --since 10m --contains error --limit 1000",
    ] {
        let parsed = typed(line);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, kind) in [
        ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("ship", ErrorKind::InvalidSubcommand),
        ("login", ErrorKind::MissingRequiredArgument),
        ("env set", ErrorKind::MissingRequiredArgument),
        ("releases promote", ErrorKind::MissingRequiredArgument),
        ("releases promote v1 --deadline 601", ErrorKind::ValueValidation),
        ("releases --limit 101", ErrorKind::ValueValidation),
        ("releases --limit 0", ErrorKind::ValueValidation),
        ("run web", ErrorKind::MissingRequiredArgument),
        ("run web ls -l", ErrorKind::UnknownArgument),
        ("run web ls --time-limit 0", ErrorKind::ValueValidation),
        ("logs --limit 1001", ErrorKind::ValueValidation),
        ("ps extra", ErrorKind::UnknownArgument),
    ] {
        assert_eq!(typed(line).unwrap_err().kind(), kind, "{line}");
    }
}

#[test]
fn what_follows_local_is_passed_on_as_it_is() {
    let Command::Local { arguments } = typed("local --help --kubeconfig x -v").unwrap().command else {
        panic!("another command")
    };
    assert_eq!(arguments, ["--help", "--kubeconfig", "x", "-v"]);
}

#[test]
fn what_follows_two_hyphens_is_the_command_of_a_run() {
    let Command::Run { command, .. } = typed("run web -- ls -l --release x").unwrap().command else {
        panic!("another command")
    };
    assert_eq!(command, ["ls", "-l", "--release", "x"]);
    assert_eq!(typed("ps").unwrap().environment, "production");
}
