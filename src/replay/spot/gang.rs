//! A trace as a job on so many nodes at once reads it: whether enough are there, and until when none of those goes.

use std::collections::BTreeSet;

use super::Random;
use super::trace::Trace;

/// What there is for a gang at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody watched.
    Unknown,
    /// Fewer nodes than it needs.
    Short,
    /// Enough; one that begins now has all of its nodes until this second, at most until the trace ends.
    There {
        /// Until when.
        until: i64,
    },
}

/// States by the second from which they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gang {
    segments: Vec<(i64, State)>,
    /// The end of the trace.
    pub length: i64,
}

impl Gang {
    /// Of so many nodes, all of which it needs. Which of more it gets is drawn once for all: a node is as good as another.
    pub fn of(trace: &Trace, nodes: u32, seed: u64) -> Self {
        let rank = Random::new(seed).order(trace.nodes.len());
        // What ends goes before what begins.
        let mut changes: Vec<(i64, bool, usize)> = Vec::new();
        for (at, node) in trace.nodes.iter().enumerate() {
            changes.extend([(node.from, true, at), (node.to, false, at)]);
        }
        changes.sort_unstable();
        let mut times: BTreeSet<i64> = changes.iter().map(|change| change.0).collect();
        times.insert(0);
        times.extend(trace.unknown.iter().flat_map(|(from, to)| [*from, *to]));
        times.retain(|at| *at < trace.length);
        let mut there: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut changes = changes.into_iter().peekable();
        let mut segments: Vec<(i64, State)> = Vec::new();
        for at in times {
            while let Some((_, begins, node)) = changes.next_if(|change| change.0 <= at) {
                let one = (rank[node], node);
                if begins {
                    there.insert(one);
                } else {
                    there.remove(&one);
                }
            }
            let state = match is_unknown(trace, at) {
                true => State::Unknown,
                false if there.len() < nodes as usize => State::Short,
                false => {
                    let own = there.iter().take(nodes as usize).map(|(_, node)| &trace.nodes[*node]);
                    // Of a node whose end nobody saw nothing is known from then on.
                    let until = own.map(|node| node.to).min().unwrap_or(trace.length);
                    State::There { until }
                }
            };
            if segments.last().is_none_or(|last| last.1 != state) {
                segments.push((at, state));
            }
        }
        Self {
            segments,
            length: trace.length,
        }
    }

    /// The state at a second, and the second at which it ends; after the trace nobody watched.
    pub fn at(&self, second: i64) -> (State, i64) {
        if second >= self.length {
            return (State::Unknown, i64::MAX);
        }
        let next = self.segments.partition_point(|(from, _)| *from <= second);
        let state = next.checked_sub(1).map_or(State::Unknown, |at| self.segments[at].1);
        let until = self.segments.get(next).map_or(self.length, |(from, _)| *from);
        (state, until)
    }

    /// Whether all of a span was watched.
    pub fn is_known(&self, from: i64, to: i64) -> bool {
        if from < 0 || to > self.length {
            return false;
        }
        let begin = self.segments.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let inside = self.segments.iter().skip(begin).take_while(|(at, _)| *at < to);
        !inside.into_iter().any(|(_, state)| *state == State::Unknown)
    }
}

fn is_unknown(trace: &Trace, second: i64) -> bool {
    trace.unknown.iter().any(|(from, to)| (*from..*to).contains(&second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::spot::trace::{End, Node};

    fn trace(nodes: &[(i64, i64)], unknown: &[(i64, i64)]) -> Trace {
        let node = |(from, to): &(i64, i64)| Node {
            from: *from,
            to: *to,
            end: if *to < 100 { End::Taken } else { End::Unseen },
        };
        Trace::new(100, None, nodes.iter().map(node).collect(), unknown.to_vec())
    }

    #[test]
    fn a_gang_loses_all_with_its_first_node() {
        let gang = Gang::of(&trace(&[(0, 50), (10, 80), (60, 100)], &[]), 2, 3);
        assert_eq!(gang.at(0), (State::Short, 10));
        assert_eq!(gang.at(10), (State::There { until: 50 }, 50));
        assert_eq!(gang.at(50).0, State::Short);
        assert_eq!(gang.at(60), (State::There { until: 80 }, 80));
    }

    #[test]
    fn a_node_that_follows_another_at_once_is_another() {
        let gang = Gang::of(&trace(&[(0, 50), (50, 100)], &[]), 1, 3);
        assert_eq!(gang.at(49), (State::There { until: 50 }, 50));
        assert_eq!(gang.at(50), (State::There { until: 100 }, 100));
    }

    #[test]
    fn a_gap_is_unknown_and_so_is_all_after_the_end() {
        let gang = Gang::of(&trace(&[(0, 100)], &[(40, 50)]), 1, 3);
        assert_eq!(gang.at(45), (State::Unknown, 50));
        assert_eq!(gang.at(100), (State::Unknown, i64::MAX));
        assert!(gang.is_known(0, 40) && gang.is_known(50, 100));
        assert!(!gang.is_known(0, 41) && !gang.is_known(49, 60) && !gang.is_known(90, 101) && !gang.is_known(-1, 5));
    }
}
