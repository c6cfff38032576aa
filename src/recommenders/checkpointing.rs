//! `checkpointing`: training that is interrupted and does much of its work again, with a checkpoint as often as loses least.

mod seen;
mod words;
mod worth;

use std::collections::BTreeSet;

use super::evidence::{keep, unknown};
use super::spot_history::SpotHistory;
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::scenario::{Calibrated, Candidate, Level, Move, Proposal, Replayed, SCORED_DAYS_AT_LEAST, Subject};
use crate::model::workload::{Class, Workload};
use crate::policy::checkpoints::ToldCheckpoints;
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::spot::bounds::Rate;
use seen::{Lost, Seen};
use worth::{Replay, Terms, Worth};

/// By which share of the hours of interrupted runs the replay of what really ran may be off.
const OFF_AT_MOST: f64 = 0.1;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpointing {
    /// Seconds that a checkpoint takes to write where no annotation tells; zero where nobody knows.
    pub write_seconds: f64,
    /// Seconds that a restart is counted to take at least.
    pub restart_seconds: f64,
    /// The share of its GPU hours that another interval must save.
    pub least_saving_share: f64,
}

/// What is judged by.
struct Judged<'w> {
    workload: &'w Workload,
    told: ToldCheckpoints,
    seen: Seen,
    /// How often a run is interrupted.
    rate: Rate,
    /// How often nodes of its types are taken away, where it was on spot capacity.
    nodes: Option<Rate>,
    terms: Terms,
}

