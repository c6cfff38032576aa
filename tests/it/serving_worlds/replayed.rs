//! What replay makes of a world's monitoring, held against what would really have come of it.

use std::collections::BTreeMap;
use std::time::Duration;

use gpuwise::model::objective::{self, Latency, LatencyTarget, Percentile, RejectedTarget};
use gpuwise::model::scenario::Interval;
use gpuwise::model::units::Share;
use gpuwise::model::usage::Signal;
use gpuwise::replay::service::fit::Limits;
use gpuwise::replay::service::known::Known;
use gpuwise::replay::service::policies::{Scaling, Setting, Watched};
use gpuwise::replay::service::proof::{Proof, Silent, prove};
use gpuwise::replay::service::ran::Ran;
use gpuwise::replay::service::variant::Variant;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::autoscaler::{Hpa, Metric, Policy};
use super::fleet::Routing;
use super::kinds::{Kind, worlds_of};
use super::world::World;

fn objective(world: &World) -> objective::Objective {
    let target = |of, name, seconds| LatencyTarget {
        name,
        of,
        at: Percentile::P95,
        at_most: Duration::from_secs_f64(seconds),
        place: "world".to_owned(),
    };
    objective::Objective {
        latencies: vec![
            target(Latency::FirstToken, "ttft_p95", world.objective.ttft),
            target(Latency::InterToken, "itl_p95", world.objective.itl),
        ],
        rejected: Share::new(world.objective.refused).map(|at_most| RejectedTarget {
            at_most,
            place: "world".to_owned(),
        }),
    }
}

/// What is proved of a world by what its monitoring shows, the arguments of its server and what its users were promised.
fn judged(world: &World, exhaustive: bool) -> Result<Proof, Silent> {
    judged_under(world, None, (1, exhaustive))
}

/// The same of one whose autoscaler is known, and with so few replicas at least.
pub(super) fn judged_under(
    world: &World,
    ran: Option<&dyn Ran>,
    (least, exhaustive): (u32, bool),
) -> Result<Proof, Silent> {
    let watched = world.watched();
    let histograms = BTreeMap::from([
        (Signal::TimeToFirstToken, watched.ttft),
        (Signal::InterTokenLatency, watched.itl),
        (Signal::RequestLatency, watched.e2e),
        (Signal::PromptTokens, watched.prompt),
        (Signal::AnswerTokens, watched.answer),
    ]);
    let law = &world.site.law;
    let known = Known {
        history: &watched.requests,
        histograms: &histograms,
        limits: Limits {
            most_running: law.seats,
            chunk_tokens: law.budget,
            cache_tokens: Some(law.cache),
        },
        start_seconds: &watched.starts,
        held_seconds: &watched.held,
        picked: world.site.routing == Routing::LeastLoaded,
        objective: &objective(world),
        ran,
        least,
        scales: true,
        tolerance: 0.25,
        least_days: 14,
        seed: 1,
        exhaustive,
    };
    prove(&known, &Variant::AS_IT_IS)
}

fn policy(setting: Setting) -> Policy {
    let Setting::Scaled(scaling) = setting else {
        return Policy::Fixed(setting.min());
    };
    let Scaling {
        watched,
        target_milli,
        min,
        max,
        down_window,
    } = scaling;
    let metric = match watched {
        Watched::Running => Metric::Running,
        Watched::InFlight => Metric::InFlight,
        Watched::Waiting => Metric::Waiting,
    };
    let mut hpa = Hpa::new(metric, target_milli as f64 / 1_000.0, min, max);
    hpa.down.window = down_window as f64;
    Policy::Hpa(hpa)
}

/// A judge for [`super::hold`].
pub(super) fn replayed(world: &World) -> Option<(Interval, Policy)> {
    let proof = judged(world, false).ok()?;
    Some((proof.saving_a_day()?, policy(proof.setting())))
}

/// What a proposal promised, and what comes of it on days that nobody has seen.
struct Came {
    promised: f64,
    came: f64,
    kept: bool,
}

fn came(world: &World) -> Result<Came, Silent> {
    Ok(came_of(world, &judged(world, false)?))
}

fn came_of(world: &World, proof: &Proof) -> Came {
    let unseen = world.again(1).run(&policy(proof.setting()));
    Came {
        promised: proof.replica_hours().1,
        came: unseen.daily_hours(),
        kept: world.objective.kept(&unseen.all()),
    }
}

