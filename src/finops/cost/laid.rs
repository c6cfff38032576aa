//! The cost of a GPU node, laid on its GPUs. A cost source splits a node's price over CPUs, memory and GPUs by fixed ratios: of
//! a p5.48xlarge at 55.04 an hour OpenCost calls 2.34 the price of a GPU, though an eighth of it is 6.88, and whoever gives back
//! eight GPUs gives back the node. So a GPU costs its part of the whole node here, as it does in a plan.

use crate::model::amount::Amount;
use crate::model::ledger::{Account, Costs};

/// A GPU node on a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NodeDay {
    /// What the whole node cost that day.
    pub(super) cost: Amount,
    /// GPUs, times hours.
    pub(super) capacity: f64,
    /// Who held GPUs of it, as the place of an entry, and for how many GPU hours.
    pub(super) held: Vec<(usize, f64)>,
}

/// What of a GPU node nobody held.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct IdleNode<'a> {
    /// Under whose name it stands.
    pub(super) account: &'a Account,
    /// What it cost.
    pub(super) cost: Amount,
    /// What it would cost at list prices; `None` where no list has the node.
    pub(super) list: Option<Amount>,
}

/// What each holder's part is, and what nobody held. Holders of more than there is, as where GPUs are shared in time, share it.
pub(super) fn laid(node: &NodeDay) -> (Vec<(usize, Amount)>, Amount) {
    let held: f64 = node.held.iter().map(|(_, hours)| hours).sum();
    let whole = node.capacity.max(held);
    if whole <= 0.0 {
        return (Vec::new(), node.cost);
    }
    let parts: Vec<(usize, Amount)> = node
        .held
        .iter()
        .map(|(entry, hours)| (*entry, node.cost.times(hours / whole)))
        .collect();
    let rest = node.cost - parts.iter().map(|(_, part)| *part).sum();
    // The edges of lives are known to a minute only.
    let nothing = rest.get().abs() < 1e-4 * parts.len() as f64;
    match parts.split_last() {
        Some(((entry, part), others)) if nothing => {
            let mut all = others.to_vec();
            all.push((*entry, *part + rest));
            (all, Amount::ZERO)
        }
        _ => (parts, rest),
    }
}

/// How much of what was told of a holder is told otherwise.
pub(super) fn moved(told: Costs, part: Amount) -> Amount {
    let more = part - told.of_node();
    if more.is_negative() { Amount::ZERO } else { more }
}

/// What was told of an entry, and what its part of a GPU node is.
pub(super) struct Told {
    pub(super) costs: Costs,
    pub(super) of_gpu_node: Option<Amount>,
    pub(super) list: Option<Amount>,
}

impl Told {
    pub(super) fn of(costs: Costs) -> Self {
        Self {
            costs,
            of_gpu_node: None,
            list: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(cost: f64, capacity: f64, held: &[(usize, f64)]) -> NodeDay {
        NodeDay {
            cost: Amount::new(cost).unwrap(),
            capacity,
            held: held.to_vec(),
        }
    }

    #[test]
    fn an_eighth_of_the_node_is_a_gpu() {
        let (parts, idle) = laid(&day(1320.96, 192.0, &[(0, 48.0), (4, 24.0)]));
        let shown: Vec<(usize, f64)> = parts.iter().map(|(entry, part)| (*entry, part.get())).collect();
        assert_eq!(shown, [(0, 330.24), (4, 165.12)]);
        assert_eq!(idle.get(), 825.6);
    }

    #[test]
    fn who_holds_more_than_there_is_shares_it_and_nothing_is_lost() {
        let node = day(100.0, 24.0, &[(0, 24.0), (1, 24.0), (2, 24.0)]);
        let (parts, idle) = laid(&node);
        assert!(idle.is_zero());
        assert_eq!(parts.iter().map(|(_, part)| *part).sum::<Amount>(), node.cost);
        let (parts, idle) = laid(&day(10.0, 0.0, &[]));
        assert!(parts.is_empty());
        assert_eq!(idle.get(), 10.0);
    }
}
