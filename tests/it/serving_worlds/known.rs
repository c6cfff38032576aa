//! Each kind of world is what it says.

use gpuwise::model::usage::Column;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::autoscaler::Policy;
use super::kinds::{Kind, cheapest, settings, worlds_of};
use super::world::World;

/// A load so small that a month takes a blink.
const LITTLE: (f64, f64) = (0.03, 0.1);

fn week(world: &World) -> World {
    World {
        days: 7,
        ..world.clone()
    }
}

#[test]
fn worlds_with_room_keep_their_objective_with_fewer_and_starved_ones_break_it() {
    for world in worlds_of(Kind::Roomy, 3, 5, LITTLE) {
        let (_, hours) = cheapest(&week(&world), &settings(&world, 2)).unwrap();
        let now = 24.0 * f64::from(world.ran.most());
        assert!(hours < 0.8 * now, "{hours} of {now}");
    }
    for world in worlds_of(Kind::Starved, 3, 5, LITTLE) {
        assert!(matches!(world.ran, Policy::Fixed(_)));
        assert!(!world.objective.kept(&week(&world).run(&world.ran).all()));
    }
}

#[test]
fn a_growing_world_grows_and_a_spiky_one_has_spikes() {
    let growing = &worlds_of(Kind::Growing, 1, 6, LITTLE)[0];
    let days = growing.run(&growing.ran).days;
    let came = |days: &[super::tally::Served]| days.iter().map(|day| day.arrived).sum::<f64>();
    assert!(came(&days[14..]) > 1.08 * came(&days[..14]));
    // The busiest ten minutes against the usual ones.
    let most = |kind: Kind| {
        let world = &worlds_of(kind, 1, 6, (0.2, 0.3))[0];
        let finished = world.watched().requests.finished;
        let points = 600 / world.site.scrape as usize;
        let sum = |begin: usize| (begin..begin + points).filter_map(|at| finished.get(at)).sum::<f64>();
        let windows = Column::from_options((0..finished.len()).step_by(points).map(|begin| Some(sum(begin))));
        windows.max().unwrap() / windows.quantile(0.5).unwrap()
    };
    let (spiky, growing) = (most(Kind::Spiky), most(Kind::Growing));
    assert!(spiky > 1.5 * growing, "{spiky} and {growing}");
}

#[test]
#[ignore = "searches all settings: minutes"]
fn nothing_saves_much_in_worlds_that_are_well_set() {
    let worlds = worlds_of(Kind::WellSet, 8, 8, (0.1, 0.3));
    let kept: Vec<bool> = worlds
        .into_par_iter()
        .map(|world| {
            let unseen = world.again(5);
            let ran = unseen.run(&unseen.ran);
            let (_, hours) = cheapest(&unseen, &settings(&unseen, 4)).unwrap_or((Policy::Fixed(1), f64::INFINITY));
            println!("{:?}: {:.1}, the cheapest {hours:.1}", unseen.ran, ran.daily_hours());
            hours > 0.97 * ran.daily_hours()
        })
        .collect();
    assert!(kept.iter().filter(|kept| **kept).count() >= 7, "{kept:?}");
}
