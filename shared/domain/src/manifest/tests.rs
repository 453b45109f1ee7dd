use proptest::prelude::*;

use super::*;
use crate::secret::Secret;
use crate::variables::Variables;

fn slipway(text: &str) -> Manifest {
    parse("slipway.yml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(file: &str, text: &str) -> String {
    parse(file, text).unwrap_err().to_string()
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::new(pairs.iter().map(|(name, value)| (name.parse().unwrap(), Secret::from(*value))).collect()).unwrap()
}

/// `KEY=value`, ascending.
fn given(manifest: &Manifest, service: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let service = manifest.service(&service.parse().unwrap()).unwrap();
    let environment = manifest.environment_for(service, &variables(pairs));
    environment.iter().map(|(key, value)| format!("{key}={}", value.reveal())).collect()
}

#[test]
fn the_name_of_the_file_decides_its_format() {
    for name in FILE_NAMES {
        let text = "version: '2'\nservices:\n  web:\n    image: nginx\n";
        let text = if name.starts_with("docker") { text } else { text.split_once('\n').unwrap().1 };
        assert!(parse(&format!("some/folder/{name}"), text).is_ok(), "{name}");
    }
    assert_eq!(
        refused("app.json", "{}"),
        "app.json:1:1: a manifest must be named slipway.yml, slipway.yaml, convox.yml, convox.yaml, docker-compose.yml, \
         docker-compose.yaml"
    );
}

#[test]
fn a_file_has_at_most_256_kib() {
    let text = "services:\n  web:\n    port: 3000\n#";
    for (bytes, read) in [(MAX_BYTES - 1, true), (MAX_BYTES, true), (MAX_BYTES + 1, false)] {
        let padded = format!("{text}{}", "x".repeat(bytes - text.len()));
        assert_eq!(parse("slipway.yml", &padded).is_ok(), read, "{bytes}");
    }
}

#[test]
fn a_manifest_has_at_most_50_services() {
    for (count, read) in [(49, true), (50, true), (51, false)] {
        let services = (0..count).map(|index| format!("  s{index}: {{}}\n")).collect::<Vec<_>>().concat();
        assert_eq!(parse("slipway.yml", &format!("services:\n{services}")).is_ok(), read, "{count}");
    }
}

#[test]
fn a_file_nests_at_most_32_levels() {
    for (levels, read) in [(31, true), (32, true), (33, false)] {
        // The root is one level; what `x-` holds is not looked at.
        let text = format!("x-a: {}{}\nservices: {{web: {{}}}}\n", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(parse("slipway.yml", &text).is_ok(), read, "{levels}");
    }
}

#[test]
fn aliases_are_followed_up_to_20000_values() {
    // The root; `x-a`, its list and 99 words; `x-b` and its list; `services` and `web` with their mappings: 108. Each
    // alias: 100.
    let words = ["w"; 99].join(", ");
    for (aliases, read) in [(197, true), (198, true), (199, false)] {
        let list = vec!["*a"; aliases].join(", ");
        let text = format!("x-a: &a [{words}]\nx-b: [{list}]\nservices: {{web: {{}}}}\n");
        assert_eq!(parse("slipway.yml", &text).is_ok(), read, "{aliases}");
    }
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_are_read() {
    let text = "services:\n  web:\n    command: bin/web\n    port: 3000\n";
    assert_eq!(slipway(&text.replace('\n', "\r\n")), slipway(text));
    assert_eq!(slipway(&format!("\u{feff}{text}")), slipway(text));
}

#[test]
fn columns_count_characters() {
    let text = "services:\n  web: {command: größe, port: x}\n";
    assert_eq!(refused("slipway.yml", text).split(": ").next().unwrap(), "slipway.yml:2:31");
}

#[test]
fn numbers_may_be_quoted_and_lists_written_in_either_way() {
    let plain = slipway("services:\n  web:\n    port: 3000\n    command: [a, b]\n");
    assert_eq!(slipway("services:\n  web:\n    port: \"3000\"\n    command:\n      - a\n      - 'b'\n"), plain);
}

#[test]
fn the_load_balancers_port_comes_first() {
    let manifest = slipway("services:\n  web:\n    ports: [9090, 3000]\n    port: 3000\n");
    let ports: Vec<_> = manifest.services[0].ports.iter().map(|port| (port.container, port.public)).collect();
    assert_eq!(ports, [(3000, true), (9090, false)]);
}

#[test]
fn a_rollout_takes_the_strictest_of_what_services_ask_for() {
    let text = "deployment: {deadline: 400}\nservices:\n  a:\n    deployment: {batch: 4, deadline: 300}\n  \
                b:\n    deployment: {batch: 2, strict: true}\n  c: {}\n";
    let manifest = slipway(text);
    assert_eq!((manifest.batch(), manifest.strict(), manifest.total_seconds()), (Batch::Fixed(2), true, 300));
    let plain = slipway("services:\n  a: {}\n");
    assert_eq!((plain.batch(), plain.strict(), plain.total_seconds()), (Batch::Auto, false, 600));
}

#[test]
fn a_service_gets_what_is_declared_for_it() {
    let text = "environment: [SHARED, LOG=info]\nservices:\n  web:\n    environment: [A=1, LOG=debug]\n  worker: {}\n  \
                all:\n    environment: ['*', D=4]\n";
    let manifest = slipway(text);
    let set = [("A", "2"), ("SHARED", "s"), ("OTHER", "o")];
    assert_eq!(given(&manifest, "web", &set), ["A=2", "LOG=debug", "SHARED=s"]);
    assert_eq!(given(&manifest, "worker", &set), ["LOG=info", "SHARED=s"]);
    assert_eq!(given(&manifest, "all", &set), ["A=2", "D=4", "LOG=info", "OTHER=o", "SHARED=s"]);
}

#[test]
fn a_service_that_declares_nothing_gets_everything() {
    let manifest = slipway("services:\n  web:\n    environment: [A]\n  worker: {}\n");
    let set = [("A", "1"), ("B", "2")];
    assert_eq!(given(&manifest, "web", &set), ["A=1"]);
    assert_eq!(given(&manifest, "worker", &set), ["A=1", "B=2"]);
}

#[test]
fn what_has_no_default_is_required_and_port_only_without_ports() {
    let text = "environment: [SHARED]\nservices:\n  web:\n    port: 3000\n    environment: [PORT, A, B=1]\n  \
                worker:\n    environment: [PORT, SHARED=x]\n";
    let manifest = slipway(text);
    let required = |name: &str| format!("{:?}", manifest.required(manifest.service(&name.parse().unwrap()).unwrap()));
    assert_eq!(required("web"), "{A, SHARED}");
    assert_eq!(required("worker"), "{PORT}");
    let missing = manifest.missing(|key| key.as_str() == "A");
    assert_eq!(format!("{missing:?}"), "{PORT: [worker], SHARED: [web]}");
}

#[test]
fn only_files_that_were_written_for_slipway_promise_to_leave_their_image_alone() {
    let writable = |file: &str, text: &str| !parse(file, text).unwrap().services[0].read_only;
    assert!(!writable("slipway.yml", "services: {web: {}}"));
    assert!(!writable("slipway.yml", "services:\n  web:\n"));
    assert!(writable("slipway.yml", "services: {web: {writable: true}}"));
    assert!(writable("convox.yml", "services: {web: {}}"));
    assert!(writable("convox.yml", "services:\n  web:\n"));
    let compose =
        |service: &str| writable("docker-compose.yml", &format!("version: '2'\nservices: {{web: {service}}}"));
    assert!(compose("{image: a}"));
    assert!(!compose("{image: a, read_only: true}"));
    assert!(parse("convox.yml", "services: {web: {writable: false}}").is_err());
}

#[test]
fn domains_are_told_by_variables() {
    let text = "services:\n  web:\n    port: 3000\n    domain: [www.example.com, '${HOSTS}', '${SUB}.example.com']\n    \
                environment: [SUB=shop, HOSTS]\n";
    let manifest = slipway(text);
    let domains = |pairs: &[(&str, &str)]| manifest.domains_for(&manifest.services[0], &variables(pairs));
    assert_eq!(domains(&[]), ["www.example.com", "shop.example.com"]);
    assert_eq!(
        domains(&[("HOSTS", "a.com, b.com"), ("SUB", "x")]),
        ["www.example.com", "a.com", "b.com", "x.example.com"]
    );
}

#[test]
fn a_file_with_a_thousand_oddities_has_a_hundred_warnings() {
    let timers = (0..1000).map(|index| format!("  t{index}: {{}}\n")).collect::<Vec<_>>().concat();
    let manifest = parse("convox.yml", &format!("timers:\n{timers}services:\n  web: {{}}\n")).unwrap();
    assert_eq!(manifest.warnings.len(), 100);
    assert_eq!(manifest.warnings[99].message, "the file has 901 more of such settings");
}

#[test]
fn a_refusal_reaches_the_caller_of_the_api_with_its_place() {
    let error = Error::from(parse("slipway.yml", "services:\n  web:\n    port: x\n").unwrap_err());
    assert_eq!((error.code, error.fields[0].pointer.as_str()), ("invalid_manifest", "/manifest"));
    assert_eq!(error.message, "slipway.yml:3:11: services.web.port must be a whole number from 1 to 65535, not `x`");
    assert_eq!(
        error.details,
        [("file", "slipway.yml".to_owned()), ("line", "3".to_owned()), ("column", "11".to_owned())]
    );
}

#[test]
fn a_stored_manifest_that_is_unreadable_is_an_internal_error() {
    assert_eq!(Manifest::from_json("{}").unwrap_err().code, "internal");
}

/// Words of the formats and signs of YAML, thrown together.
fn nonsense() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "services:",
        "web:",
        "port:",
        "ports:",
        "health:",
        "environment:",
        "labels:",
        "version: '2'",
        "scale:",
        "image:",
        "<<:",
        "&a",
        "*a",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "\"",
        "'",
        "|",
        ">",
        "#",
        "---",
        "...",
        "!!str",
        "3000",
        "1-3",
        "${A}",
        "A=1",
        "convox.health.timeout=5",
        "\t",
        "\u{feff}",
        "ä",
        "\0",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place_inside_it(text in prop_oneof![nonsense(), ".{0,80}"]) {
        for name in ["slipway.yml", "convox.yml", "docker-compose.yml"] {
            match parse(name, &text) {
                Ok(manifest) => prop_assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), manifest),
                Err(error) => {
                    let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap();
                    prop_assert!(error.line >= 1 && error.column >= 1 && error.line <= lines + 1, "{}", error);
                }
            }
        }
    }

    #[test]
    fn a_good_file_with_one_character_changed_is_read_or_refused(at in 0usize..4096, with in any::<char>()) {
        for (name, text) in [
            ("slipway.yml", include_str!("../../tests/good-manifests/slipway.yml")),
            ("convox.yml", include_str!("../../tests/good-manifests/convox.yml")),
            ("docker-compose.yml", include_str!("../../tests/good-manifests/docker-compose.yml")),
        ] {
            let mut characters: Vec<char> = text.chars().collect();
            let at = at % characters.len();
            characters[at] = with;
            let changed: String = characters.into_iter().collect();
            if let Ok(manifest) = parse(name, &changed) {
                prop_assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), manifest);
            }
        }
    }
}
