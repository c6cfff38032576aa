//! When which nodes were there. What was not watched is unknown, and never counted as there.

use jiff::Timestamp;

use super::bounds::{Rate, garwood};
use super::{HOUR, Random};

/// How a node's time ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was taken away.
    Taken,
    /// Nobody saw its end: it was still there, or nobody watched any more.
    Unseen,
}

/// A node's time, in seconds from the trace's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// From when.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// How it ended.
    pub end: End,
}

/// Nodes that came and went over a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its length in seconds.
    pub length: i64,
    /// The moment of its beginning, where the trace tells it.
    pub origin: Option<Timestamp>,
    /// In the order of their beginning.
    pub nodes: Vec<Node>,
    /// Spans in which nobody watched, in order, none meeting another.
    pub unknown: Vec<(i64, i64)>,
}

/// What a trace shows of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Hours that were watched.
    pub watched_hours: f64,
    /// Hours that nodes were there.
    pub node_hours: f64,
    /// Nodes there on average.
    pub nodes_mean: f64,
    /// Most nodes at a time.
    pub nodes_most: u32,
    /// Of the nodes that were there at best, the share there on average.
    pub availability: f64,
    /// Nodes that were taken away.
    pub taken: u64,
    /// Nodes taken away per hour of the trace.
    pub taken_per_hour: f64,
    /// Per hour of one node, with its interval at 95 %; `None` where no node was ever there.
    pub rate: Option<Rate>,
}

impl Trace {
    /// From nodes and gaps in any order. Spans are cut to the trace, and nodes to what was watched.
    pub fn new(length: i64, origin: Option<Timestamp>, nodes: Vec<Node>, unknown: Vec<(i64, i64)>) -> Self {
        let mut gaps: Vec<(i64, i64)> = Vec::new();
        let mut sorted: Vec<(i64, i64)> = unknown
            .into_iter()
            .map(|(from, to)| (from.max(0), to.min(length)))
            .filter(|(from, to)| from < to)
            .collect();
        sorted.sort_unstable();
        for (from, to) in sorted {
            match gaps.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => gaps.push((from, to)),
            }
        }
        let mut cut: Vec<Node> = nodes
            .into_iter()
            .flat_map(|node| watched(node, &gaps, length))
            .collect();
        cut.sort_unstable_by_key(|node| (node.from, node.to, node.end == End::Unseen));
        Self {
            length,
            origin,
            nodes: cut,
            unknown: gaps,
        }
    }

    /// From how many were there, read at increasing seconds; each reading holds until the next one, the last until `length`,
    /// and `None` is unknown. Where some go, which of them is drawn: a number does not tell.
    pub fn of_counts(readings: &[(i64, Option<u32>)], length: i64, origin: Option<Timestamp>, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut nodes: Vec<Node> = Vec::new();
        let mut there: Vec<i64> = Vec::new();
        let mut unknown = Vec::new();
        let end_of = |from: i64, to: i64, end: End| Node { from, to, end };
        let first = readings.first().map_or(length, |reading| reading.0);
        unknown.push((0, first));
        for (place, &(at, count)) in readings.iter().enumerate() {
            let Some(count) = count else {
                nodes.extend(there.drain(..).map(|from| end_of(from, at, End::Unseen)));
                let until = readings.get(place + 1).map_or(length, |next| next.0);
                unknown.push((at, until));
                continue;
            };
            while there.len() > count as usize {
                let gone = there.swap_remove(random.below(there.len()));
                nodes.push(end_of(gone, at, End::Taken));
            }
            there.resize((count as usize).max(there.len()), at);
        }
        nodes.extend(there.into_iter().map(|from| end_of(from, length, End::Unseen)));
        Self::new(length, origin, nodes, unknown)
    }

    /// What it shows of itself.
    pub fn figures(&self) -> Figures {
        let seconds: i64 = self.nodes.iter().map(|node| node.to - node.from).sum();
        let gaps: i64 = self.unknown.iter().map(|(from, to)| to - from).sum();
        let taken = self.nodes.iter().filter(|node| node.end == End::Taken).count() as u64;
        let mut changes: Vec<(i64, i32)> = self
            .nodes
            .iter()
            .flat_map(|node| [(node.from, 1), (node.to, -1)])
            .collect();
        changes.sort_unstable();
        let (mut now, mut most) = (0_i32, 0_i32);
        for (_, change) in changes {
            now += change;
            most = most.max(now);
        }
        let watched_hours = (self.length - gaps) as f64 / HOUR;
        let node_hours = seconds as f64 / HOUR;
        let nodes_mean = if watched_hours > 0.0 {
            node_hours / watched_hours
        } else {
            0.0
        };
        let nodes_most = u32::try_from(most).unwrap_or(0);
        Figures {
            watched_hours,
            node_hours,
            nodes_mean,
            nodes_most,
            availability: nodes_mean / f64::from(nodes_most.max(1)),
            taken,
            taken_per_hour: if watched_hours > 0.0 {
                taken as f64 / watched_hours
            } else {
                0.0
            },
            rate: garwood(taken, node_hours, 0.95),
        }
    }
}

