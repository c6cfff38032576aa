//! OpenCost's and Kubecost's answers: every figure is the one that the text holds or none at all, no entry is lost or made
//! up, and a day's nodes cost no more, and for no longer, than the answer can say.

#![no_main]

use gpuwise::model::time::Window;
use gpuwise::sources::opencost::allocation::allocations;
use gpuwise::sources::opencost::node_costs;
use gpuwise_fuzz::tree::Tree;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    // What nobody looks at may be beyond a number's range, or no UTF-8.
    let Some(tree) = Tree::parse(body) else { return };
    if let Ok(read) = allocations(body) {
        let entries = entries(&tree);
        assert_eq!(read.len(), entries.len());
        for (held, (key, entry)) in read.iter().zip(entries) {
            assert_eq!(held.key, key);
            let figures = [
                (held.allocation.minutes, "minutes"),
                (held.allocation.total_cost, "totalCost"),
                (held.allocation.gpu_hours, "gpuHours"),
            ];
            for (figure, name) in figures {
                assert_eq!(figure, entry.get(name).and_then(number), "{name}");
            }
            let sums = [held.allocation.gpu(), held.allocation.network()];
            assert!(sums.into_iter().flatten().all(|sum| !sum.is_nan()));
        }
    }
    let day = Window {
        start: Timestamp::from_second(1_793_491_200).expect("a time"),
        end: Timestamp::from_second(1_793_577_600).expect("a time"),
    };
    if let Ok(nodes) = node_costs(body, day) {
        let entries = entries(&tree);
        let most = entries
            .iter()
            .filter_map(|(_, entry)| entry.get("totalCost").and_then(number));
        let most: f64 = most.map(f64::abs).sum();
        for node in &nodes {
            assert!(
                node.hours > 0.0 && node.hours <= 24.0 * entries.len() as f64 * 1.000_001,
                "{node:?}"
            );
            assert!(node.total_cost.is_finite(), "{node:?}");
            assert!(node.total_cost.abs() <= most * 1.000_001, "{node:?} of {most}");
            assert!(node.gpus.is_none_or(f64::is_finite), "{node:?}");
        }
        assert!(nodes.windows(2).all(|pair| pair[0].node < pair[1].node), "{nodes:?}");
    }
});

/// The entries of all sets, nulls left out.
fn entries(tree: &Tree) -> Vec<(&str, &Tree)> {
    let mut found = Vec::new();
    let mut open: Vec<&Tree> = tree.get("data").into_iter().collect();
    while let Some(set) = open.pop() {
        open.extend(set.items().into_iter().flatten().rev());
        let members = set.members().into_iter().flatten();
        let there = members.filter(|(_, entry)| *entry != Tree::Null);
        found.extend(there.map(|(key, entry)| (key.as_str(), entry)));
    }
    found
}

fn number(value: &Tree) -> Option<f64> {
    let figure = match value {
        Tree::Number(figure) => Some(*figure),
        Tree::Text(text) => text.parse().ok(),
        Tree::Bool(yes) => Some(f64::from(u8::from(*yes))),
        _ => None,
    };
    figure.filter(|figure: &f64| figure.is_finite())
}
