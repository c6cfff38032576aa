//! Worlds by what is to be found in them.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::autoscaler::{Hpa, Metric, Policy};
use super::draws::Draws;
use super::fleet::{Routing, Site};
use super::load::Load;
use super::replica::Law;
use super::world::{Objective, World};

/// What is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A fixed count of replicas, half as many again as needed or more.
    Roomy,
    /// No other setting of [`settings`] saves more than 3 % and keeps the objective.
    WellSet,
    /// Fewer replicas than needed, and clients that leave.
    Starved,
    /// Bursts of several times the load.
    Spiky,
    /// Hardly any load.
    Tiny,
    /// A load that grows by one or two percent a day.
    Growing,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Roomy,
        Self::WellSet,
        Self::Starved,
        Self::Spiky,
        Self::Tiny,
        Self::Growing,
    ];
}

/// Share of what a server can do at most that it does at the highest hour where there are as many as needed.
const BUSY: f64 = 0.65;

/// Requests a second that a server answers with so many in its batch.
fn rate(load: &Load, law: &Law, batch: f64) -> f64 {
    let held = batch * (load.prompt.0 + load.answer.0 / 2.0);
    let step = law.alone + batch * (law.each + law.bend * batch) + law.context * held;
    1.0 / (load.answer.0 * step / batch + load.prompt.0 * (1.0 - load.cached) * law.prompt)
}

/// The largest batch that it can have, by seats and by cache.
fn largest(load: &Load, law: &Law) -> f64 {
    let by_cache = 0.85 * law.cache / (load.prompt.0 + load.answer.0 / 2.0);
    (law.seats as f64).min(by_cache).max(1.0).floor()
}

/// Requests a second that it answers at most.
fn capacity(load: &Load, law: &Law) -> f64 {
    rate(load, law, largest(load, law))
}

/// The batch with which it answers this share of the most.
fn batch_at(load: &Load, law: &Law, share: f64) -> f64 {
    let (most, goal) = (largest(load, law), share * capacity(load, law));
    let batches = (1..=most as u32).map(f64::from);
    batches
        .into_iter()
        .find(|batch| rate(load, law, *batch) >= goal)
        .unwrap_or(most)
}

/// Replicas that the highest hour of a busy day needs.
fn needed(load: &Load, law: &Law) -> u32 {
    let busy = load.peak * (1.0 + load.day_sigma) * (1.0 + 14.0 * load.growth);
    (busy / (BUSY * capacity(load, law))).ceil().max(1.0) as u32
}

fn draw_load(kind: Kind, peak: (f64, f64), draws: &mut Draws) -> Load {
    let weekend = draws.pick(&[1.0, 0.8, 0.6, 0.5, 0.3, 0.0]);
    let mut week = [1.0; 7];
    week.iter_mut().for_each(|day| *day *= draws.range(0.92, 1.08));
    week[5..].iter_mut().for_each(|day| *day *= weekend);
    let mut load = Load {
        peak: draws.scale(peak.0, peak.1),
        depth: draws.range(0.5, 1.8),
        week,
        day_sigma: draws.range(0.03, 0.25),
        day_rho: draws.range(0.0, 0.6),
        window_sigma: draws.range(0.05, 0.2),
        bursts: (draws.range(0.0, 1.0), draws.range(1.3, 2.0)),
        cv: draws.range(1.0, 2.0),
        growth: 0.0,
        prompt: (draws.scale(200.0, 4_000.0), draws.range(0.5, 1.1)),
        answer: (draws.scale(50.0, 600.0), draws.range(0.4, 1.0)),
        cached: if draws.chance(0.4) { draws.range(0.1, 0.6) } else { 0.0 },
    };
    match kind {
        Kind::Spiky => {
            load.bursts = (draws.range(2.0, 8.0), draws.range(2.0, 5.0));
            load.window_sigma = draws.range(0.2, 0.4);
            load.cv = draws.range(1.8, 2.5);
        }
        Kind::Tiny => load.peak = draws.scale(0.005, 0.15),
        Kind::Growing => load.growth = draws.range(0.01, 0.022),
        Kind::Roomy | Kind::WellSet | Kind::Starved => {}
    }
    load
}

