//! `spot-migration`: work that bears interruptions, on capacity that may be taken away and costs less.

use std::collections::BTreeSet;

use super::evidence::{fact, keep, shared_devices, unknown};
use super::spot_history::SpotHistory;
use super::spot_offers::SpotOffer;
use super::spot_worth::{self, RESTART_AT_LEAST, Work, Worth};
use super::tolerance::{self, Tolerance};
use super::{Recommender, World};
use crate::model::commitment::{Commitment, CommitmentKind};
use crate::model::gap::{Gap, Reason};
use crate::model::scenario::{Candidate, Evidence, Interval, Level, Move, Proposal, ServiceEffect, Subject};
use crate::model::snapshot::GpuNode;
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, Class, PodUse, Workload};
use crate::policy::located::Mistake;
use crate::policy::section::Section;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct SpotMigration {
    /// Replicas below which a service does not bear that one is away.
    pub least_replicas: f64,
    /// Days of history without which nothing was seen.
    pub least_days: f64,
}

impl SpotMigration {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("spot-migration", mistakes);
        let lever = Self {
            least_replicas: own.number("least_replicas", 2.0, 1000.0, mistakes),
            least_days: own.number("least_days", 1.0, 365.0, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Gap> {
        if let Some(kept) = self.right_as_it_is(workload, world) {
            return Ok(kept);
        }
        let class = &workload.class;
        if class.class == Class::Unknown {
            return Err(Gap::new(
                "class-unknown",
                "what kind of work it does",
                class.because.join(", "),
                "label it, or let its image and arguments say what it runs",
            ));
        }
        if workload.pods.iter().any(|pod| pod.shared) {
            return Err(shared_devices());
        }
        let days = workload.hours_held() / 24.0;
        if days < self.least_days {
            return Err(Gap::new(
                "history-too-short",
                format!("{days:.1} days of history"),
                format!(
                    "under {} days nobody has seen what an interruption does to it",
                    self.least_days
                ),
                "ask again later, or widen --window if it is older than the window",
            ));
        }
        let seen = match tolerance::seen(workload, world.snapshot.grid.window) {
            Ok(seen) => seen,
            Err(because) => return Ok(Candidate::Keep { because }),
        };
        let (offer, now) = match offer(workload, world)? {
            Ok(offer) => offer,
            Err(because) => return Ok(Candidate::Keep { because }),
        };
        let gang = gang(workload);
        let history = SpotHistory::of(world.snapshot, &offer.instance_type);
        let worth = match worth_of(workload, (offer, now), &seen, (gang, &history))? {
            Ok(worth) => worth,
            Err(because) => return Ok(Candidate::Keep { because }),
        };
        let mut evidence = seen.evidence;
        evidence.extend(of_offer(offer, gang, &history));
        evidence.extend(worth.evidence.iter().cloned());
        Ok(Candidate::Move(Box::new(proposal(
            workload, offer, evidence, gang, &worth,
        ))))
    }

    /// What needs no further question.
    fn right_as_it_is(&self, workload: &Workload, world: &World<'_>) -> Option<Candidate> {
        let running: Vec<_> = workload.running().collect();
        if running.is_empty() && !workload.family {
            return Some(keep("not-running", "it holds no GPUs now"));
        }
        if workload.capacity == CapacityType::Spot {
            return Some(keep("on-spot-already", "it runs on spot capacity"));
        }
        if workload.capacity == CapacityType::Reserved {
            return Some(keep(
                "committed",
                "its nodes are reserved capacity, which stays on the bill: spot capacity would come on top of it",
            ));
        }
        if let Some(held) = committed(workload, world) {
            let then = match held.kind {
                CommitmentKind::Credits => ": spot capacity would save credits, and no money",
                _ => ", and stay on the bill until then: spot capacity would come on top",
            };
            let because = format!("{}{then}", held.in_words());
            return Some(keep("committed", because));
        }
        if workload.class.class == Class::Notebook {
            return Some(keep(
                "interactive",
                "a person works in it, and would lose what is in its memory",
            ));
        }
        if running.iter().any(|pod| pod.pinned) {
            return Some(keep(
                "not-to-be-disrupted",
                "its pods are marked as not to be disrupted, and spot capacity is taken away all the same",
            ));
        }
        let replicas = running.len();
        (workload.class.class == Class::Inference && (replicas as f64) < self.least_replicas).then(|| {
            let because = match replicas {
                1 => "it has one replica: nobody serves while that is away".to_owned(),
                _ => format!("it has {replicas} replicas, too few for one of them to be away"),
            };
            keep("too-few-replicas", because)
        })
    }
}

/// What spot capacity comes to for it; a reason, where it saves nothing then.
fn worth_of(
    workload: &Workload,
    (offer, now): (&SpotOffer, Option<Hourly>),
    seen: &Tolerance,
    (gang, history): (usize, &SpotHistory<'_>),
) -> Result<Result<Worth, Reason>, Gap> {
    let name = &offer.instance_type;
    let Some(now) = now else {
        return Err(Gap::new(
            "no-price",
            format!("what {name} costs here"),
            "its nodes have no price",
            "point --costs at OpenCost or Kubecost, or give `prices.rows` a row for it",
        ));
    };
    let pods = if workload.family {
        gang
    } else {
        workload.running().count()
    };
    let each = (offer.gpus / workload.gpus_per_pod().max(1)).max(1);
    let pods = u32::try_from(pods).unwrap_or(u32::MAX).max(1);
    let lost = (seen.lost_hours * 3_600.0).round() as i64;
    let away = history.away_seconds().unwrap_or(0);
    let work = Work {
        nodes: pods.div_ceil(each),
        run_hours: seen.usual_hours,
        restart: lost
            .max(RESTART_AT_LEAST)
            .max(if seen.usual_hours.is_none() { away } else { 0 }),
        now: now.get(),
    };
    let Some(worth) = spot_worth::worth(&work, offer, history) else {
        return Err(no_history(name));
    };
    let hourly = worth.effective.hourly;
    let (best, priced) = (hourly.low.unwrap_or(f64::NAN), hourly.mid.unwrap_or(f64::NAN));
    let replayed = worth.effective.proved_on();
    if priced < now.get() {
        return Ok(Ok(worth));
    }
    if replayed.is_none() && best < now.get() {
        return Err(Gap::new(
            "spot-history-too-short",
            format!("whether spot capacity of {name} still saves once its interruptions are paid"),
            format!(
                "{} of its nodes were taken in {:.0} hours: an hour comes to between {best:.2} and {priced:.2}, and costs {:.2} now",
                history.taken(),
                history.hours(),
                now.get()
            ),
            "ask again when spot nodes of that type have been there for longer",
        ));
    }
    let by = replayed.map_or("at best".to_owned(), |days| format!("replayed over {days} days"));
    let because = format!(
        "an hour of {name} costs {:.2} now, and {:.2} as spot capacity with its interruptions, {by}: {} nodes were taken in {:.0} hours",
        now.get(),
        if replayed.is_some() { priced } else { best },
        history.taken(),
        history.hours()
    );
    Ok(Err(Reason::new("interruptions-cost-more", because)))
}

/// No node of this type was spot capacity here.
fn no_history(name: &str) -> Gap {
    Gap::new(
        "no-spot-history",
        format!("how often {name} is taken away as spot capacity"),
        "no node of that type was spot capacity in this cluster within the window, and the share that a provider publishes is \
         a lower bound",
        format!(
            "let something that bears interruptions run on a spot node of {name} for ten days, with a bill (--costs) that says \
             how nodes were bought"
        ),
    )
}

/// An offer, and what the node costs now where somebody knows.
type Offered<'w> = (&'w SpotOffer, Option<Hourly>);

/// Its nodes as spot capacity; a reason, where that is no cheaper.
fn offer<'w>(workload: &Workload, world: &World<'w>) -> Result<Result<Offered<'w>, Reason>, Gap> {
    // Where it runs now, or where its last run did: what ran elsewhere before is another price.
    let newest = workload.pods.iter().max_by_key(|pod| (pod.running, pod.to));
    let own = |pod: &&PodUse| pod.running || newest.is_some_and(|newest| workload.family && pod.run == newest.run);
    let nodes: Vec<&GpuNode> = workload
        .pods
        .iter()
        .filter(own)
        .filter_map(|pod| world.snapshot.node(pod.node.as_deref()?))
        .collect();
    let types: BTreeSet<Option<&str>> = nodes.iter().map(|node| node.instance_type.as_deref()).collect();
    let only = types.iter().next().copied().flatten().filter(|_| types.len() == 1);
    let Some(instance_type) = only else {
        return Err(Gap::new(
            "no-instance-type",
            "on which type of nodes it runs",
            "its nodes are gone, are of several types, or carry none",
            "label nodes with node.kubernetes.io/instance-type, and keep it to one type",
        ));
    };
    let Some(offer) = world.offers.spot(instance_type) else {
        return Err(Gap::new(
            "no-spot-price",
            format!("what {instance_type} costs as spot capacity"),
            "neither a spot node of the cluster, nor the price sheet, nor a public list tells",
            "give `prices.rows` a row with capacity_type: spot",
        ));
    };
    let now = nodes
        .iter()
        .filter_map(|node| node.hourly)
        .fold(None, |least: Option<Hourly>, price| {
            Some(least.filter(|least| *least < price).unwrap_or(price))
        });
    if let Some(now) = now.filter(|now| offer.hourly >= *now) {
        let because = format!(
            "{instance_type} costs {:.2} an hour here, and {:.2} as spot capacity ({})",
            now.get(),
            offer.hourly.get(),
            offer.price.source
        );
        return Ok(Err(Reason::new("spot-is-no-cheaper", because)));
    }
    Ok(Ok((offer, now)))
}

