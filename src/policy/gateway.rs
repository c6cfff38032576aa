//! What owners tell of the gateway before a model server by annotation: the query of the requests that it holds while no replica is
//! there. Without it the last replica never goes, as nothing could wake another.

use promql_parser::parser;

use super::overrides::{Overrides, PREFIX};
use crate::model::cluster::Labels;

/// The query, behind the prefix.
pub const QUEUE: &str = "gateway-queue";

/// Whether the annotation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GatewayFacts {
    queue: bool,
}

impl GatewayFacts {
    pub(super) fn new(overrides: &Overrides) -> Self {
        Self {
            queue: overrides.allows(QUEUE),
        }
    }

    /// The query of a workload's gateway; `None` where none is told, or nothing that can be asked. Those without effect are told
    /// where all annotations are.
    pub fn queue_of(self, annotations: &Labels) -> Option<&str> {
        let query = annotations.get(&format!("{PREFIX}{QUEUE}")).filter(|_| self.queue)?;
        checked(query).ok()
    }
}

/// A query that Prometheus can be asked.
///
/// # Errors
/// Why it cannot.
pub(super) fn checked(query: &str) -> Result<&str, String> {
    match parser::parse(query) {
        Ok(_) => Ok(query),
        Err(why) => Err(format!(
            "it must be the PromQL query of requests that wait, such as sum(llm_d_epp_flow_control_queue_size): {why}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: GatewayFacts = GatewayFacts { queue: true };

    #[test]
    fn a_query_counts_where_it_can_be_asked_and_the_policy_lets_it() {
        let told = |query: &str| Labels::from([(format!("{PREFIX}{QUEUE}"), query.to_owned())]);
        let query = "sum(llm_d_epp_flow_control_queue_size{inference_pool=\"chat\"})";
        assert_eq!(COUNTS.queue_of(&told(query)), Some(query));
        assert_eq!(GatewayFacts::default().queue_of(&told(query)), None);
        for wrong in ["", "sum(", "a b"] {
            assert_eq!(COUNTS.queue_of(&told(wrong)), None, "{wrong}");
            assert!(checked(wrong).unwrap_err().starts_with("it must be the PromQL query"));
        }
        assert_eq!(COUNTS.queue_of(&Labels::default()), None);
    }
}
