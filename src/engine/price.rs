//! What a scenario gives back and what it adds, in money per hour. Arithmetic over measured hours and prices; nothing here
//! is a saving yet, as a GPU that is given back leaves the bill only with its node.

use super::ask::{Answers, Left, Proposed};
use super::effect::{Effect, Target};
use crate::model::commitment::{Commitment, Covers};
use crate::model::gap::{Gap, Reason};
use crate::model::gpu::GpuKind;
use crate::model::queueing::QueueState;
use crate::model::scenario::Proposal;
use crate::model::units::{GpuCount, Hourly};
use crate::model::workload::{PodUse, Workload};
use crate::recommenders::World;

/// GPUs of one pod that a scenario gives back on one node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Release {
    pub(super) node: String,
    pub(super) pod: String,
    /// What its GPUs cost an hour, by their share of the node.
    pub(super) hourly: Hourly,
    /// The share of time for which they are given back.
    pub(super) share: f64,
    /// Devices that the pod keeps.
    pub(super) left: u32,
}

/// A scenario with its price.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Priced {
    pub(super) workload: usize,
    pub(super) levers: Vec<&'static str>,
    pub(super) proposal: Proposal,
    /// What is given back, over the month.
    pub(super) value: Hourly,
    /// What the new nodes cost, over the month.
    pub(super) added: Hourly,
    /// The new nodes in words.
    pub(super) added_nodes: Option<String>,
    /// Their instance type.
    pub(super) new_type: Option<String>,
    /// Free slices that it takes.
    pub(super) takes: Option<(GpuKind, u32)>,
    /// GPUs given back, as a time average.
    pub(super) gpus: GpuCount,
    /// Where, for what runs on.
    pub(super) releases: Vec<Release>,
    /// For runs that end: whether their nodes come and go with them.
    pub(super) own_nodes: bool,
    /// Of several changes: what they save together beyond the best of their parts.
    pub(super) beyond_parts: Option<Hourly>,
}

impl Priced {
    /// What it gives back less what it adds.
    pub(super) fn net(&self) -> Hourly {
        self.value - self.added
    }

    /// Whether a lever speaks of the same workload in both.
    pub(super) fn shares_a_lever(&self, other: &Self) -> bool {
        self.workload == other.workload && self.levers.iter().any(|lever| other.levers.contains(lever))
    }
}

/// Less than half a cent a month is a rounding.
pub(super) const NOTHING: f64 = 0.005 / 730.0;

/// Prices every scenario. Where none of a lever's alternatives can be priced it becomes unknown, where none saves it is kept.
pub(super) fn price(answers: &mut Answers, world: &World<'_>) -> Vec<Priced> {
    let mut priced: Vec<Priced> = Vec::new();
    let proposed = std::mem::take(&mut answers.proposed);
    for alternatives in proposed.chunk_by(|a, b| (a.workload, &a.levers) == (b.workload, &b.levers)) {
        let (workload, levers) = (alternatives[0].workload, &alternatives[0].levers);
        let of = &world.snapshot.workloads[workload];
        let mut found: Vec<Priced> = alternatives.iter().filter_map(|p| one(p, of, world)).collect();
        let can_be_priced = !found.is_empty();
        found.retain(|priced| priced.net().get() > 0.0);
        if let [lever] = levers[..] {
            if found.is_empty() {
                without_saving(answers, (workload, lever), can_be_priced);
            }
        } else {
            let parts = priced.iter().rev().take_while(|part| part.workload == workload);
            let parts = parts.filter(|part| part.levers.iter().all(|lever| levers.contains(lever)));
            let best = parts.map(|part| part.net().get()).fold(0.0, f64::max);
            // Each change of several must be worth making.
            found.retain(|whole| whole.net().get() > best + NOTHING);
            for whole in &mut found {
                whole.beyond_parts = Some(whole.net() - Hourly::new(best));
            }
        }
        priced.extend(found);
    }
    priced
}