/// The commitment that covers every node of its kind, so that none of them leaves the bill.
fn committed<'w>(workload: &Workload, world: &World<'w>) -> Option<&'w Commitment> {
    let nodes = workload.pods.iter().filter(|pod| pod.running || workload.family);
    let held = nodes.filter_map(|pod| Some(world.snapshot.node(pod.node.as_deref()?)?.commitment));
    let held: Vec<Option<usize>> = held.collect();
    let first = (*held.first()?)?;
    let commitment = world.snapshot.commitments.get(first)?;
    let own = world
        .snapshot
        .nodes
        .iter()
        .filter(|node| node.commitment == Some(first));
    let all = commitment.nodes.is_none_or(|covered| own.count() <= covered as usize);
    (all && held.iter().all(|other| *other == Some(first))).then_some(commitment)
}

/// Pods that stop together when one is taken away: those of a run.
fn gang(workload: &Workload) -> usize {
    let newest = workload.pods.iter().max_by_key(|pod| (pod.running, pod.to));
    match newest.and_then(|pod| pod.run.as_ref()) {
        Some(run) => {
            let own = || workload.pods.iter().filter(|pod| pod.run.as_ref() == Some(run));
            // Attempts of one pod follow each other; those of a gang are there at the same time.
            let at_once = |pod: &crate::model::workload::PodUse| {
                own()
                    .filter(|other| other.from <= pod.from && pod.from < other.to)
                    .count()
            };
            own().map(at_once).max().unwrap_or(1)
        }
        None => 1,
    }
}

