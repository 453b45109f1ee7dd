use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::promotion::Outcome;
use crate::secret::Secret;
use crate::variables::Variables;

const MANIFEST: &str = "services:\n  web:\n    port: 3000\n    environment:\n      - API_KEY\n      - LOG=info\n";

fn key() -> TenantKey {
    TenantKey::new([7; 32])
}

fn image(byte: u8) -> ImageDigest {
    ImageDigest::from_sha256(&[byte; 32])
}

fn manifest(text: &str) -> Manifest {
    crate::manifest::parse("convox.yml", text).unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::new(pairs.iter().map(|(name, value)| (name.parse().unwrap(), Secret::from(*value))).collect()).unwrap()
}

fn release(image: ImageDigest, text: &str, pairs: &[(&str, &str)]) -> Release {
    let (manifest, variables) = (manifest(text), variables(pairs));
    Release {
        id: "RBCDEFGHIJK".parse().unwrap(),
        number: 42,
        app: "shop".parse().unwrap(),
        environment: EnvironmentName::production(),
        build: "BABCDEFGHIJ".parse().unwrap(),
        digest: digest(&key(), &image, &manifest, &variables),
        description: "build 1a2b3c4d Fix the login page".to_owned(),
        tag: Some("v1.4.0".parse().unwrap()),
        parent: None,
        copied_from: None,
        original_number: 42,
        created_at: Time::from_millis(1_768_487_449_000),
        created_by: "ann@example.com".to_owned(),
        reason: None,
        manifest,
        image,
        commit: Some(Commit::new("1a2b3c4d5e6f", "Fix the login page").unwrap()),
        fingerprints: fingerprints(&key(), &variables),
    }
}

#[test]
fn the_digest_is_the_same_for_the_same_content_alone() {
    let base = digest(&key(), &image(1), &manifest(MANIFEST), &variables(&[("A", "1")]));
    assert_eq!(base, digest(&key(), &image(1), &manifest(MANIFEST), &variables(&[("A", "1")])));
    let others = [
        digest(&TenantKey::new([8; 32]), &image(1), &manifest(MANIFEST), &variables(&[("A", "1")])),
        digest(&key(), &image(2), &manifest(MANIFEST), &variables(&[("A", "1")])),
        digest(&key(), &image(1), &manifest(&MANIFEST.replace("3000", "3001")), &variables(&[("A", "1")])),
        digest(&key(), &image(1), &manifest(MANIFEST), &variables(&[("A", "2")])),
        digest(&key(), &image(1), &manifest(MANIFEST), &variables(&[("B", "1")])),
        digest(&key(), &image(1), &manifest(MANIFEST), &variables(&[])),
    ];
    assert!(!others.contains(&base));
}

#[test]
fn the_digest_is_what_it_was_in_every_version_before() {
    // Stored digests are compared with new ones: a change of this value is a change of the format, to be versioned.
    let digest = digest(&key(), &image(1), &manifest(MANIFEST), &variables(&[("A", "1"), ("B", "")]));
    insta::assert_snapshot!(digest, @"efe4fe641378af09f54ac497cb08a48ae5718390cea2314bdf5f571751669652");
}

#[test]
fn comments_and_warnings_do_not_change_the_digest() {
    let text = format!("# a comment\ntimers:\n  cleanup:\n    command: x\n{MANIFEST}");
    assert_eq!(manifest(&text).warnings.len(), 1);
    let none = variables(&[]);
    assert_eq!(
        digest(&key(), &image(1), &manifest(&text), &none),
        digest(&key(), &image(1), &manifest(MANIFEST), &none)
    );
}

#[test]
fn a_fingerprint_is_bound_to_tenant_key_and_value() {
    let name: VariableKey = "A".parse().unwrap();
    let value = Secret::from("1");
    let print = fingerprint(&key(), &name, &value);
    assert_eq!(print.short().len(), 12);
    assert_eq!(print, fingerprint(&key(), &name, &value));
    assert_ne!(print, fingerprint(&key(), &"B".parse().unwrap(), &value));
    assert_ne!(print, fingerprint(&key(), &name, &Secret::from("2")));
    assert_ne!(print, fingerprint(&TenantKey::new([8; 32]), &name, &value));
    // The lengths are part of it: moving a letter from the key to the value is a difference.
    assert_ne!(
        fingerprint(&key(), &"AB".parse().unwrap(), &Secret::from("C")),
        fingerprint(&key(), &name, &"BC".into())
    );
}

#[test]
fn image_digests_are_sha256_in_lower_case() {
    let text = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let digest: ImageDigest = text.parse().unwrap();
    assert_eq!((digest.to_string(), digest.short()), (text.clone(), "0123456789ab"));
    for bad in [
        "",
        "sha256:",
        "latest",
        &text[..70],
        &text.to_uppercase(),
        &text.replace("sha256", "sha512"),
        &format!("{text}0"),
    ] {
        assert!(bad.parse::<ImageDigest>().is_err(), "{bad}");
    }
}

#[test]
fn a_release_is_stored_without_a_value() {
    let release = release(image(1), MANIFEST, &[("API_KEY", "CANARY-1"), ("B", "CANARY-2")]);
    let json = serde_json::to_string(&release).unwrap();
    assert!(!json.contains("CANARY") && !format!("{release:?}").contains("CANARY"));
    assert_eq!(serde_json::from_str::<Release>(&json).unwrap(), release);
    assert!(release.missing_variables().is_empty());
}

