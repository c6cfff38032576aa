//! Objects that stand beside a workload and are about it: its autoscaler, its disruption budget.

use crate::model::cluster::{Hpa, Inventory};
use crate::model::workload::{Autoscaler, Workload};

pub(super) fn autoscaler(inventory: &Inventory, namespace: &str, kind: &str, name: &str) -> Option<Autoscaler> {
    let targets = |hpa: &&Hpa| hpa.namespace == namespace && hpa.target.kind == kind && hpa.target.name == name;
    inventory.hpas.iter().find(targets).map(|hpa| Autoscaler {
        name: hpa.name.clone(),
        min_replicas: hpa.min_replicas,
        max_replicas: hpa.max_replicas,
        spec: hpa.spec.clone(),
        scaled_object: hpa.scaled_object.clone(),
    })
}

/// Tells workloads the budget that all their living pods are in. Kubernetes evicts no pod that is in two.
pub(super) fn attach_budgets(workloads: &mut [Workload], inventory: &Inventory) {
    if inventory.disruption_budgets.is_empty() {
        return;
    }
    for workload in workloads {
        let running: Vec<&str> = workload.running().map(|pod| pod.name.as_str()).collect();
        let pods = inventory.pods.iter();
        let own = pods.filter(|pod| pod.namespace == workload.namespace && running.contains(&pod.name.as_str()));
        let labels: Vec<_> = own.map(|pod| &pod.labels).collect();
        let mut budgets = inventory.disruption_budgets.iter().filter(|budget| {
            let mut all = labels.iter();
            !labels.is_empty() && all.all(|labels| budget.selects(&workload.namespace, labels))
        });
        let only = budgets.next().filter(|_| budgets.next().is_none());
        workload.budget = only.cloned();
        let selected = |labels: &_| {
            let mut all = inventory.disruption_budgets.iter();
            all.any(|budget| budget.selects(&workload.namespace, labels))
        };
        workload.scheduling.in_no_budget = !labels.is_empty() && !labels.iter().any(|labels| selected(labels));
        workload.scheduling.kept_by_budgets = labels.iter().any(|labels| {
            let own = || inventory.disruption_budgets.iter();
            let own = || own().filter(|budget| budget.selects(&workload.namespace, labels));
            own().count() > 1 || own().any(|budget| budget.allowed == 0)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::model::budget::DisruptionBudget;
    use crate::model::cluster::{Labels, Pod};
    use crate::model::reading::Reading;
    use crate::model::time::{Grid, Window};
    use crate::policy::attribution::NOBODY;
    use crate::policy::price_sheet::PriceSheet;
    use crate::sources::collect::Outline;

    fn budgets_of(budgets: &[(&str, &str)]) -> Vec<Option<String>> {
        let budgets: Vec<(&str, &str, u32)> = budgets.iter().map(|(name, label)| (*name, *label, 0)).collect();
        let of = |one: Workload| one.budget.map(|budget| budget.name);
        workloads_with(&budgets).into_iter().map(of).collect()
    }

    fn workloads_with(budgets: &[(&str, &str, u32)]) -> Vec<Workload> {
        let labels = Labels::from([
            ("app".to_owned(), "chat".to_owned()),
            ("tier".to_owned(), "gold".to_owned()),
        ]);
        let pod = Pod {
            namespace: "ml".to_owned(),
            name: "chat-0".to_owned(),
            uid: "u".to_owned(),
            node: Some("n".to_owned()),
            phase: "Running".to_owned(),
            labels,
            counted: Some([("nvidia.com/gpu".to_owned(), 1.0)].into()),
            ..Pod::default()
        };
        let budget = |(name, label, allowed): &(&str, &str, u32)| DisruptionBudget {
            allowed: *allowed,
            namespace: "ml".to_owned(),
            name: (*name).to_owned(),
            match_labels: label
                .split_once('=')
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into_iter()
                .collect(),
            ..DisruptionBudget::default()
        };
        let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
        let reading = Reading {
            cluster: "c".to_owned(),
            grid: Grid {
                window: Window {
                    start: at(0),
                    end: at(36_000),
                },
                step_seconds: 3_600,
            },
            currency: "USD".to_owned(),
            inventory: Inventory {
                pods: vec![pod],
                disruption_budgets: budgets.iter().map(budget).collect(),
                ..Inventory::default()
            },
            series: Vec::new(),
            requests: Vec::new(),
            asked: Vec::new(),
            gaps: Vec::new(),
        };
        let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
        let outline = Outline::of(&reading, [].iter(), [].iter(), &catalog, &NOBODY, &sheet);
        outline.snapshot().workloads
    }

    #[test]
    fn nothing_moves_out_of_two_budgets_or_one_that_lets_none_go() {
        let kept = |budgets: &[(&str, &str, u32)]| workloads_with(budgets)[0].scheduling.kept_by_budgets;
        assert!(!kept(&[("own", "app=chat", 1), ("other", "app=embed", 0)]));
        assert!(kept(&[("own", "app=chat", 0)]));
        assert!(
            kept(&[("own", "app=chat", 1), ("gold", "tier=gold", 1)]),
            "an eviction out of two is refused"
        );
    }

    #[test]
    fn a_workload_is_in_no_budget_only_where_budgets_were_read() {
        let in_none = |budgets: &[(&str, &str, u32)]| workloads_with(budgets)[0].scheduling.in_no_budget;
        assert!(!in_none(&[]), "nobody was allowed to list them, or there is none");
        assert!(in_none(&[("other", "app=embed", 1)]));
        assert!(!in_none(&[("other", "app=embed", 1), ("gold", "tier=gold", 1)]));
    }

    #[test]
    fn a_budget_is_that_of_all_pods_and_the_only_one() {
        assert_eq!(
            budgets_of(&[("own", "app=chat"), ("other", "app=embed")]),
            [Some("own".to_owned())]
        );
        assert_eq!(budgets_of(&[("other", "app=embed")]), [None]);
        assert_eq!(budgets_of(&[("own", "app=chat"), ("second", "tier=gold")]), [None]);
    }
}
