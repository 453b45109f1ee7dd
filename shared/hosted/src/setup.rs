//! What a tenant applies in its own account: role and entry, filled in. Pure.

use slipway_domain::cluster::Cluster;
use slipway_domain::id::TenantId;
use slipway_service::clusters::Setup;

const CLOUDFORMATION: &str = include_str!("../../../infra/cluster-role.yaml");
const TERRAFORM: &str = include_str!("../../../infra/cluster-role.tf");

/// Everything that is put in was checked where it came in: none of it needs escaping. `principals` are the ARNs of our
/// own roles.
pub fn setup(tenant: &TenantId, cluster: &Cluster, principals: &[String]) -> Setup {
    let principals = principals.iter().map(|arn| format!("\"{arn}\"")).collect::<Vec<_>>().join(", ");
    let places = [
        ("${EKS_NAME}", cluster.place.name.to_string()),
        ("${ROLE_NAME}", cluster.role_name(tenant)),
        ("${PRINCIPALS}", principals),
        ("${EXTERNAL_ID}", cluster.external_id.to_string()),
        ("${CLUSTER_ARN}", cluster.place.arn()),
        ("${GROUP}", Cluster::group(tenant)),
    ];
    let filled = |text: &str| places.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value));
    Setup { cloudformation: filled(CLOUDFORMATION), terraform: filled(TERRAFORM) }
}

#[cfg(test)]
mod tests {
    use slipway_domain::cluster::EksPlace;
    use slipway_domain::cluster::role::ExternalId;
    use slipway_domain::time::Time;

    use super::*;

    #[test]
    fn every_place_is_filled_in() {
        let cluster = Cluster {
            name: "main".parse().unwrap(),
            place: EksPlace {
                region: "eu-central-1".parse().unwrap(),
                account: "123456789012".parse().unwrap(),
                name: "Prod_1".parse().unwrap(),
            },
            external_id: ExternalId::from_entropy([1, 2]),
            created_at: Time::from_millis(0),
            created_by: "ana".to_owned(),
            connected_at: None,
            version: 1,
        };
        let principals = ["api", "rollout"].map(|name| format!("arn:aws:iam::210987654321:role/{name}"));
        let Setup { cloudformation, terraform } = setup(&TenantId::from_entropy(7), &cluster, &principals);
        for text in [&cloudformation, &terraform] {
            assert!(!text.contains("${"), "{text}");
            let ours = "[\"arn:aws:iam::210987654321:role/api\", \"arn:aws:iam::210987654321:role/rollout\"]";
            for part in [
                "Prod_1",
                "slipway-thaaaaaaaaa-main",
                "slipway:thaaaaaaaaa",
                "arn:aws:eks:eu-central-1:123456789012:cluster/Prod_1",
                cluster.external_id.as_str(),
                ours,
            ] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
        }
    }
}