#[test]
fn missing_variables_are_named_with_their_services() {
    let release = release(image(1), MANIFEST, &[("OTHER", "x")]);
    assert_eq!(format!("{:?}", release.missing_variables()), "{API_KEY: [web]}");
}

#[test]
fn a_copy_is_as_old_as_its_original() {
    let active = release(image(1), MANIFEST, &[]);
    let copy = Release { number: 50, original_number: 41, ..active.clone() };
    let fix = Release { number: 43, original_number: 43, ..active.clone() };
    assert!(copy.is_older_than(&active));
    assert!(!fix.is_older_than(&copy) && !active.is_older_than(&active));
}

#[test]
fn a_diff_names_what_changed_and_shows_no_value() {
    let from = release(image(1), MANIFEST, &[("API_KEY", "CANARY-1"), ("OLD", "CANARY-2"), ("SAME", "CANARY-3")]);
    let text = "services:\n  web:\n    port: 4000\n    health: {path: /up, timeout: 9}\n    environment:\n      - LOG=CANARY\n  \
                worker:\n    command: bin/worker\n";
    let mut to = release(image(2), text, &[("API_KEY", "CANARY-4"), ("NEW", "CANARY-5"), ("SAME", "CANARY-3")]);
    to.commit = None;
    let diff = diff(&from, &to);
    assert!(!serde_json::to_string(&diff).unwrap().contains("CANARY"));
    insta::assert_json_snapshot!(diff);
}

#[test]
fn a_release_does_not_differ_from_its_copy() {
    let release = release(image(1), MANIFEST, &[("A", "1")]);
    let copy = Release { number: 43, copied_from: Some(release.id.clone()), ..release.clone() };
    assert!(diff(&release, &copy).is_empty());
}

#[test]
fn a_service_that_goes_and_a_command_of_the_build_are_in_the_diff() {
    let both = "services:\n  web:\n    port: 3000\n  worker:\n    scale: 2\n";
    let from = release(image(1), both, &[]);
    let mut to = release(image(1), "services:\n  web:\n    port: 3000\n", &[]);
    let command = crate::manifest::Command::Shell("make".to_owned());
    to.manifest.build = Some(crate::manifest::BuildCommand { command });
    let diff = diff(&from, &to);
    assert_eq!(diff.services.removed, ["worker".parse().unwrap()]);
    assert_eq!(diff.settings[0].setting, "build.command.shell");
    assert!(!diff.is_empty());
}

#[test]
fn tags_read_neither_as_an_id_nor_as_a_number() {
    for good in ["v1.4.0", "2026-03-15-fix", "a", "0", "latest", "v", "v42-rc1", "RBCDEFGHIJ", &"x".repeat(64)] {
        let tag: Tag = good.parse().unwrap();
        assert_eq!(good.parse::<ReleaseRef>().unwrap(), ReleaseRef::Tag(tag));
    }
    for (bad, reason) in [
        ("", ParseTagError::Characters),
        ("-a", ParseTagError::Characters),
        ("a b", ParseTagError::Characters),
        ("ä", ParseTagError::Characters),
        (&"x".repeat(65), ParseTagError::Characters),
        ("RBCDEFGHIJK", ParseTagError::Id),
        ("v42", ParseTagError::Number),
        ("V042", ParseTagError::Number),
        ("v99999999999999999999999", ParseTagError::Number),
        ("newest", ParseTagError::Word),
        ("active", ParseTagError::Word),
    ] {
        assert_eq!(bad.parse::<Tag>(), Err(reason), "{bad}");
    }
}

#[test]
fn a_release_is_named_by_id_number_or_tag() {
    assert_eq!("RBCDEFGHIJK".parse(), Ok(ReleaseRef::Id("RBCDEFGHIJK".parse().unwrap())));
    assert_eq!("v42".parse(), Ok(ReleaseRef::Number(42)));
    for nothing in ["", "v0", "v99999999999999999999999", "a/b", " v42"] {
        assert_eq!(nothing.parse::<ReleaseRef>(), Err(ParseReferenceError), "{nothing:?}");
    }
}

#[test]
fn states_follow_from_standing() {
    let of = |active, was_active, last_outcome| state(Standing { active, was_active, last_outcome }).as_str();
    let mut table = String::new();
    for last in std::iter::once(None).chain(Outcome::ALL.iter().copied().map(Some)) {
        let name = last.map_or("none", Outcome::as_str);
        let row = [of(true, true, last), of(false, true, last), of(false, false, last)];
        table.extend([name, ": ", &row.join(" "), "\n"]);
    }
    insta::assert_snapshot!(table, @r"
    none: deployed superseded ready
    succeeded: deployed superseded superseded
    noop: deployed superseded superseded
    rolled_back: deployed rolled_back rolled_back
    rollback_failed: deployed rollback_failed rollback_failed
    failed: deployed failed failed
    cancelled: deployed cancelled cancelled
    superseded: deployed superseded superseded
    ");
}

proptest! {
    #[test]
    fn every_reference_reads_back_as_itself(text in "[A-Za-z0-9._-]{1,12}") {
        if let Ok(reference) = text.parse::<ReleaseRef>() {
            prop_assert_eq!(reference.to_string().parse::<ReleaseRef>(), Ok(reference));
        }
    }

    #[test]
    fn fingerprints_differ_exactly_where_values_do(left in "[a-c]{0,2}", right in "[a-c]{0,2}") {
        let prints = |value: &str| fingerprints(&key(), &variables(&[("A", value)]));
        let same: BTreeMap<_, _> = prints(&left);
        prop_assert_eq!(same == prints(&right), left == right);
    }
}