fn draw_law(load: &Load, draws: &mut Draws) -> Law {
    let alone = draws.scale(0.004, 0.055);
    let each = alone * draws.scale(0.006, 0.06);
    let seats = draws.pick(&[16, 32, 48, 64, 128, 256]);
    let context = load.prompt.0 + load.answer.0 / 2.0;
    Law {
        alone,
        each,
        bend: each * draws.range(0.0, 0.002),
        context: alone * draws.range(0.0, 0.3) / (50.0 * context),
        prompt: 1.0 / draws.scale(2_500.0, 30_000.0),
        overlap: draws.range(0.0, 0.5),
        budget: draws.pick(&[1_024.0, 2_048.0, 4_096.0, 8_192.0]),
        seats,
        cache: draws.scale(60_000.0, 800_000.0).max(10.0 * context),
        noise: draws.range(0.0, 0.08),
        servers: draws.range(0.0, 0.03),
        patience: if draws.chance(0.4) {
            draws.range(20.0, 120.0)
        } else {
            f64::INFINITY
        },
    }
}

/// Makes a server smaller or larger until the load needs so many of them, within what real ones do.
fn size(load: &Load, law: &mut Law, replicas: u32) {
    let shape = (law.each / law.alone, law.bend / law.alone, law.context / law.alone);
    let set = |law: &mut Law, alone: f64| {
        law.alone = alone;
        (law.each, law.bend, law.context) = (shape.0 * alone, shape.1 * alone, shape.2 * alone);
    };
    // A slow one with as few seats as that takes.
    set(law, 0.055);
    while needed(load, law) < replicas && law.seats > 4 {
        law.seats /= 2;
    }
    let (mut low, mut high) = (0.004_f64, 0.055_f64);
    for _ in 0..30 {
        let middle = (low * high).sqrt();
        set(law, middle);
        if needed(load, law) >= replicas {
            high = middle;
        } else {
            low = middle;
        }
    }
    set(law, high);
}

/// An autoscaler on requests in flight with as many for each replica as it serves with ease at this share of the most.
pub(crate) fn autoscaler(world: &World, share: f64, min: u32, max: u32) -> Hpa {
    let target = batch_at(&world.load, &world.site.law, share).max(1.0);
    Hpa::new(Metric::InFlight, target, min, max)
}

fn draw(kind: Kind, peak: (f64, f64), draws: &mut Draws) -> World {
    let load = draw_load(kind, peak, draws);
    let mut law = draw_law(&load, draws);
    let few = if kind == Kind::Starved { 2.0 } else { 1.0 };
    size(&load, &mut law, draws.range(few, 5.0) as u32);
    if kind == Kind::Starved {
        law.patience = draws.range(15.0, 60.0);
    }
    // A burst needs more than a busy day does.
    let right = match kind {
        Kind::Spiky => needed(&load, &law) * 2,
        _ => needed(&load, &law),
    };
    let mut world = World {
        load,
        site: Site {
            law,
            routing: draws.pick(&[Routing::LeastLoaded, Routing::RoundRobin, Routing::Random]),
            start: (draws.scale(60.0, 400.0), draws.range(0.05, 0.4)),
            scrape: draws.pick(&[15, 30]),
        },
        ran: Policy::Fixed(right),
        objective: Objective {
            ttft: f64::INFINITY,
            itl: f64::INFINITY,
            refused: 0.0,
        },
        days: 28,
        start: 1_790_553_600 + 86_400 * draws.range(0.0, 7.0) as i64,
        gaps: if draws.chance(0.5) {
            draws.scale(1e-5, 1e-3)
        } else {
            0.0
        },
        seed: draws.whole(),
    };
    world.objective = promise(&world, draws.range(1.1, 1.6));
    let right = f64::from(right);
    let roomy = (right * draws.range(1.5, 3.5)).ceil().max(right + 1.0) as u32;
    world.ran = match kind {
        Kind::Roomy | Kind::Tiny => Policy::Fixed(roomy),
        Kind::Starved => Policy::Fixed(((right * draws.range(0.3, 0.6)) as u32).max(1)),
        Kind::WellSet => world.ran,
        Kind::Spiky | Kind::Growing if draws.chance(0.4) => {
            let share = draws.range(0.2, 0.6);
            Policy::Hpa(autoscaler(&world, share, 1 + (right / 3.0) as u32, roomy))
        }
        Kind::Spiky | Kind::Growing => Policy::Fixed((right * draws.range(1.0, 2.5)).ceil() as u32),
    };
    world
}

