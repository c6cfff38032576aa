//! How spot capacity of one type came and went in this cluster, as a trace. The cluster saw what it had: where it had less than
//! is asked for and missed none, nobody knows whether more was to be had.

use crate::model::snapshot::Snapshot;
use crate::model::spot::{SpotEnd, SpotNode};
use crate::model::time::Window;
use crate::replay::spot::bounds::{Rate, garwood};
use crate::replay::spot::trace::{End, Node, Trace};

/// The cluster's spot nodes of one type over the window.
#[derive(Debug, Clone)]
pub(super) struct SpotHistory<'w> {
    window: Window,
    nodes: Vec<&'w SpotNode>,
}

impl<'w> SpotHistory<'w> {
    /// Those of this instance type.
    pub(super) fn of(snapshot: &'w Snapshot, instance_type: &str) -> Self {
        let own = |node: &&SpotNode| node.instance_type.as_deref() == Some(instance_type);
        Self::new(snapshot.grid.window, snapshot.spot_nodes.iter().filter(own))
    }

    /// These nodes, of one type.
    pub(super) fn new(window: Window, nodes: impl IntoIterator<Item = &'w SpotNode>) -> Self {
        Self {
            window,
            nodes: nodes.into_iter().collect(),
        }
    }

    /// Hours that such nodes were there, all together.
    pub(super) fn hours(&self) -> f64 {
        let hours = |node: &&SpotNode| self.window.hours_alive(node.from, node.to);
        self.nodes.iter().map(hours).sum()
    }

    /// How many were taken away, at most.
    pub(super) fn taken(&self) -> u64 {
        let taken = |node: &&&SpotNode| matches!(node.end, SpotEnd::Taken { .. });
        self.nodes.iter().filter(taken).count() as u64
    }

    /// How often one is taken away, with Garwood's interval at 95 %; `None` where there was none.
    pub(super) fn rate(&self) -> Option<Rate> {
        garwood(self.taken(), self.hours(), 0.95)
    }

    /// Seconds from when a node was taken until work ran again elsewhere, the median; `None` where none was taken.
    pub(super) fn away_seconds(&self) -> Option<i64> {
        let away = |node: &&SpotNode| match node.end {
            SpotEnd::Taken { back } => Some(back.as_second() - node.to.as_second()),
            SpotEnd::There | SpotEnd::LetGo => None,
        };
        let mut all: Vec<i64> = self.nodes.iter().filter_map(away).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    /// What is known of the availability of so many nodes at once: they were there; or one was taken, and its work ran nowhere yet.
    /// All else is unknown.
    pub(super) fn trace(&self, at_once: u32) -> Trace {
        let start = self.window.start.as_second();
        let length = self.window.end.as_second() - start;
        let node = |node: &&SpotNode| Node {
            from: node.from.as_second() - start,
            to: node.to.as_second() - start,
            end: match node.end {
                SpotEnd::Taken { .. } => End::Taken,
                SpotEnd::There | SpotEnd::LetGo => End::Unseen,
            },
        };
        let nodes: Vec<Node> = self.nodes.iter().map(node).collect();
        let mut known = enough(&nodes, at_once);
        known.extend(self.nodes.iter().filter_map(|node| match node.end {
            SpotEnd::Taken { back } => Some((node.to.as_second() - start, back.as_second() - start)),
            SpotEnd::There | SpotEnd::LetGo => None,
        }));
        known.sort_unstable();
        let (mut unknown, mut reached) = (Vec::new(), 0);
        for (from, to) in known {
            if from > reached {
                unknown.push((reached, from));
            }
            reached = reached.max(to);
        }
        unknown.push((reached, length));
        Trace::new(length, Some(self.window.start), nodes, unknown)
    }
}

/// Spans in which at least so many nodes are there.
fn enough(nodes: &[Node], at_once: u32) -> Vec<(i64, i64)> {
    let mut changes: Vec<(i64, i64)> = nodes.iter().flat_map(|node| [(node.from, 1), (node.to, -1)]).collect();
    changes.sort_unstable();
    let (mut there, mut since, mut spans) = (0, None, Vec::new());
    for (at, change) in changes {
        there += change;
        match (there >= i64::from(at_once), since) {
            (true, None) => since = Some(at),
            (false, Some(from)) => {
                spans.push((from, at));
                since = None;
            }
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn node(from: i64, to: i64, end: SpotEnd) -> SpotNode {
        SpotNode {
            name: format!("n{from}"),
            instance_type: None,
            from: at(from),
            to: at(to),
            end,
        }
    }

    fn history(nodes: &[SpotNode]) -> SpotHistory<'_> {
        let (start, end) = (at(0), at(36_000));
        SpotHistory::new(Window { start, end }, nodes)
    }

    #[test]
    fn what_was_not_asked_for_is_unknown_and_what_was_missed_is_not_there() {
        let nodes = [
            node(1_000, 5_000, SpotEnd::Taken { back: at(5_600) }),
            node(5_600, 9_000, SpotEnd::LetGo),
            node(20_000, 36_000, SpotEnd::There),
        ];
        let history = history(&nodes);
        let trace = history.trace(1);
        assert_eq!(trace.unknown, [(0, 1_000), (9_000, 20_000)]);
        assert_eq!((history.taken(), history.away_seconds()), (1, Some(600)));
        assert!((history.hours() - (4_000.0 + 3_400.0 + 16_000.0) / 3_600.0).abs() < 1e-9);
        // Of two at once it tells only that they were not there while one was missed.
        assert_eq!(history.trace(2).unknown, [(0, 5_000), (5_600, 36_000)]);
    }

    #[test]
    fn no_node_tells_nothing() {
        let history = history(&[]);
        assert_eq!((history.rate(), history.away_seconds()), (None, None));
        assert_eq!(history.trace(1).unknown, [(0, 36_000)]);
    }

    #[test]
    fn none_taken_is_not_never() {
        let nodes = [node(0, 36_000, SpotEnd::There)];
        let rate = history(&nodes).rate().unwrap();
        assert!(rate.low == 0.0 && (rate.high - 0.29957).abs() < 1e-4, "{rate:?}");
    }
}