/// What is said of a lever without a scenario that saves.
fn without_saving(answers: &mut Answers, (workload, lever): (usize, &'static str), can_be_priced: bool) {
    if can_be_priced {
        answers.kept.push(Left {
            workload,
            lever,
            why: Reason::new("saves-nothing", "what it would need instead costs as much"),
        });
        return;
    }
    answers.unknown.push(Left {
        workload,
        lever,
        why: Gap::new(
            "no-price",
            "what it costs",
            "its nodes have no price",
            "point --costs at OpenCost or Kubecost, or label nodes with node.kubernetes.io/instance-type",
        ),
    });
}

fn one(proposed: &Proposed, workload: &Workload, world: &World<'_>) -> Option<Priced> {
    let mut effect = Effect::of(&proposed.proposal.moves);
    let comes_to = proposed.proposal.effective.and_then(|effective| effective.hourly.mid);
    if let (Some(Target::Spot(_, hourly, _)), Some(comes_to)) = (&mut effect.target, comes_to) {
        *hourly = Hourly::new(comes_to);
    }
    let given_back = match effect.again {
        Some(share) => share,
        None => effect.given_back(workload.running().count()),
    };
    let priced = Priced {
        workload: proposed.workload,
        levers: proposed.levers.clone(),
        value: Hourly::ZERO,
        added: Hourly::ZERO,
        added_nodes: None,
        new_type: None,
        takes: None,
        gpus: GpuCount::new(workload.gpus.get() * given_back),
        releases: Vec::new(),
        own_nodes: false,
        beyond_parts: None,
        proposal: proposed.proposal.clone(),
    };
    if let Some(share) = effect.again {
        return of_work_done_again(priced, workload, share, world);
    }
    if workload.family && workload.running().next().is_none() {
        return of_runs(priced, workload, effect, world);
    }
    of_running(priced, workload, effect, world)
}

/// What runs now gives back what it holds now; where it held less over the window, no more than that.
fn of_running(mut priced: Priced, workload: &Workload, effect: Effect<'_>, world: &World<'_>) -> Option<Priced> {
    let running: Vec<&PodUse> = workload.running().collect();
    let now: Hourly = running.iter().map(|pod| pod.hourly).sum::<Option<Hourly>>()?;
    let paid = workload.monthly?.hourly();
    if now.get() <= 0.0 {
        return None;
    }
    // Of what it holds now, at the price of now; where that rose, no more than what was paid.
    let held = (at_price_of_now(workload, world)?.get() / now.get())
        .min(paid.get() / now.get())
        .min(1.0);
    for (place, pod) in running.iter().enumerate() {
        for part in effect.parts_of(place) {
            priced.value += pod.hourly? * (held * part.of_all());
            priced.releases.push(Release {
                node: pod.node.clone()?,
                pod: pod.name.clone(),
                hourly: pod.hourly? * (held * part.devices),
                share: part.time,
                left: part.left,
            });
        }
    }
    let pods = u32::try_from(running.len()).ok()?;
    if let Some(saves) = effect.saves.map(|saves| saves.max(0.0)) {
        let most = now * (saves / f64::from(pods.max(1)));
        if workload.autoscaler.is_some() {
            no_less_than(&mut priced, paid * effect.fewer, workload.gpus.get() * effect.fewer);
        }
        no_more_than(&mut priced, most);
    }
    let replayed = priced.proposal.replayed.as_ref();
    if let Some(gives_back) = replayed.and_then(|replayed| replayed.gives_back) {
        let devices: u32 = running.iter().map(|pod| pod.gpus).sum();
        for_no_longer_than(&mut priced, now * (gives_back / f64::from(devices.max(1))), held);
    }
    let each = effect.each(workload);
    match effect.target {
        None => {}
        // What nodes of its own cost, as nobody knows what else will be on them.
        Some(Target::Spot(name, hourly, gpus)) => {
            let nodes = pods.div_ceil((gpus / each.max(1)).max(1));
            priced.added = hourly * (held * f64::from(nodes));
            priced.added_nodes = Some(format!("{nodes} x {name} as spot capacity"));
        }
        Some(Target::Gpu(kind, slowdown)) => {
            on_gpus(
                &mut priced,
                workload,
                (kind, slowdown),
                (pods, each, held),
                effect.asleep,
                world,
            )?;
        }
    }
    Some(priced)
}

/// Gives back this, of so many GPUs, where less seems to be given back of what runs now: an autoscaler runs as many as this hour
/// asks for, and what the others would take is not there to be given back. Which nodes these are on is not known.
fn no_less_than(priced: &mut Priced, least: Hourly, gpus: f64) {
    if least.get() > priced.value.get() {
        priced.value = least;
        priced.gpus = GpuCount::new(gpus);
    }
}

/// Runs that do less again end earlier, by hours that nobody knows beforehand: that frees capacity. Nodes that came and went with
/// runs go earlier too; what runs on and holds its nodes leaves none of them.
fn of_work_done_again(mut priced: Priced, workload: &Workload, share: f64, world: &World<'_>) -> Option<Priced> {
    let (paid, now) = (workload.monthly?.hourly(), at_price_of_now(workload, world)?);
    priced.value = if now < paid { now } else { paid } * share;
    priced.own_nodes = workload.family && has_own_nodes(workload, world) && !may_stay(workload, world);
    Some(priced)
}

/// Gives back no more than this, wherever more seems to be given back of what runs now.
fn no_more_than(priced: &mut Priced, most: Hourly) {
    let share = most.get() / priced.value.get().max(1e-12);
    if share < 1.0 {
        priced.value = most;
        priced.gpus = GpuCount::new(priced.gpus.get() * share);
        priced
            .releases
            .iter_mut()
            .for_each(|release| release.hourly = release.hourly * share);
    }
}

/// Gives back no more than this: what sleeps is away for less of the time than its hours say, as it was away in some of them
/// already, and that is why this share of its price alone was held.
fn for_no_longer_than(priced: &mut Priced, most: Hourly, held: f64) {
    let share = most.get() / priced.value.get().max(1e-12);
    // What rounding leaves of a replay that had all of it off.
    if share > 1.0 - 1e-9 {
        return;
    }
    priced.value = most;
    priced.gpus = GpuCount::new(priced.gpus.get() * share);
    for release in &mut priced.releases {
        match release.share < 1.0 {
            true => {
                release.hourly = release.hourly * (1.0 / held);
                release.share *= share * held;
            }
            false => release.hourly = release.hourly * share,
        }
    }
}

/// What other GPUs for so many running pods cost, of which this share was held.
fn on_gpus(
    priced: &mut Priced,
    workload: &Workload,
    (kind, slowdown): (&GpuKind, f64),
    (pods, each, held): (u32, u32, f64),
    asleep: Option<f64>,
    world: &World<'_>,
) -> Option<()> {
    let mut free = world.offers.free_slices().iter();
    if free.any(|(slice, free)| slice == kind && *free >= pods * each) {
        priced.takes = Some((kind.clone(), pods * each));
        return Some(());
    }
    let (offer, nodes, hourly) = world.offers.cheapest(kind, pods, each, &workload.pod_requests)?;
    // What ends by itself is paid for as long as it lasts.
    let lasts = if workload.family { slowdown } else { 1.0 };
    // Nodes on which nothing else is go with it for the night, where something removes nodes that are empty.
    let awake = 1.0 - asleep.filter(|_| offer.goes_at_night == Some(true)).unwrap_or(0.0);
    priced.added = hourly * (held * lasts * awake);
    let name = offer.instance_type.clone().unwrap_or_else(|| kind.to_string());
    priced.added_nodes = Some(format!("{nodes} x {name}"));
    priced.new_type.clone_from(&offer.instance_type);
    Some(())
}

/// What the hours that it held in the window cost at the prices of the window's end.
fn at_price_of_now(workload: &Workload, world: &World<'_>) -> Option<Hourly> {
    let costs = workload.pods.iter().map(|pod| Some(pod.hourly? * pod.hours()));
    let sum = costs.sum::<Option<Hourly>>()?;
    Some(sum * (1.0 / world.snapshot.grid.window.hours()))
}

/// Runs that end are priced by their hours; on another GPU they may last as much longer as the worst slowdown says.
fn of_runs(mut priced: Priced, workload: &Workload, effect: Effect<'_>, world: &World<'_>) -> Option<Priced> {
    let (paid, now) = (workload.monthly?.hourly(), at_price_of_now(workload, world)?);
    let held = if now < paid { now } else { paid };
    let hours: f64 = workload.pods.iter().map(PodUse::hours).sum();
    let window = world.snapshot.grid.window.hours();
    priced.value = held;
    match effect.target {
        None => {
            // What is left of a node stays with the rest of it: no node goes away for a part.
            let (_, of) = effect.keeps?;
            let given_back = effect.given_back(workload.pods.len());
            priced.value = held * (given_back * share_of_size(workload, of));
            return Some(priced);
        }
        Some(Target::Spot(name, hourly, _)) => {
            priced.added = hourly * (hours / window);
            priced.added_nodes = Some(format!("{name} as spot capacity"));
        }
        Some(Target::Gpu(kind, slowdown)) => {
            let each = effect.each(workload);
            let (offer, _, hourly) = world.offers.cheapest(kind, 1, each, &workload.pod_requests)?;
            priced.added = hourly * (hours * slowdown / window);
            priced.added_nodes = Some(offer.instance_type.clone().unwrap_or_else(|| kind.to_string()));
            priced.new_type.clone_from(&offer.instance_type);
        }
    }
    priced.own_nodes = has_own_nodes(workload, world) && !may_stay(workload, world);
    Some(priced)
}

/// The share of a workload's cost that pods with so many devices have.
fn share_of_size(workload: &Workload, gpus: u32) -> f64 {
    let cost = |pod: &PodUse| pod.hourly.map_or(0.0, |hourly| hourly.get() * pod.hours());
    let all: f64 = workload.pods.iter().map(cost).sum();
    let own: f64 = workload.pods.iter().filter(|pod| pod.gpus == gpus).map(cost).sum();
    if all > 0.0 { own / all } else { 0.0 }
}

/// Whether something may keep nodes like these on the bill: a commitment to their kind, or work that waits.
fn may_stay(workload: &Workload, world: &World<'_>) -> bool {
    let snapshot = world.snapshot;
    let model = workload.gpu.as_ref().map(|kind| &kind.model);
    let is_committed = |held: &Commitment| match &held.covers {
        Covers::Gpu(gpu) => Some(gpu) == model,
        // A type that the catalogue does not know may be the one.
        Covers::InstanceType(name) => world.catalog.instance(name).is_none_or(|row| Some(&row.gpu) == model),
    };
    let waits = |state: &QueueState| !state.queue.stopped && state.runs.gpus_waiting > 0.0;
    snapshot.commitments.iter().any(is_committed) || snapshot.queues.iter().any(waits)
}

/// Whether the nodes of a family's runs existed for them alone: none of them is there now, and none held another workload.
fn has_own_nodes(workload: &Workload, world: &World<'_>) -> bool {
    let nodes: Vec<&String> = workload.pods.iter().filter_map(|pod| pod.node.as_ref()).collect();
    let gone = nodes.iter().all(|node| world.snapshot.node(node).is_none());
    let others = world.snapshot.workloads.iter().filter(|other| other.id != workload.id);
    let shares = others
        .flat_map(|other| &other.pods)
        .any(|pod| pod.node.as_ref().is_some_and(|node| nodes.contains(&node)));
    !nodes.is_empty() && gone && !shares
}
