//! Every setting, replayed event by event: what the search is held against.

use std::ops::Range;

use rayon::prelude::*;

use super::{Case, keeps, run, settings};
use crate::replay::service::bounds::Bounds;
use crate::replay::service::policies::Setting;

/// The cheapest setting of all that keeps to the bounds on these days, where it costs less than what ran.
pub(super) fn tuned(case: &Case<'_>, days: &Range<usize>, bounds: &(Bounds, Bounds), was: f64) -> Option<Setting> {
    let all = settings::settings(case).into_par_iter();
    let kept = all.filter_map(|setting| {
        let seconds = keeps(case, bounds, was, |draw| run(case, setting, days, draw))?;
        Some((setting, seconds))
    });
    let best = kept.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    best.map(|(setting, _)| setting)
}