/// Price and interruptions of what is offered; both bounds of what a provider publishes, as neither is a rate.
fn of_offer(offer: &SpotOffer, gang: usize, history: &SpotHistory<'_>) -> Vec<Evidence> {
    let (low, high) = offer.bounds;
    let mut evidence = vec![fact(
        format!(
            "an hour of {} as spot capacity, between {:.2} and {:.2}",
            offer.instance_type,
            low.get(),
            high.get()
        ),
        format!("{}, {}", offer.price.source, offer.price.as_of),
        Some(offer.hourly.get()),
    )];
    if let Some(rate) = history.rate() {
        let what = format!(
            "such nodes that were taken away here, at most, in {:.0} node-hours: between {:.1} and {:.1} times in a thousand hours of one",
            rate.hours,
            rate.low * 1_000.0,
            rate.high * 1_000.0
        );
        let source = "kube-state-metrics, the Kubernetes API and the bill; Garwood's interval at 95 %";
        evidence.push(fact(what, source, Some(rate.events as f64)));
    }
    if let (Some((least, most)), Some(source)) = (offer.interrupted, &offer.interrupted_source) {
        let what = format!(
            "of such nodes {:.0} to {:.0} % were taken away within a month, where it was published",
            least * 100.0,
            most * 100.0
        );
        evidence.push(fact(what, source.clone(), None));
    }
    if gang > 1 {
        evidence.push(fact(
            "pods that stop together when one is taken away",
            "the Kubernetes API",
            Some(gang as f64),
        ));
    }
    evidence
}

fn proposal(workload: &Workload, offer: &SpotOffer, evidence: Vec<Evidence>, gang: usize, worth: &Worth) -> Proposal {
    let name = format!("{}/{}", workload.namespace, workload.name);
    let mut needs_human = vec![
        "whether it has a deadline that an interruption would break".to_owned(),
        format!(
            "{} may not be had as spot capacity when it is needed: keep on-demand as the second choice",
            offer.instance_type
        ),
    ];
    if gang > 1 {
        needs_human.push(format!("{gang} pods stop together when one node is taken away"));
    }
    Proposal {
        moves: vec![Move::UseSpot {
            instance_type: offer.instance_type.clone(),
            hourly: offer.hourly,
            gpus: offer.gpus,
        }],
        title: format!("run {name} on spot capacity"),
        evidence,
        service: worth.served.map(|share| ServiceEffect {
            metric: "share of replica-hours that are served".to_owned(),
            before: None,
            after: Interval {
                low: None,
                mid: Some(spot_worth::rounded(share)),
                high: None,
            },
        }),
        confidence: match worth.effective.proved_on() {
            Some(_) => Level::Medium,
            None => Level::Low,
        },
        risk: if gang > 1 { Level::High } else { Level::Medium },
        needs_human,
        rollback: "let it run on on-demand nodes only".to_owned(),
        experiment: None,
        replayed: None,
        effective: Some(worth.effective),
    }
}

impl Recommender for SpotMigration {
    fn id(&self) -> &'static str {
        "spot-migration"
    }

    fn page(&self) -> &'static str {
        include_str!("spot_migration.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        match self.judge(workload, world) {
            Ok(candidate) => vec![candidate],
            Err(missing) => unknown(missing),
        }
    }
}
