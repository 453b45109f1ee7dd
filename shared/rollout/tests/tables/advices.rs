//! What to do next, cause by cause.

use std::fmt::Write;

use slipway_domain::manifest::{Manifest, parse};
use slipway_domain::promotion::{Cause, Exit};
use slipway_rollout::advice::{Subject, Symptom, Words, advice};

use crate::world::{exit, release};

const SHOP: &str = "
services:
  web:
    command: [bin/web, --verbose]
    port: 3000
    health:
      path: /healthz
    scale:
      cpu: 250
      memory: 128
      limit:
        memory: 256
    initContainer:
      command: bin/migrate --all
  plain: {}
  admin:
    ports: [3000, 9000]
    health:
      port: 9000
";

struct Case<'a> {
    manifest: &'a Manifest,
    service: &'a str,
    environment: &'a str,
    words: Words<'a>,
    way_back: bool,
}

impl Case<'_> {
    fn says(&self, cause: Cause, message: &str, exit: Option<&Exit>) -> String {
        let (app, environment) = ("shop".parse().unwrap(), self.environment.parse().unwrap());
        let service = self.service.parse().unwrap();
        let subject = Subject {
            app: &app,
            environment: &environment,
            release: &release("old"),
            service: Some(&service),
            settings: self.manifest.service(&service),
            words: self.words,
            way_back: self.way_back,
        };
        advice(&Symptom { cause, message, exit }, &subject)
    }
}

fn case<'a>(manifest: &'a Manifest, service: &'a str) -> Case<'a> {
    Case { manifest, service, environment: "production", words: Words::Process("web-r-x7k2p"), way_back: true }
}

#[test]
fn every_cause_has_its_advice() {
    let manifest = parse("slipway.yml", SHOP).unwrap();
    let mut text = String::new();
    for (service, environment, way_back) in [("web", "production", true), ("plain", "staging", false)] {
        let case = Case { environment, way_back, ..case(&manifest, service) };
        for cause in Cause::ALL {
            writeln!(text, "{service} {cause}: {}", case.says(*cause, "", None)).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_refused_connection_asks_for_the_port() {
    let manifest = parse("slipway.yml", SHOP).unwrap();
    for (service, port) in
        [("web", "$PORT (3000 in the manifest)"), ("admin", "port 9000 (services.admin.health.port)")]
    {
        let said = case(&manifest, service).says(Cause::HealthTimeout, "dial tcp: connect: Connection refused", None);
        let question = format!("does the app listen on {port}, and on every address instead of localhost alone? ");
        assert!(said.starts_with(&question), "{said}");
    }
}

#[test]
fn a_missing_key_is_named_with_the_command_that_sets_it() {
    let manifest = parse("slipway.yml", SHOP).unwrap();
    let message = "the configuration is incomplete: couldn't find key DATABASE_URL in Secret shop--production/web";
    let said = case(&manifest, "web").says(Cause::ConfigError, message, None);
    let expected = "set DATABASE_URL, and promote the release that this makes: slipway env set -a shop DATABASE_URL=…";
    assert_eq!(said, expected);
}

#[test]
fn exit_codes_that_mean_something_are_explained() {
    let manifest = parse("slipway.yml", SHOP).unwrap();
    for (code, meaning) in [
        (127, "code 127 says that a command was not found; read why it ends: "),
        (126, "code 126 says that a command may not be executed; read why it ends: "),
        (137, "it was killed, and did not end by itself; read why it ends: "),
        (1, "read why it ends: "),
    ] {
        let said = case(&manifest, "web").says(Cause::CrashLoop, "", Some(&exit(code, "Error", "")));
        assert!(said.starts_with(meaning), "{code}: {said}");
    }
}

#[test]
fn what_was_said_is_read_where_it_still_is() {
    let manifest = parse("slipway.yml", SHOP).unwrap();
    let id = "PABCDEFGHIJ".parse().unwrap();
    for (words, expected) in [
        (Words::Process("web-r-x7k2p"), "read why it ends: slipway logs --process web-r-x7k2p -a shop"),
        (Words::Promotion(&id), "read why it ends: slipway promotions info PABCDEFGHIJ -a shop"),
        (Words::Nowhere, "read why it ends: slipway logs --service web -a shop"),
    ] {
        let case = Case { words, way_back: false, ..case(&manifest, "web") };
        assert_eq!(case.says(Cause::CrashLoop, "", None), expected);
    }
}
