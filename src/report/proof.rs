//! How a change is proved, how sure and how risky it is, and what it does to service, in words.

use serde_json::Value;

use crate::model::plan::{Proof, Row};
use crate::model::scenario::Level;

use super::figures::{UNKNOWN, interval, number};

/// What users notice.
pub(super) fn service(row: &Row) -> String {
    match &row.service {
        Some(effect) => {
            let before = effect.before.map_or_else(|| UNKNOWN.to_owned(), number);
            format!("{}: {before} → {}", effect.metric, interval(&effect.after))
        }
        None => "not measured".to_owned(),
    }
}

/// The grade of proof with what a replay was scored on, and how sure and how risky the change is.
pub(super) fn proof(row: &Row) -> String {
    format!(
        "{}; confidence {}, risk {}",
        grade(row),
        level(row.confidence),
        level(row.risk)
    )
}

/// The grade of proof alone.
pub(super) fn grade(row: &Row) -> String {
    match (row.proof, &row.replay) {
        (Proof::Replayed, Some(replay)) => match replay.get("scored_days").and_then(Value::as_f64) {
            Some(days) => format!("replayed, scored on {} days", number(days)),
            None => "replayed".to_owned(),
        },
        (Proof::Replayed, None) => "replayed".to_owned(),
        (Proof::Arithmetic, _) => "arithmetic".to_owned(),
        (Proof::None, _) => "none".to_owned(),
    }
}

pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    }
}

#[cfg(test)]
mod tests {
    use crate::model::scenario::{Interval, ServiceEffect};

    use super::super::sample;
    use super::*;

    #[test]
    fn a_replay_says_what_it_was_scored_on() {
        let mut row = sample::row("r", "w", 1.0, 0.0);
        assert_eq!(proof(&row), "arithmetic; confidence high, risk low");
        row.proof = Proof::Replayed;
        row.replay = Some(serde_json::json!({"machine": "hpa", "scored_days": 12}));
        assert_eq!(proof(&row), "replayed, scored on 12 days; confidence high, risk low");
    }

    #[test]
    fn an_effect_that_was_not_measured_is_not_none_at_all() {
        let mut row = sample::row("r", "w", 1.0, 0.0);
        assert_eq!(service(&row), "not measured");
        row.service = Some(ServiceEffect {
            metric: "p95 time to first token, s".to_owned(),
            before: None,
            after: Interval {
                low: Some(0.4),
                mid: Some(0.5),
                high: Some(0.7),
            },
        });
        assert_eq!(service(&row), "p95 time to first token, s: unknown → 0.5 (0.4 to 0.7)");
    }
}
