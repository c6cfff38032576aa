//! What is asked: series by their matchers, for the whole window at once.

use prost::Message;

use super::steps::LeftEdge;
use super::wire::{LabelMatcher, MatcherType, Query, ReadRequest, ResponseType};
use crate::model::time::Grid;
use crate::sources::prometheus::matcher::{Matchers, Op, escaped};

/// The body of a request for these series, compressed as the protocol asks. Both ends of a query belong to it.
///
/// That a label has just this value is said by a pattern: Prometheus takes such a matcher on one of its own external labels out, as
/// if series had it that only it adds, where a range query would look for the label.
pub(super) fn body(selectors: &[&Matchers], grid: Grid, left: LeftEdge) -> Result<Vec<u8>, snap::Error> {
    let start = grid.window.start.as_second() * 1000;
    let start = match left {
        LeftEdge::Open => start + 1,
        LeftEdge::Closed => start,
    };
    let query = |matchers: &&Matchers| Query {
        start_timestamp_ms: start,
        end_timestamp_ms: grid.window.end.as_second() * 1000,
        matchers: matchers
            .0
            .iter()
            .map(|matcher| {
                let is_plain = matcher.op == Op::Equal && matcher.name != "__name__" && !matcher.value.is_empty();
                let (op, value) = match is_plain {
                    true => (Op::Match, escaped(&matcher.value)),
                    false => (matcher.op, matcher.value.clone()),
                };
                LabelMatcher {
                    r#type: i32::from(match op {
                        Op::Equal => MatcherType::Eq,
                        Op::NotEqual => MatcherType::Neq,
                        Op::Match => MatcherType::Re,
                        Op::NotMatch => MatcherType::Nre,
                    }),
                    name: matcher.name.clone(),
                    value,
                }
            })
            .collect(),
    };
    let request = ReadRequest {
        queries: selectors.iter().map(query).collect(),
        accepted_response_types: vec![ResponseType::StreamedXorChunks.into()],
    };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Window;
    use crate::sources::prometheus::matcher::Matcher;
    use jiff::Timestamp;

    #[test]
    fn a_request_names_series_and_a_time_whose_beginning_is_the_servers() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let window = Window {
            start: at(1_000),
            end: at(1_600),
        };
        let grid = Grid {
            window,
            step_seconds: 60,
        };
        let mut matchers: Matchers = r#"pod=~"a|b",job!="",zone!~"x",cluster="prod.eu",exported_pod="""#
            .parse()
            .unwrap();
        matchers.0.insert(0, Matcher::equal("__name__", "DCGM_FI_DEV_GPU_UTIL"));
        let asked = |left| {
            let body = body(&[&matchers, &Matchers::default()], grid, left).unwrap();
            let bytes = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
            ReadRequest::decode(bytes.as_slice()).unwrap()
        };
        let open = asked(LeftEdge::Open);
        assert_eq!(open.accepted_response_types, [1]);
        let query = &open.queries[0];
        assert_eq!(
            (query.start_timestamp_ms, query.end_timestamp_ms),
            (1_000_001, 1_600_000)
        );
        let told: Vec<(i32, &str, &str)> = query
            .matchers
            .iter()
            .map(|one| (one.r#type, one.name.as_str(), one.value.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (0, "__name__", "DCGM_FI_DEV_GPU_UTIL"),
                (2, "pod", "a|b"),
                (1, "job", ""),
                (3, "zone", "x"),
                (2, "cluster", "prod\\.eu"),
                (0, "exported_pod", "")
            ]
        );
        assert_eq!(asked(LeftEdge::Closed).queries[0].start_timestamp_ms, 1_000_000);
    }
}
