//! Worlds of model serving whose truth is known, from a simulator that shares no code with replay, and how often intervals cover
//! that truth.

#![allow(clippy::float_cmp, reason = "counts are whole, and exact")]

mod coverage;
mod kinds;
mod right;
mod known;
mod ran;
mod replayed;

use std::collections::BTreeMap;
use std::time::Instant;

use gpuwise::model::scenario::Interval;
use gpuwise::replay::interval::{Day, daily};

use crate::generator::serving::{autoscaler, draws, fleet, load, replica, tally, world};

use autoscaler::Policy;
use coverage::{Coverage, Judge, SCORED, coverage, overall};
use draws::Draws;
use kinds::{Kind, autoscaler, worlds, worlds_of};
use world::World;

/// An autoscaler for a world, drawn without looking at what would come of it.
fn another(world: &World) -> Policy {
    let mut draws = Draws::new(world.seed, 9);
    let share = draws.range(0.2, 0.6);
    Policy::Hpa(autoscaler(world, share, 1, world.ran.most().max(2)))
}

/// The interval from the days themselves, as if replay were never wrong: what is left is whether twenty days tell the mean.
fn perfect(world: &World) -> Option<(Interval, Policy)> {
    let other = another(world);
    let (ran, would) = (world.run(&world.ran), world.run(&other));
    let day = |at: usize| Day {
        number: world.start.div_euclid(86_400) + at as i64,
        saving: ran.days[at].replica_hours - would.days[at].replica_hours,
        known: 1.0,
    };
    let days: Vec<Day> = SCORED.map(day).collect();
    Some((daily(&days, &[])?, other))
}

fn tell(name: &str, row: &Coverage) {
    println!(
        "{name:10} {:4} worlds, {:4} judged, {:5.1} % covered ({} below, {} above), {:.1} % wide; {} points",
        row.worlds,
        row.judged,
        100.0 * row.share(),
        row.below,
        row.above,
        100.0 * row.width(),
        row.points
    );
}

/// So many worlds of each of these kinds, with little load, so that hundreds of them take minutes.
fn some(kinds: &[Kind], each: usize, seed: u64) -> Vec<(Kind, World)> {
    let of = |kind: &Kind| {
        let kind = *kind;
        let worlds = worlds_of(kind, each, seed, (0.1, 0.4)).into_iter();
        worlds.map(move |world| (kind, world))
    };
    kinds.iter().flat_map(of).collect()
}

/// A judge is held to nine in ten of five hundred intervals.
fn hold(judge: Judge, kinds: &[Kind]) {
    let mut rows = BTreeMap::<Kind, Coverage>::new();
    for seed in 11..200 {
        for (kind, row) in coverage(&some(kinds, 20, seed), judge) {
            rows.entry(kind).or_default().add(&row);
        }
        let all = overall(&rows);
        tell("so far", &all);
        if all.judged >= 500 {
            break;
        }
    }
    rows.iter().for_each(|(kind, row)| tell(&format!("{kind:?}"), row));
    let all = overall(&rows);
    tell("all", &all);
    assert!(all.judged >= 500 && (0.87..=0.93).contains(&all.share()), "{all:?}");
}

#[test]
#[ignore = "five hundred intervals: half an hour in a release build"]
fn intervals_cover_the_truth() {
    hold(&perfect, &Kind::ALL);
}

#[test]
#[ignore = "a benchmark"]
fn a_month_takes_seconds() {
    for kind in [Kind::Roomy, Kind::Starved, Kind::Spiky, Kind::Growing] {
        for world in worlds(kind, 3, 1) {
            let began = Instant::now();
            let watched = world.watched();
            let (seconds, came) = (began.elapsed().as_secs_f64(), watched.prompt.total().unwrap().count());
            println!(
                "{kind:?}: {came} requests in {seconds:.2} s, {:.2} us each",
                seconds / came * 1e6
            );
            assert!(seconds < 60.0);
        }
    }
}
