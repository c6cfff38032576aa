//! A ledger's accounts under the names of workloads. A cost source names the direct controller of a pod, and of kinds that it does
//! not know not even that: a Notebook comes as its StatefulSet, a Rollout as its ReplicaSet, a PyTorchJob as pods without a
//! controller. Who edits what runs stands at the top of the chain of owners.

use std::collections::{BTreeMap, HashMap};

use super::owner_labels;
use super::owners::{Owners, Top};
use crate::model::cluster::{Inventory, Labels, ObjectRef};
use crate::model::ledger::{Account, Ledger};

/// Kinds that a cost source may name though the inventory has no object of them any more.
const KINDS: [&str; 7] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "Rollout",
    "StatefulSet",
];

/// The ledger with every account of pods under the top of their chain of owners, as far as objects and history tell it.
pub(super) fn under_tops(ledger: &Ledger, inventory: &Inventory, owners: &Owners<'_>) -> Ledger {
    let desk = Desk::of(inventory, owners);
    let mut named = ledger.clone();
    for account in named.accounts.iter_mut().filter(|account| account.holder.is_pods()) {
        if let Some(top) = desk.top(account) {
            account.kind = Some(top.kind.to_lowercase());
            account.controller = Some(top.name);
        }
    }
    named
}

struct Desk<'a> {
    owners: &'a Owners<'a>,
    /// Kinds by their names in small letters, as cost sources write them.
    kinds: HashMap<String, &'a str>,
    /// The tops of pods, by namespace and name: those of history, and over them those that live.
    pods: HashMap<(&'a str, &'a str), Top>,
}

impl<'a> Desk<'a> {
    fn of(inventory: &'a Inventory, owners: &'a Owners<'a>) -> Self {
        let of_pods = inventory
            .pods
            .iter()
            .filter_map(|pod| Some(pod.owner.as_ref()?.kind.as_str()));
        let of_history = inventory
            .owner_history
            .iter()
            .flat_map(|record| [&record.kind, &record.owner_kind]);
        let of_controllers = inventory.controllers.iter().map(|one| &one.this.kind);
        let kinds = KINDS
            .into_iter()
            .chain(of_pods)
            .chain(of_history.chain(of_controllers).map(String::as_str))
            .map(|kind| (kind.to_lowercase(), kind))
            .collect();
        let mut pods = HashMap::new();
        for record in &inventory.pod_history {
            let key = (record.namespace.as_str(), record.name.as_str());
            pods.insert(key, owners.of_record(record));
        }
        for pod in &inventory.pods {
            pods.insert((pod.namespace.as_str(), pod.name.as_str()), owners.of_pod(pod));
        }
        Self { owners, kinds, pods }
    }

    fn top(&self, account: &Account) -> Option<Top> {
        let (namespace, name) = (account.namespace.as_deref()?, account.controller.as_deref()?);
        let Some(kind) = &account.kind else {
            return self.pods.get(&(namespace, name)).cloned();
        };
        let kind = *self.kinds.get(kind)?;
        let start = ObjectRef {
            api_version: String::new(),
            // OpenCost calls the ReplicaSet of a Rollout a rollout.
            kind: match kind {
                "Rollout" if self.owners.controller(namespace, kind, name).is_none() => "ReplicaSet".to_owned(),
                _ => kind.to_owned(),
            },
            name: name.to_owned(),
            uid: None,
        };
        let replicas = kind != start.kind;
        let top = self.owners.of_labelled(namespace, start, &labels(account));
        if !replicas || top.kind != "ReplicaSet" {
            return Some(top);
        }
        // Nothing tells of a ReplicaSet that is gone; its name is the Rollout's and a hash.
        let (rollout, _) = name.rsplit_once('-')?;
        self.owners.controller(namespace, kind, rollout)?;
        Some(Top {
            kind: kind.to_owned(),
            name: rollout.to_owned(),
            ..top
        })
    }
}

