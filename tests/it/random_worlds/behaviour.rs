//! What the pods of a drawn cluster do: some nothing, some by day, some on a part of their GPUs.

use gpuwise::model::time::Grid;

use super::draw::END;
use crate::generator::random::Rng;

/// What a pod does: how active each of its GPUs is and MiB, and in which hours of a working day.
pub(super) struct Behaviour {
    pub(super) gpus: Vec<(f64, f64)>,
    at_work: Option<std::ops::Range<i64>>,
}

pub(super) fn behaviour(rng: &mut Rng, gpus: u32, has_weeks: bool) -> Behaviour {
    let by_day = has_weeks && rng.whole(0, 2) > 0;
    Behaviour {
        gpus: of_gpus(rng, gpus),
        // Two kinds of office, so that some sleep together and some do not.
        at_work: by_day.then(|| if rng.whole(0, 2) > 0 { 8..18 } else { 12..23 }),
    }
}

impl Behaviour {
    /// Whether it works in the hour that ends at this point of the grid.
    pub(super) fn works(&self, point: usize, grid: Grid) -> bool {
        // The end is a Monday's beginning.
        let hour = (grid.second(point) - END).div_euclid(3_600);
        let (day, hour) = (hour.div_euclid(24).rem_euclid(7), hour.rem_euclid(24));
        self.at_work
            .as_ref()
            .is_none_or(|hours| day < 5 && hours.contains(&hour))
    }
}

fn of_gpus(rng: &mut Rng, gpus: u32) -> Vec<(f64, f64)> {
    let used = match rng.whole(0, 3) {
        0 => 0,
        1 => rng.whole(0, i64::from(gpus)) as u32,
        _ => gpus,
    };
    let (activity, memory) = match rng.whole(0, 1) {
        0 => (rng.range(0.02, 0.05), 3_000.0),
        _ => (rng.range(0.5, 0.9), 30_000.0),
    };
    (0..gpus)
        .map(|gpu| if gpu < used { (activity, memory) } else { (0.0, 300.0) })
        .collect()
}