/// What users are promised: a little more than what as many replicas as needed give in another month's week.
fn promise(world: &World, slack: f64) -> Objective {
    let mut trial = world.again(77);
    trial.days = 7;
    let all = trial.run(&world.ran).all();
    Objective {
        ttft: slack * all.ttft.quantile(0.95).max(0.05),
        itl: slack * all.itl.quantile(0.95),
        refused: slack * all.refused_share() + 0.001,
    }
}

/// Settings among which to look: every fixed count up to the one that ran, and autoscalers on each metric. `fine` is how many
/// targets of each.
pub(crate) fn settings(world: &World, fine: u32) -> Vec<Policy> {
    let most = world.ran.most().max(needed(&world.load, &world.site.law));
    let mut found: Vec<Policy> = (1..=most).map(Policy::Fixed).collect();
    for metric in [Metric::Running, Metric::InFlight, Metric::Waiting] {
        for part in 1..=fine {
            let share = f64::from(part) / f64::from(fine);
            let target = match metric {
                Metric::Waiting => (8.0 * share).max(1.0),
                Metric::Running | Metric::InFlight => batch_at(&world.load, &world.site.law, 0.95 * share),
            };
            let mins = [1, most.div_ceil(3), most.div_ceil(2)];
            for (at, min) in mins.iter().enumerate() {
                if !mins[..at].contains(min) && most > *min {
                    found.push(Policy::Hpa(Hpa::new(metric, target, *min, most)));
                }
            }
        }
    }
    found
}

/// The cheapest of some settings that keeps the objective over the world's days, with its replica-hours a day; none where none
/// does.
pub(crate) fn cheapest(world: &World, settings: &[Policy]) -> Option<(Policy, f64)> {
    let mut best: Option<(Policy, f64)> = None;
    for policy in settings {
        let costs_more = |best: &(Policy, f64)| matches!(policy, Policy::Fixed(n) if f64::from(*n) * 24.0 >= best.1);
        if best.as_ref().is_some_and(costs_more) {
            continue;
        }
        let outcome = world.run(policy);
        let hours = outcome.daily_hours();
        if best.as_ref().is_none_or(|best| hours < best.1) && world.objective.kept(&outcome.all()) {
            best = Some((policy.clone(), hours));
        }
    }
    best
}

/// Makes a world well set: it gets the best of some settings. Half of them are flat, so that often a fixed count is best. None
/// where no setting keeps the objective.
fn well_set(mut world: World, draws: &mut Draws) -> Option<World> {
    if draws.chance(0.5) {
        world.load.depth = 0.0;
        world.load.week = [1.0; 7];
        world.load.day_sigma = 0.02;
        world.load.bursts.0 = 0.0;
        world.ran = Policy::Fixed(needed(&world.load, &world.site.law));
        world.objective = promise(&world, 1.1);
    }
    let mut trial = world.again(78);
    trial.days = 7;
    world.ran = cheapest(&trial, &settings(&trial, 4))?.0;
    Some(world)
}

/// So many worlds of a kind, with a load at the highest hour of half a request to six requests a second.
pub(crate) fn worlds(kind: Kind, count: usize, seed: u64) -> Vec<World> {
    worlds_of(kind, count, seed, (0.5, 6.0))
}

/// So many worlds of a kind, with a load at the highest hour between these, requests a second.
pub(crate) fn worlds_of(kind: Kind, count: usize, seed: u64, peak: (f64, f64)) -> Vec<World> {
    let one = |at: usize| (0..50).find_map(|attempt| world_of(kind, seed, (at, attempt), peak));
    (0..count).into_par_iter().filter_map(one).collect()
}

/// The world of this place in its row, if this attempt gives one.
fn world_of(kind: Kind, seed: u64, (at, attempt): (usize, u64), peak: (f64, f64)) -> Option<World> {
    let mut draws = Draws::new(seed, (kind as u64) << 48 | (at as u64) << 16 | attempt);
    let world = draw(kind, peak, &mut draws);
    match kind {
        Kind::WellSet => well_set(world, &mut draws),
        // It must be felt.
        Kind::Starved => Some(world).filter(|world| {
            let mut week = world.clone();
            week.days = 7;
            !week.objective.kept(&week.run(&week.ran).all())
        }),
        _ => Some(world),
    }
}