/// The labels of an account that tell of owners, under their own names: a cost source writes them as Prometheus allows.
fn labels(account: &Account) -> Labels {
    let own = |name: &&str| {
        let written = name.replace(['.', '/', '-'], "_");
        Some(((*name).to_owned(), account.labels.get(&written)?.clone()))
    };
    let all: BTreeMap<String, String> = owner_labels::NAMES.iter().filter_map(own).collect();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cluster::{Controller, OwnerRecord, PodRecord};
    use crate::model::ledger::{Holder, ToldBy};

    fn object(kind: &str, name: &str) -> ObjectRef {
        ObjectRef {
            api_version: String::new(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: None,
        }
    }

    fn controller(kind: &str, name: &str, owner: Option<(&str, &str)>) -> Controller {
        Controller {
            this: object(kind, name),
            namespace: "ml".to_owned(),
            owner: owner.map(|(kind, name)| object(kind, name)),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            replicas: None,
            deployed: None,
            args: Vec::new(),
        }
    }

    fn account(kind: Option<&str>, name: &str, labels: &[(&str, &str)]) -> Account {
        Account {
            namespace: Some("ml".to_owned()),
            kind: kind.map(str::to_owned),
            controller: Some(name.to_owned()),
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Account::default()
        }
    }

    fn inventory() -> Inventory {
        Inventory {
            controllers: vec![
                controller("Notebook", "lab", None),
                controller("StatefulSet", "lab", Some(("Notebook", "lab"))),
                controller("Rollout", "chat", None),
                controller("ReplicaSet", "chat-6d4f", Some(("Rollout", "chat"))),
                controller("CronJob", "nightly", None),
            ],
            owner_history: vec![OwnerRecord {
                namespace: "ml".to_owned(),
                kind: "Job".to_owned(),
                name: "nightly-29384756".to_owned(),
                owner_kind: "CronJob".to_owned(),
                owner_name: "nightly".to_owned(),
            }],
            pod_history: vec![PodRecord {
                namespace: "ml".to_owned(),
                name: "llama-master-0".to_owned(),
                owner_kind: Some("PyTorchJob".to_owned()),
                owner_name: Some("llama".to_owned()),
                ..PodRecord::default()
            }],
            ..Inventory::default()
        }
    }

    fn named(account: Account) -> (String, String) {
        let ledger = Ledger {
            told_by: ToldBy::OpenCost,
            accounts: vec![account],
            nodes: BTreeMap::new(),
            days: Vec::new(),
        };
        let inventory = inventory();
        let mut named = under_tops(&ledger, &inventory, &Owners::of(&inventory)).accounts;
        let account = named.remove(0);
        (account.kind.unwrap_or_default(), account.controller.unwrap_or_default())
    }

    #[test]
    fn accounts_are_named_by_what_their_owner_edits() {
        let is = |account: Account, kind: &str, name: &str| {
            assert_eq!(named(account), (kind.to_owned(), name.to_owned()));
        };
        is(account(Some("statefulset"), "lab", &[]), "notebook", "lab");
        is(account(Some("rollout"), "chat-6d4f", &[]), "rollout", "chat");
        // A ReplicaSet that nothing tells of any more.
        is(account(Some("rollout"), "chat-77bc", &[]), "rollout", "chat");
        is(account(Some("job"), "nightly-29384756", &[]), "cronjob", "nightly");
        is(account(None, "llama-master-0", &[]), "pytorchjob", "llama");
        let group = [("leaderworkerset_sigs_k8s_io_name", "deepseek")];
        is(
            account(Some("statefulset"), "deepseek-0", &group),
            "leaderworkerset",
            "deepseek",
        );
    }

    #[test]
    fn what_nothing_tells_of_keeps_the_name_that_was_told() {
        assert_eq!(
            named(account(Some("deployment"), "web", &[])),
            ("deployment".to_owned(), "web".to_owned())
        );
        assert_eq!(
            named(account(Some("kedaproxy"), "x", &[])),
            ("kedaproxy".to_owned(), "x".to_owned())
        );
        assert_eq!(named(account(None, "stray", &[])), (String::new(), "stray".to_owned()));
        let assets = Account {
            holder: Holder::Assets,
            ..account(Some("job"), "nightly-29384756", &[])
        };
        assert_eq!(named(assets).0, "job");
    }
}
