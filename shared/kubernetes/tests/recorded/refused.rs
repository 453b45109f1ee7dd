//! Processes that the cluster does not create.

use slipway_rollout::observation::{Refusal, Visibility};

use super::deployment;

fn refusal(case: &str) -> Refusal {
    match deployment(case, "refused").visibility {
        Visibility::Refused(refusal) => refusal,
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn a_quota_that_is_used_up_is_told_from_rules() {
    let Refusal::Quota(words) = refusal("quota") else { panic!("{:?}", refusal("quota")) };
    assert!(words.contains("exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1"), "{words}");
    assert_eq!(deployment("quota", "refused").processes.len(), 1);
}

#[test]
fn what_a_rule_refuses_is_refused_for_good() {
    let cases = [
        ("policy", "denied request: no pods on Fridays"),
        ("webhook", "denied the request: images must come from registry.example.com"),
        ("pod-security", r#"violates PodSecurity "restricted:latest""#),
        ("limit-range", "maximum memory usage per Container is 10Mi, but limit is 100Mi"),
        ("quota-needs-limits", "failed quota: quota: must specify limits.memory"),
    ];
    for (case, part) in cases {
        let Refusal::Admission(words) = refusal(case) else { panic!("{case}: {:?}", refusal(case)) };
        assert!(words.contains(part), "{case}: {words}");
    }
}

#[test]
fn what_may_be_over_the_next_time_is_neither() {
    for (case, part) in
        [("webhook-absent", "failed calling webhook"), ("account-absent", r#"serviceaccount "nobody" not found"#)]
    {
        let Refusal::Other(words) = refusal(case) else { panic!("{case}: {:?}", refusal(case)) };
        assert!(words.contains(part), "{case}: {words}");
    }
}