/// The parts of a node's time in which somebody watched.
fn watched(node: Node, gaps: &[(i64, i64)], length: i64) -> Vec<Node> {
    let end = if node.to <= length { node.end } else { End::Unseen };
    let (mut from, to) = (node.from.max(0), node.to.min(length));
    let mut parts = Vec::new();
    for &(gap, over) in gaps {
        if gap >= to {
            break;
        }
        if over <= from {
            continue;
        }
        if from < gap {
            let end = End::Unseen;
            parts.push(Node { from, to: gap, end });
        }
        from = over;
    }
    if from < to {
        parts.push(Node { from, to, end });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(trace: &Trace) -> Vec<(i64, i64, End)> {
        trace.nodes.iter().map(|node| (node.from, node.to, node.end)).collect()
    }

    #[test]
    fn numbers_become_nodes_that_come_and_go() {
        let trace = Trace::of_counts(
            &[(0, Some(1)), (10, Some(0)), (20, Some(2)), (30, Some(1))],
            40,
            None,
            7,
        );
        let mut ends: Vec<(i64, End)> = trace.nodes.iter().map(|node| (node.to, node.end)).collect();
        ends.sort_by_key(|end| end.0);
        assert_eq!(ends, [(10, End::Taken), (30, End::Taken), (40, End::Unseen)]);
        let figures = trace.figures();
        assert_eq!((figures.taken, figures.nodes_most), (2, 2));
        assert!((figures.node_hours * HOUR - (10.0 + 20.0 + 10.0)).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_watched_is_neither_there_nor_taken() {
        let trace = Trace::of_counts(&[(5, Some(1)), (10, None), (20, Some(1))], 30, None, 0);
        assert_eq!(trace.unknown, [(0, 5), (10, 20)]);
        assert_eq!(spans(&trace), [(5, 10, End::Unseen), (20, 30, End::Unseen)]);
        let figures = trace.figures();
        assert_eq!((figures.taken, figures.watched_hours * HOUR), (0, 15.0));
        assert!((figures.availability - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_node_is_cut_to_what_was_watched() {
        let node = |from, to| Node {
            from,
            to,
            end: End::Taken,
        };
        let trace = Trace::new(
            100,
            None,
            vec![node(-5, 50), node(60, 200)],
            vec![(90, 95), (10, 20), (15, 30)],
        );
        assert_eq!(trace.unknown, [(10, 30), (90, 95)]);
        let wanted = [
            (0, 10, End::Unseen),
            (30, 50, End::Taken),
            (60, 90, End::Unseen),
            (95, 100, End::Unseen),
        ];
        assert_eq!(spans(&trace), wanted);
    }

    #[test]
    fn a_trace_without_nodes_has_no_rate() {
        let figures = Trace::new(3_600, None, Vec::new(), Vec::new()).figures();
        assert_eq!(
            (figures.rate, figures.availability, figures.taken_per_hour),
            (None, 0.0, 0.0)
        );
    }
}