fn told(kind: Kind, found: &[Result<Came, Silent>]) {
    let proposals: Vec<&Came> = found.iter().filter_map(|found| found.as_ref().ok()).collect();
    let kept = proposals.iter().filter(|came| came.kept).count();
    let silent = |which: fn(&Silent) -> bool| found.iter().filter(|found| found.as_ref().is_err_and(which)).count();
    let stay = silent(|silent| matches!(silent, Silent::Stays(..) | Silent::One));
    let off = silent(|silent| matches!(silent, Silent::NotCalibrated(_) | Silent::OtherHours(_)));
    let mut hours: Vec<f64> = proposals
        .iter()
        .map(|came| (came.promised / came.came - 1.0).abs())
        .collect();
    hours.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let hours = hours.get((hours.len() as f64 * share) as usize);
        hours.map_or(0.0, |off| off * 100.0)
    };
    println!(
        "{kind:?}: {} worlds, {} proposals, of which {kept} keep the objective on unseen days; replica hours off by {:.1} % (median), \
         {:.1} % (p90); {stay} stay, {off} refused as their replay is off, {} otherwise unknown",
        found.len(),
        proposals.len(),
        at(0.5),
        at(0.9),
        found.len() - proposals.len() - stay - off
    );
}

#[test]
fn a_proposal_holds_on_days_that_nobody_has_seen() {
    let worlds = worlds_of(Kind::Roomy, 8, 21, (0.05, 0.2)).into_par_iter();
    let found: Vec<Came> = worlds
        .filter_map(|world| came(&World { days: 15, ..world }).ok())
        .collect();
    assert!(!found.is_empty(), "nothing was proposed for worlds with room");
    for came in found {
        assert!(came.kept);
        // Fewer replica hours are never promised than come; before a setting is found there are as many as there were.
        assert!(came.came <= 1.1 * came.promised, "{} for {}", came.came, came.promised);
    }
}

#[test]
fn the_last_replica_goes_at_night_where_a_gateway_can_wake_it() {
    let quiet = |mut world: World| {
        let mut load = world.load.clone();
        // Who waits at the gateway stays.
        world.site.law.patience = f64::INFINITY;
        load.depth = 6.0;
        load.week[5..].fill(0.0);
        World {
            days: 15,
            load,
            ..world
        }
    };
    let worlds = worlds_of(Kind::Roomy, 8, 51, (0.15, 0.4)).into_par_iter().map(quiet);
    let found: Vec<(World, Proof)> = worlds
        .filter_map(|world| Some((world.clone(), judged_under(&world, None, (0, false)).ok()?)))
        .filter(|(_, proof)| proof.setting().min() == 0)
        .collect();
    assert!(found.len() >= 2, "{} of them sleep", found.len());
    for (world, proof) in found {
        let came = came_of(&world, &proof);
        assert!(
            came.kept,
            "{:?} of {:?}",
            proof.found.after.held_share(),
            proof.setting()
        );
        assert!(proof.found.after.held_share() <= 0.01);
        // On two days of seven and for a quarter of the others nobody asks.
        assert!(
            came.came < 24.0 * f64::from(world.ran.most()) * 0.6,
            "{} hours a day",
            came.came
        );
        assert!(came.came <= 1.1 * came.promised, "{} for {}", came.came, came.promised);
    }
}

#[test]
#[ignore = "hundreds of worlds: minutes in a release build"]
fn what_was_promised_comes_true() {
    let (mut proposals, mut kept) = (0, 0);
    for kind in Kind::ALL {
        let worlds = worlds_of(kind, 40, 31, (0.2, 1.0)).into_par_iter();
        let found: Vec<Result<Came, Silent>> = worlds.map(|world| came(&world)).collect();
        told(kind, &found);
        proposals += found.iter().flatten().count();
        kept += found.iter().flatten().filter(|came| came.kept).count();
    }
    assert!(proposals >= 50 && kept * 100 >= proposals * 95, "{kept} of {proposals}");
}

#[test]
#[ignore = "every setting of dozens of worlds, event by event: half an hour in a release build"]
fn the_search_misses_little() {
    let (mut worlds, mut apart) = (0, Vec::new());
    for kind in [Kind::Roomy, Kind::Spiky, Kind::Tiny] {
        for world in worlds_of(kind, 24, 41, (0.05, 0.4)) {
            let world = World { days: 15, ..world };
            let found = |exhaustive: bool| {
                let proof = judged(&world, exhaustive).ok()?;
                Some((proof.setting(), proof.replica_hours().1))
            };
            worlds += 1;
            let (searched, all) = (found(false), found(true));
            println!("{kind:?}: {searched:?} of {all:?}");
            // What only one of them finds is missed, or was no advice.
            if let (Some((_, searched)), Some((_, all))) = (searched, all) {
                apart.push(searched / all - 1.0);
            }
        }
    }
    apart.sort_by(f64::total_cmp);
    let near = apart.iter().filter(|apart| **apart <= 0.02).count();
    println!(
        "{worlds} worlds, {} proposals, {near} within 2 % of the cheapest of all: {apart:?}",
        apart.len()
    );
    assert!(apart.len() >= 10 && near * 10 >= apart.len() * 9);
}

#[test]
#[ignore = "five hundred intervals: an hour and more in a release build"]
fn intervals_of_replay_cover_the_truth() {
    // Of those that are starved or well set nothing is proposed, and of those with hardly any load one replica.
    super::hold(&replayed, &[Kind::Roomy, Kind::Spiky, Kind::Growing]);
}
