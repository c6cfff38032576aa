//! What the lever says: figures, reasons, what is missing, and what is to be tried out.

use super::seen::{Lost, Seen};
use super::worth::{Replay, Worth};
use super::{Judged, OFF_AT_MOST};
use crate::model::gap::Gap;
use crate::model::scenario::Evidence;
use crate::model::workload::Workload;
use crate::recommenders::evidence::fact;
use crate::replay::spot::bounds::Rate;

const LIVES: &str = "kube-state-metrics and the Kubernetes API";
const DALY: &str = "J. T. Daly, A higher order estimate of the optimum checkpoint interval for restart dumps, 2006";

/// `2 h 5 min`, `40 s`.
pub(super) fn time(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3_600, whole % 3_600 / 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

fn counted(interruptions: u64) -> String {
    match interruptions {
        1 => "one interruption".to_owned(),
        many => format!("{many} interruptions"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How often that may be.
fn in_a_thousand(rate: &Rate) -> String {
    format!(
        "between {:.1} and {:.1} times in a thousand hours",
        rate.low * 1_000.0,
        rate.high * 1_000.0
    )
}

pub(super) fn never(seen: &Seen) -> String {
    match &seen.rate {
        Some(rate) => format!("none of its runs was interrupted in {:.0} hours", rate.hours),
        None => "it had no run in the window".to_owned(),
    }
}

pub(super) fn repeats_little(seen: &Seen, lost: Lost, most: f64) -> String {
    format!(
        "{} cost it {} on average: it goes on where it had been, and at most {} of its hours are done again",
        counted(seen.interruptions),
        time(lost.median * 3_600.0),
        percent(most)
    )
}

pub(super) fn near_the_best(judged: &Judged<'_>, worth: &Worth) -> String {
    format!(
        "{} of its time is no progress, and {} would be with a checkpoint every {}: {} in {:.0} hours cost it {} on average",
        percent(worth.now),
        percent(worth.then),
        time(f64::from(worth.interval)),
        counted(judged.rate.events),
        judged.rate.hours,
        time(judged.terms.lost.median * 3_600.0)
    )
}

pub(super) fn no_restart(nodes: &Rate) -> Gap {
    Gap::new(
        "no-restart-seen",
        "whether it goes on where it had been once it is interrupted",
        format!(
            "none of its runs was, and nodes of its types were taken away in {:.0} node-hours as spot capacity, at most so often: {}",
            nodes.hours, nodes.events
        ),
        "delete the pod of a run that has written a checkpoint, and see how long it takes in all",
    )
}

pub(super) fn loss_unseen(seen: &Seen) -> Gap {
    let why = match seen.usual {
        Err(whole) => format!("{whole} runs that went through at once do not tell how long one usually takes"),
        Ok(_) => "no run that was interrupted began and ended within the window, and did what others did".to_owned(),
    };
    Gap::new(
        "loss-unseen",
        "how much it does again after an interruption",
        why,
        "widen --window, or tell by the annotation gpuwise.dev/checkpoint-interval how often it writes a checkpoint",
    )
}

pub(super) fn not_read(measured: Lost, interval: f64) -> Gap {
    Gap::new(
        "checkpoint-not-read",
        "why it does so much again",
        format!(
            "it writes a checkpoint every {}, as its annotation says, and an interruption cost it {} at least",
            time(interval),
            time(measured.least * 3_600.0)
        ),
        "see that a new pod finds the newest checkpoint, on a volume that outlives the old one, and goes on from it",
    )
}

pub(super) fn no_cost(workload: &Workload, lost: Lost) -> Gap {
    Gap::new(
        "checkpoint-cost-unknown",
        format!(
            "how long {}/{} takes to write a checkpoint",
            workload.namespace, workload.name
        ),
        format!(
            "nothing measures it, and nobody tells; an interruption cost it {}",
            time(lost.median * 3_600.0)
        ),
        "time one, and tell it by the annotation gpuwise.dev/checkpoint-write: 90s, or for all jobs by \
         levers.checkpointing.write_seconds in the policy",
    )
}

pub(super) fn too_few(judged: &Judged<'_>, worth: &Worth) -> Gap {
    let (least, most) = worth.saves;
    Gap::new(
        "too-few-interruptions",
        format!(
            "whether a checkpoint every {} saves more than it takes to write",
            time(f64::from(worth.interval))
        ),
        format!(
            "{} in {:.0} hours may mean one {}, by which it saves between {} and {} of its hours",
            counted(judged.rate.events),
            judged.rate.hours,
            in_a_thousand(&judged.rate),
            percent(least),
            percent(most)
        ),
        "ask again later, or widen --window if it is older than the window",
    )
}

/// Figures behind the proposal, in the order in which they follow from each other.
pub(super) fn evidence(judged: &Judged<'_>, worth: &Worth, replay: Option<&Replay>) -> Vec<Evidence> {
    let (terms, rate) = (&judged.terms, &judged.rate);
    let hours = |value: f64| Some((value * 100.0).round() / 100.0);
    let share = |value: f64| Some((value * 10_000.0).round() / 10_000.0);
    let mut found = vec![
        fact(
            format!(
                "interruptions in {:.0} hours of its runs: {}",
                rate.hours,
                in_a_thousand(rate)
            ),
            format!("{LIVES}; Garwood's interval at 95 %"),
            Some(rate.events as f64),
        ),
        fact(
            "hours that an interruption cost it on average",
            cost_source(judged),
            hours(terms.lost.median),
        ),
        fact(
            "the same, where its runs were as long as the longest that nothing interrupted",
            cost_source(judged),
            hours(terms.lost.least),
        ),
    ];
    found.extend(judged.nodes.as_ref().map(of_nodes));
    let by_whom = match judged.told.write {
        Some(_) => "annotation gpuwise.dev/checkpoint-write",
        None => "levers.checkpointing.write_seconds in the policy",
    };
    found.extend([
        fact("seconds that it takes to write a checkpoint", by_whom, Some(terms.write)),
        fact(
            "seconds that a restart is counted to take",
            "pods' creation and readiness at p95, and restart_seconds in the policy",
            Some(terms.restart.round()),
        ),
        fact(
            format!(
                "seconds of work between two checkpoints by which least is lost; {} at the most interruptions that the count allows, {} at the least",
                worth.bounds.1, worth.bounds.0
            ),
            DALY,
            Some(f64::from(worth.interval)),
        ),
        fact("share of its time that is no progress now", "writes, restarts and work done again, to first order", share(worth.now)),
        fact(
            format!(
                "the same then; it saves between {} and {} of its hours by what the count allows",
                percent(worth.saves.0),
                percent(worth.saves.1)
            ),
            "writes, restarts and half an interval done again, to first order",
            share(worth.then),
        ),
    ]);
    found.extend(replay.into_iter().flat_map(of_replay));
    found
}

fn cost_source(judged: &Judged<'_>) -> &'static str {
    match judged.seen.lost() {
        Some(_) => "runs that were interrupted, beside those that were not",
        None => "half of the interval that its annotation tells, and a restart",
    }
}

fn of_nodes(nodes: &Rate) -> Evidence {
    let what = format!(
        "spot nodes of its types that were taken away, at most, in {:.0} node-hours: {} of one",
        nodes.hours,
        in_a_thousand(nodes)
    );
    let source = "kube-state-metrics, the Kubernetes API and the bill; Garwood's interval at 95 %";
    fact(what, source, Some(nodes.events as f64))
}

fn of_replay(replay: &Replay) -> [Evidence; 2] {
    let hours = |value: f64| Some((value * 100.0).round() / 100.0);
    let source = "replay of its runs, with their interruptions where they were";
    [
        fact("hours that its runs held GPUs", LIVES, hours(replay.held)),
        fact(
            format!(
                "hours that they would have held them, replayed over {} days; without checkpoints the replay of those that were \
                 interrupted is off by {}, of {} at most",
                replay.days,
                percent(replay.off),
                percent(OFF_AT_MOST)
            ),
            source,
            hours(replay.then),
        ),
    ]
}

pub(super) fn needs(judged: &Judged<'_>) -> Vec<String> {
    let mut needs = vec![
        "most trainers count steps and not seconds (save_steps, every_n_train_steps, --save-interval): divide by how long a step \
         takes"
            .to_owned(),
        "checkpoints must lie where the next pod finds them, and old ones must be deleted before that is full".to_owned(),
    ];
    if judged.told.interval.is_none() {
        needs.push(
            "whether it writes checkpoints already is not known: if so, see that a new pod reads them".to_owned(),
        );
    }
    needs
}

/// What to run, and what must hold.
pub(super) fn experiment(judged: &Judged<'_>, worth: &Worth) -> String {
    let interval = f64::from(worth.interval);
    format!(
        "let one run write a checkpoint every {}, and delete its pod once one is written; it passed if no checkpoint took longer than {}, \
         the run went on from the newest, and it took no more than {} longer than usual beside its checkpoints. Then record `experiment-passed` in \
         the decisions file",
        time(interval),
        time(judged.terms.write),
        time(interval + judged.terms.restart)
    )
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_read_as_people_say_them() {
        let said = [40.4, 60.0, 90.0, 3_600.0, 7_500.0, 7_229.0].map(time);
        assert_eq!(said, ["40 s", "1 min", "1 min 30 s", "1 h", "2 h 5 min", "2 h"]);
    }
}
