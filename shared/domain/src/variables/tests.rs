use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn key(text: &str) -> VariableKey {
    text.parse().unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::new(pairs.iter().map(|(name, value)| (key(name), Secret::from(*value))).collect()).unwrap()
}

fn change(pairs: &[(&str, Option<&str>)]) -> Change {
    Change::from_entries(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(Secret::from)))).unwrap()
}

fn of_size(count: usize, bytes: usize) -> BTreeMap<VariableKey, Secret> {
    (0..count).map(|index| (key(&format!("K{index:03}")), Secret::new("x".repeat(bytes)))).collect()
}

fn pointers(error: &Error) -> Vec<&str> {
    error.fields.iter().map(|field| field.pointer.as_str()).collect()
}

#[test]
fn keys_are_letters_digits_and_underscores() {
    for good in ["A", "_", "a1", "PORT", "_9", &"K".repeat(127), &"K".repeat(128)] {
        assert!(good.parse::<VariableKey>().is_ok(), "{good}");
    }
    for bad in ["", "1A", "A-B", "A.B", "A B", "Ä", "A=", "A\n", &"K".repeat(129)] {
        assert!(bad.parse::<VariableKey>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_value_has_at_most_64_kib() {
    for (bytes, allowed) in [(65_535, true), (65_536, true), (65_537, false)] {
        let made = Variables::new(of_size(1, bytes));
        assert_eq!(made.is_ok(), allowed, "{bytes}");
    }
    let error = Variables::new(of_size(1, 65_537)).unwrap_err();
    assert_eq!(pointers(&error), ["/variables/K000"]);
    assert_eq!(error.message, "the value of K000 is at most 65536 bytes, and this is 65537: shorten it");
}

#[test]
fn a_release_has_at_most_512_variables() {
    for (count, allowed) in [(511, true), (512, true), (513, false)] {
        assert_eq!(Variables::new(of_size(count, 1)).is_ok(), allowed, "{count}");
    }
}

#[test]
fn keys_and_values_have_at_most_256_kib_together() {
    // 8 × (4 bytes of key + 32,764 bytes of value) = 262,144.
    for (extra, allowed) in [(-1, true), (0, true), (1, false)] {
        let mut values = of_size(8, 32_764);
        let last = usize::try_from(32_764 + extra).unwrap();
        values.insert(key("K007"), Secret::new("x".repeat(last)));
        let made = Variables::new(values);
        assert_eq!(made.is_ok(), allowed, "{extra}");
    }
}

#[test]
fn nul_and_reserved_keys_are_refused_with_their_pointers() {
    let values = [("BAD", "a\0b"), ("FINE", ""), ("RELEASE", "x")];
    let error =
        Variables::new(values.iter().map(|(name, value)| (key(name), Secret::from(*value))).collect()).unwrap_err();
    assert_eq!(pointers(&error), ["/variables/BAD", "/variables/RELEASE"]);
    assert_eq!(
        error.message,
        "the value of BAD must not contain NUL, which no process can be given: encode it (and 1 more)"
    );
    assert_eq!(error.fields[1].message, "RELEASE is set by Slipway for every process: choose another name");
}

#[test]
fn every_reserved_key_is_refused_and_port_is_not() {
    for name in RESERVED {
        assert!(
            Change::from_entries([(name.to_owned(), Some(Secret::from("x")))])
                .unwrap()
                .apply(&Variables::default())
                .is_err()
        );
    }
    assert_eq!(variables(&[(PORT, "8080")]).len(), 1);
}

#[test]
fn a_change_is_described_by_kind_and_key() {
    let before = variables(&[("OLD", "1"), ("PORT", "3000"), ("SAME", "s")]);
    let change =
        change(&[("PORT", Some("4000")), ("API_KEY", Some("k")), ("OLD", None), ("SAME", Some("s")), ("NO", None)]);
    let (after, summary) = change.apply(&before).unwrap();
    assert_eq!(summary.to_string(), "env add:API_KEY change:PORT remove:OLD");
    assert_eq!(after, variables(&[("API_KEY", "k"), ("PORT", "4000"), ("SAME", "s")]));
}

#[test]
fn setting_what_is_set_already_changes_nothing() {
    let before = variables(&[("A", "1")]);
    let (after, summary) = change(&[("A", Some("1")), ("B", None)]).apply(&before).unwrap();
    assert!(summary.is_empty());
    assert_eq!(after, before);
}

#[test]
fn a_long_description_ends_in_a_number() {
    let (_, summary) = Change::replacing(&Variables::default(), Variables::new(of_size(23, 1)).unwrap())
        .apply(&Variables::default())
        .unwrap();
    assert!(summary.to_string().ends_with(" add:K019 and 3 more"), "{summary}");
}

#[test]
fn replacing_removes_what_the_target_lacks() {
    let before = variables(&[("A", "1"), ("B", "2")]);
    let target = variables(&[("B", "3"), ("C", "4")]);
    let (after, summary) = Change::replacing(&before, target.clone()).apply(&before).unwrap();
    assert_eq!(after, target);
    assert_eq!(summary.to_string(), "env add:C change:B remove:A");
}

#[test]
fn keys_of_a_request_are_refused_all_at_once() {
    let entries = [("A/B~C", Some("x")), ("OK", Some("x")), ("OK", None), ("1", None)];
    let error =
        Change::from_entries(entries.map(|(name, value)| (name.to_owned(), value.map(Secret::from)))).unwrap_err();
    assert_eq!(pointers(&error), ["/variables/A~1B~0C", "/variables/OK", "/variables/1"]);
    assert_eq!(
        error.message,
        "the key `A/B~C` must be 1 to 128 letters, digits and underscores, and not start with a digit (and 2 more)"
    );
}

#[test]
fn no_value_is_in_debug_output_or_errors() {
    let values =
        BTreeMap::from([(key("A"), Secret::from("CANARY-1\0")), (key("B"), Secret::new("CANARY-2".repeat(9000)))]);
    let error = Variables::new(values).unwrap_err();
    let shown = format!("{error:?} {:?} {:?}", variables(&[("A", "CANARY-3")]), change(&[("A", Some("CANARY-4"))]));
    assert!(!shown.contains("CANARY"), "{shown}");
}

fn any_variables() -> impl Strategy<Value = Variables> {
    let value = "[^\\x00]{0,40}".prop_map(Secret::new);
    proptest::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,20}", value, 0..12).prop_map(|values| {
        let values = values.into_iter().map(|(name, value)| (name.parse().unwrap(), value));
        Variables::new(values.filter(|(key, _): &(VariableKey, _)| !key.is_reserved()).collect()).unwrap()
    })
}

proptest! {
    #[test]
    fn the_encoding_returns_every_bit(variables in any_variables()) {
        prop_assert_eq!(decode(&encode(&variables)).unwrap(), variables);
    }

    #[test]
    fn different_variables_have_different_bytes(left in any_variables(), right in any_variables()) {
        prop_assert_eq!(encode(&left) == encode(&right), left == right);
    }

    #[test]
    fn bytes_that_were_cut_or_lengthened_are_refused(variables in any_variables(), cut in 0usize..64, more in 1u8..) {
        let bytes = encode(&variables);
        prop_assume!(cut < bytes.len());
        prop_assert!(decode(&bytes[..cut]).is_err());
        let mut longer = bytes.to_vec();
        longer.push(more);
        prop_assert!(decode(&longer).is_err());
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(variables) = decode(&bytes) {
            prop_assert_eq!(&encode(&variables)[..], &bytes[..]);
        }
    }

    #[test]
    fn a_change_gives_exactly_what_it_names(before in any_variables(), after in any_variables()) {
        let (made, summary) = Change::replacing(&before, after.clone()).apply(&before).unwrap();
        prop_assert_eq!(&made, &after);
        prop_assert_eq!(summary.is_empty(), before == after);
    }
}
