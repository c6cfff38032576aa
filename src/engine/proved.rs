//! What a replay adds to a row: the interval of its saving, and the figures behind it.

use serde_json::{Value, json};

use super::price::Priced;
use crate::model::plan::RowSaving;
use crate::model::scenario::{Interval, Proposal};
use crate::model::units::Monthly;

/// With the interval that a replay gives.
pub(super) fn with_interval(mut saving: RowSaving, priced: &Priced) -> RowSaving {
    let cents = |value: f64| Some(Monthly::new(value).to_cents().get());
    let share = priced
        .proposal
        .replayed
        .as_ref()
        .and_then(|replayed| replayed.saving_share);
    if let (Some((low, high)), Some(mid)) = (share, saving.monthly.mid) {
        saving.monthly.low = cents(mid * low);
        saving.monthly.high = cents(mid * high);
    }
    let effective = priced
        .proposal
        .effective
        .filter(|effective| effective.proved_on().is_some());
    // That of what the new capacity comes to.
    if let Some(Interval {
        low: Some(low),
        mid: Some(mid),
        high: Some(high),
    }) = effective.map(|effective| effective.hourly)
        && mid > 0.0
    {
        let at = |hourly: f64| cents((priced.value - priced.added * (hourly / mid)).monthly().get());
        saving.monthly.low = at(high);
        saving.monthly.high = at(low);
    }
    saving
}

/// Figures of its replay, where it was replayed.
pub(super) fn replay_of(proposal: &Proposal) -> Option<Value> {
    let hour = proposal.effective.map(|effective| effective.hourly);
    let spot = |days: u32| {
        json!({
            "machine": "spot",
            "calibration": null,
            "scored_days": days,
            "figures": {"node_hour": hour},
        })
    };
    let service = proposal.replayed.as_ref().map(|replayed| json!(replayed));
    service.or_else(|| proposal.proved_on().map(spot))
}