impl Checkpointing {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("checkpointing", mistakes);
        let lever = Self {
            write_seconds: own.number("write_seconds", 0.0, 86_400.0, mistakes),
            restart_seconds: own.number("restart_seconds", 0.0, 86_400.0, mistakes),
            least_saving_share: own.number("least_saving_share", 0.005, 0.9, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Gap> {
        let class = &workload.class;
        if !matches!(class.class, Class::Training | Class::Unknown) {
            return Ok(keep(
                "not-training",
                "it trains no model whose state a checkpoint would hold",
            ));
        }
        let restart = self.restart(workload);
        let seen = seen::seen(workload, world.snapshot.grid.window, restart / 3_600.0);
        let nodes = nodes(workload, world);
        let Some(rate) = seen.rate.filter(|_| seen.interruptions > 0) else {
            return never_interrupted(&seen, nodes);
        };
        if class.class == Class::Unknown {
            return Err(Gap::new(
                "class-unknown",
                "what kind of work it does",
                class.because.join(", "),
                "label it, or let its image and arguments say what it runs",
            ));
        }
        let told = world.objectives.checkpoints.of(&workload.overrides);
        let lost = lost(&seen, told, restart)?;
        let rates = [rate.low, rate.mid(), rate.high];
        // Even checkpoints that cost nothing to write save no more than what is done again.
        let most = rates[2] * (lost.most - restart / 3_600.0).max(0.0);
        if most < self.least_saving_share && told.interval.is_none() {
            return Ok(keep("resumes", words::repeats_little(&seen, lost, most)));
        }
        let Some(write) = told.write.or((self.write_seconds > 0.0).then_some(self.write_seconds)) else {
            return Err(words::no_cost(workload, lost));
        };
        let terms = Terms {
            write,
            restart,
            now: told.interval,
            lost,
            rates,
        };
        let judged = Judged {
            workload,
            told,
            seen,
            rate,
            nodes,
            terms,
        };
        self.propose_for(&judged)
    }

    /// Seconds from a new pod until work goes on: what one of twenty starts took longer than, and no less than is counted anyway.
    fn restart(&self, workload: &Workload) -> f64 {
        let mut starts = workload.start_seconds.clone();
        starts.sort_by(f64::total_cmp);
        let late = (starts.len() * 95).div_ceil(100).checked_sub(1);
        late.map_or(0.0, |at| starts[at]).max(self.restart_seconds)
    }

    fn propose_for(&self, judged: &Judged<'_>) -> Result<Candidate, Gap> {
        let worth = judged.terms.worth().map_err(|why| {
            Gap::new(
                "no-interval",
                "how often it should write a checkpoint",
                why.to_string(),
                "see the annotation gpuwise.dev/checkpoint-write, and write_seconds in the policy",
            )
        })?;
        let (least, most) = worth.saves;
        if most < self.least_saving_share {
            return Ok(keep("resumes", words::near_the_best(judged, &worth)));
        }
        if least < self.least_saving_share {
            return Err(words::too_few(judged, &worth));
        }
        // What is replayed is what really ran, or it proves nothing.
        let replay = worth::replay(&judged.seen, &judged.terms, worth.interval)
            .filter(|replay| replay.off <= OFF_AT_MOST && replay.days >= SCORED_DAYS_AT_LEAST);
        let saves = replay.as_ref().map_or(least, |replay| replay.saved().min(least));
        if saves < self.least_saving_share {
            return Ok(keep("resumes", words::near_the_best(judged, &worth)));
        }
        Ok(Candidate::Move(Box::new(proposal(judged, &worth, replay, saves))))
    }
}

/// Hours that an interruption cost, as measured; else by the interval that its owner tells.
fn lost(seen: &Seen, told: ToldCheckpoints, restart: f64) -> Result<Lost, Gap> {
    let Some(measured) = seen.lost() else {
        let half = told.interval.map(|interval| (interval / 2.0 + restart) / 3_600.0);
        return half.map(Lost::exactly).ok_or_else(|| words::loss_unseen(seen));
    };
    match told.interval {
        // What is lost is at most an interval, where the newest checkpoint is read.
        Some(interval) if measured.least * 3_600.0 > interval + restart => Err(words::not_read(measured, interval)),
        _ => Ok(measured),
    }
}

/// How often nodes of the types that it ran on are taken away as spot capacity, at most; `None` where it had none. It is shown beside
/// the count of its own interruptions, and not computed with: a node that was emptied on purpose counts there too.
fn nodes(workload: &Workload, world: &World<'_>) -> Option<Rate> {
    let own: BTreeSet<&str> = workload.pods.iter().filter_map(|pod| pod.node.as_deref()).collect();
    let all = &world.snapshot.spot_nodes;
    let mine = all.iter().filter(|node| own.contains(node.name.as_str()));
    let types: BTreeSet<&str> = mine.filter_map(|node| node.instance_type.as_deref()).collect();
    let like = all
        .iter()
        .filter(|node| node.instance_type.as_deref().is_some_and(|of| types.contains(of)));
    SpotHistory::new(world.snapshot.grid.window, like).rate()
}

/// Nothing was done again; on capacity that is taken away that may be luck.
fn never_interrupted(seen: &Seen, nodes: Option<Rate>) -> Result<Candidate, Gap> {
    match nodes.filter(|nodes| nodes.events > 0) {
        Some(nodes) => Err(words::no_restart(&nodes)),
        None => Ok(keep("not-interrupted", words::never(seen))),
    }
}

fn proposal(judged: &Judged<'_>, worth: &Worth, replay: Option<Replay>, saves: f64) -> Proposal {
    let workload = judged.workload;
    let rounded = |share: f64| (share * 10_000.0).floor() / 10_000.0;
    let change = Move::SetCheckpointInterval {
        from_seconds: judged.told.interval.map(|seconds| seconds.round() as u32),
        to_seconds: worth.interval,
        saves: rounded(saves),
    };
    let evidence = words::evidence(judged, worth, replay.as_ref());
    Proposal {
        moves: vec![change],
        title: format!(
            "let {}/{} write a checkpoint every {} and go on from the newest",
            workload.namespace,
            workload.name,
            words::time(f64::from(worth.interval))
        ),
        evidence,
        service: None,
        confidence: if replay.is_some() { Level::Medium } else { Level::Low },
        risk: Level::Medium,
        needs_human: words::needs(judged),
        rollback: "set the interval back as it was".to_owned(),
        experiment: Some(words::experiment(judged, worth)),
        replayed: replay.map(|replay| shown(&replay, worth, saves)),
        effective: None,
    }
}

fn shown(replay: &Replay, worth: &Worth, saves: f64) -> Replayed {
    let share = |value: f64| (value / saves * 10_000.0).round() / 10_000.0;
    let low = replay.saves.0.min(worth.saves.0).min(saves);
    Replayed {
        machine: "checkpoint".to_owned(),
        calibration: Calibrated {
            cost_error: Some((replay.off * 10_000.0).round() / 10_000.0),
            latency_error: None,
        },
        scored_days: replay.days,
        saving_share: Some((share(low), share(replay.saves.1.max(saves)))),
        gives_back: None,
        figures: serde_json::json!({
            "run_hours": (replay.held * 100.0).round() / 100.0,
            "run_hours_with_checkpoints": (replay.then * 100.0).round() / 100.0,
        }),
    }
}

impl Recommender for Checkpointing {
    fn id(&self) -> &'static str {
        "checkpointing"
    }

    fn page(&self) -> &'static str {
        include_str!("checkpointing.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        match self.judge(workload, world) {
            Ok(candidate) => vec![candidate],
            Err(missing) => unknown(missing),
        }
    }
}
