//! The ledger: what each day cost and whose it was, as a cost source told it, before any correction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::costs::CostProduct;
use super::time::Window;

/// Whose a cost is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// Pods hold it.
    #[default]
    Pods,
    /// Nobody: the part of nodes that no pod requested or used. A GPU that a pod requested and leaves alone is not in it.
    Idle,
    /// Pods that lack what was aggregated by, such as a label.
    Unallocated,
    /// Volumes and load balancers that no pod uses.
    Unmounted,
    /// Cost that is shared out, or comes from outside the cluster.
    Shared,
    /// What the source counts among its assets and not among its allocations: control planes, what nodes cost beyond what is
    /// allocated of them.
    Assets,
}

impl Holder {
    /// Whether it is what pods hold.
    pub fn is_pods(&self) -> bool {
        *self == Self::Pods
    }
}

/// Who told what a day cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToldBy {
    /// OpenCost's allocations.
    OpenCost,
    /// Kubecost's allocations.
    Kubecost,
    /// Nobody: GPUs that were held, at the prices of their nodes. Nothing else is in it.
    Prices,
}

impl ToldBy {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenCost => "OpenCost",
            Self::Kubecost => "Kubecost",
            Self::Prices => "prices of nodes",
        }
    }
}

impl From<CostProduct> for ToldBy {
    fn from(product: CostProduct) -> Self {
        match product {
            CostProduct::OpenCost => Self::OpenCost,
            CostProduct::Kubecost => Self::Kubecost,
        }
    }
}

/// What days cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Who told it.
    pub told_by: ToldBy,
    /// Whose costs there are, each once; entries name them by their place.
    pub accounts: Vec<Account>,
    /// What is known of the nodes that accounts name.
    #[serde(default)]
    pub nodes: BTreeMap<String, LedgerNode>,
    /// The days that were asked for, oldest first.
    pub days: Vec<LedgerDay>,
}

/// Whose a cost is. Figures of pods that agree in all of it are one account, whatever the pods are called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Account {
    /// What kind of holder.
    #[serde(default, skip_serializing_if = "Holder::is_pods")]
    pub holder: Holder,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Kind of the controller, in small letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the controller; of an asset, what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// Labels of the pods and of their namespace, with names as Prometheus allows them: `a-b`, `a.b` and `a_b` are all `a_b`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations, likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LedgerNode {
    /// Its instance type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<f64>,
    /// Whether it was spot capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<bool>,
}

/// A day, or as much of it as lies in what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerDay {
    /// From when to when.
    pub window: Window,
    /// Whether the source told of it; a day of which it did not is no day at no cost.
    pub told: bool,
    /// What accounts cost, in the order of accounts.
    pub entries: Vec<Entry>,
    /// Hours for which each node was there, and what it cost as a whole, as the source tells of its assets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, (f64, Amount)>,
    /// How many figures were null.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unpriced: u32,
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

/// What an account cost on a day.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Columns", into = "Columns")]
pub struct Entry {
    /// The account, by its place.
    pub account: u32,
    /// GPUs held, times hours, as the source counts them.
    pub gpu_hours: f64,
    /// What for.
    pub costs: Costs,
}

/// An entry as it is kept: account, GPU hours, then costs of GPUs, CPUs, memory, storage, network, load balancers, shared cost,
/// external cost.
type Columns = (u32, f64, [Amount; 8]);

impl From<Columns> for Entry {
    fn from((account, gpu_hours, costs): Columns) -> Self {
        let [gpu, cpu, memory, storage, network, load_balancers, shared, external] = costs;
        Self {
            account,
            gpu_hours,
            costs: Costs {
                gpu,
                cpu,
                memory,
                storage,
                network,
                load_balancers,
                shared,
                external,
            },
        }
    }
}

impl From<Entry> for Columns {
    fn from(entry: Entry) -> Self {
        (entry.account, entry.gpu_hours, entry.costs.all())
    }
}

/// Costs by what they are for, adjustments included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    /// GPUs, by the source's own split of a node's price.
    pub gpu: Amount,
    /// CPUs.
    pub cpu: Amount,
    /// Memory.
    pub memory: Amount,
    /// Volumes.
    pub storage: Amount,
    /// Traffic.
    pub network: Amount,
    /// Load balancers.
    pub load_balancers: Amount,
    /// What is shared out.
    pub shared: Amount,
    /// What comes from outside the cluster.
    pub external: Amount,
}

impl Costs {
    fn all(self) -> [Amount; 8] {
        [
            self.gpu,
            self.cpu,
            self.memory,
            self.storage,
            self.network,
            self.load_balancers,
            self.shared,
            self.external,
        ]
    }

    /// All of it.
    pub fn total(self) -> Amount {
        self.all().into_iter().sum()
    }

    /// What of it is a node's: GPUs, CPUs and memory.
    pub fn of_node(self) -> Amount {
        self.gpu + self.cpu + self.memory
    }
}

impl std::ops::AddAssign for Costs {
    fn add_assign(&mut self, other: Self) {
        self.gpu += other.gpu;
        self.cpu += other.cpu;
        self.memory += other.memory;
        self.storage += other.storage;
        self.network += other.network;
        self.load_balancers += other.load_balancers;
        self.shared += other.shared;
        self.external += other.external;
    }
}

impl Ledger {
    /// The account of an entry.
    pub fn account(&self, entry: &Entry) -> Option<&Account> {
        self.accounts.get(entry.account as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_kept_as_a_short_list_and_comes_back() {
        let some = |value| Amount::new(value).unwrap();
        let entry = Entry {
            account: 3,
            gpu_hours: 12.5,
            costs: Costs {
                gpu: some(10.25),
                network: some(-0.5),
                external: some(1.0),
                ..Costs::default()
            },
        };
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(text, "[3,12.5,[10.25,0.0,0.0,0.0,-0.5,0.0,0.0,1.0]]");
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
        assert_eq!(entry.costs.total(), some(10.75));
        assert_eq!(entry.costs.of_node(), some(10.25));
    }
}
