//! The tenant's clusters: written as a whole under their version.

use slipway_domain::cluster::Cluster;
use slipway_domain::name::ClusterName;

use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, Item, VERSION};
use crate::reasons::Meaning;
use crate::records::{Change, Page};
use crate::store::Scoped;
use crate::transaction::{Edit, Transaction, When};

impl Scoped {
    /// `Exists(Cluster)` when the name is taken.
    pub async fn create_cluster(&self, change: &Change, cluster: &Cluster) -> Result<()> {
        let mut transaction = self.begin();
        let row = item::row([(BODY, item::json(Subject::Cluster, cluster)?), (VERSION, item::count(cluster.version))]);
        transaction.create(Subject::Cluster, &self.layout().cluster(&cluster.name), row)?;
        self.sign(&mut transaction, change, &target(&cluster.name))?;
        self.commit(transaction).await
    }

    /// A consistent read.
    pub async fn cluster(&self, name: &ClusterName) -> Result<Option<Cluster>> {
        self.database().get(&self.layout().cluster(name)).await?.as_ref().map(read).transpose()
    }

    /// All of the tenant's, by name.
    pub async fn clusters(&self) -> Result<Vec<Cluster>> {
        let mut clusters = Vec::new();
        let mut page = Page::first(Page::MAX_LIMIT);
        loop {
            let listed = self.list(self.layout().clusters(), false, &page).await?.read(read)?;
            clusters.extend(listed.items);
            page.after = listed.next;
            if page.after.is_none() {
                return Ok(clusters);
            }
        }
    }

    /// Replaces it if its version is still the one before `cluster.version`. `Stale(Cluster)`, `Missing(Cluster)`.
    pub async fn save_cluster(&self, change: &Change, cluster: &Cluster) -> Result<()> {
        let before = cluster.version.checked_sub(1);
        let before = before.ok_or_else(|| StoreError::Misuse("a cluster's version grows by one".to_owned()))?;
        let edit = Edit {
            set: vec![(BODY, item::json(Subject::Cluster, cluster)?), (VERSION, item::count(cluster.version))],
            when: vec![When::Is(VERSION, item::count(before))],
            ..Edit::default()
        };
        let mut transaction = self.begin();
        let key = self.layout().cluster(&cluster.name);
        transaction.update(Subject::Cluster, &key, &edit, Meaning::Stale(Subject::Cluster))?;
        self.sign(&mut transaction, change, &target(&cluster.name))?;
        self.commit(transaction).await
    }

    /// Forgets it if it is as it was read. `Stale(Cluster)`, `Missing(Cluster)`.
    pub async fn delete_cluster(&self, change: &Change, cluster: &Cluster) -> Result<()> {
        let mut transaction = self.begin();
        let when = vec![When::Is(VERSION, item::count(cluster.version))];
        transaction.delete(&self.layout().cluster(&cluster.name), when, Meaning::Stale(Subject::Cluster))?;
        self.sign(&mut transaction, change, &target(&cluster.name))?;
        self.commit(transaction).await
    }

    /// Requires that the tenant has a cluster of this name.
    pub(crate) fn require_cluster(&self, transaction: &mut Transaction, name: &ClusterName) -> Result<()> {
        transaction.check(&self.layout().cluster(name), vec![When::Has(VERSION)], Meaning::Missing(Subject::Cluster))
    }
}

fn read(item: &Item) -> Result<Cluster> {
    item::record(Subject::Cluster, item, BODY)
}

fn target(name: &ClusterName) -> String {
    format!("clusters/{name}")
}
