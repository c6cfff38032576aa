//! What requests felt of two ways to run a pool, before and after: a table, charts of replicas and queue, and the same for scripts.

mod table;

use serde_json::{Value, json};

use super::chart::{axis, scaled};
use super::scaling::{NARROWEST, at, labelled, wrapped};
use crate::model::objective::{Latency, Objective, Percentile};
use crate::replay::given::Subject;
use crate::replay::keda::lint::Finding;
use crate::replay::served::{Moment, Outcome, Plan};
use crate::report::figures::{count, number};
use crate::report::safe::plain;
use crate::report::table::bold;

/// What a simulation cannot tell.
pub const NOTE: &str = "What arrives is given; the queue follows from the replicas. One replica is what the service file says, and was compared with no real server. Latencies are of requests that were answered, and of those that wait at the end as long as they have waited. Metrics are seen without the delay of scrapes.";

/// Lines of a chart.
const HEIGHT: usize = 5;

/// What of a request takes time, by its label.
const LATENCIES: [(&str, Latency); 3] = [
    ("First token", Latency::FirstToken),
    ("Between tokens", Latency::InterToken),
    ("Whole request", Latency::Whole),
];

/// Quantiles by their names.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// What runs today, and what came of it; `None` where nobody tells.
    pub before: Option<(&'a Plan, &'a Outcome)>,
    /// What may run.
    pub after: (&'a Plan, &'a Outcome),
    /// From when to when, in milliseconds of Unix time.
    pub span: (i64, i64),
    /// What requests may take.
    pub objective: &'a Objective,
    /// Advice on what may run.
    pub findings: &'a [Finding],
    /// What a replica costs an hour.
    pub hourly: Option<f64>,
    /// What requests were drawn from.
    pub seed: u64,
}

impl<'a> Compared<'a> {
    /// What is there of before and after, by name.
    fn sides(&self) -> Vec<(&'static str, &'a Plan, &'a Outcome)> {
        let before = self.before.map(|(plan, outcome)| ("Before", plan, outcome));
        let after = ("After", self.after.0, self.after.1);
        before.into_iter().chain([after]).collect()
    }
}

/// For people, in lines of this width.
pub fn text(compared: &Compared<'_>, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let (from, to) = compared.span;
    let hours = (to - from) as f64 / 3_600_000.0;
    let mut lines = vec![labelled(
        "Time",
        &format!(
            "{} to {} ({} hours)",
            at(from),
            at(to),
            number((hours * 10.0).round() / 10.0)
        ),
    )];
    let sides = compared.sides();
    lines.extend(sides.iter().map(|(when, plan, _)| labelled(when, &words(plan))));
    for (when, _, outcome) in &sides {
        let (syncs, failed) = outcome.syncs;
        if failed > 0 {
            let words = format!(
                "{}, {} of {} had a metric without a value: nothing is scaled down then",
                when.to_lowercase(),
                number(failed as f64),
                count(syncs, "sync", "syncs")
            );
            lines.push(labelled("Failed", &words));
        }
    }
    let advice = compared.findings.iter();
    lines.extend(advice.map(|one| labelled("Advice", &format!("{}: {}", one.field, one.words))));
    lines.push(labelled("Note", NOTE));
    let mut text = String::new();
    for line in lines {
        let line = wrapped(&line, width);
        let end = line.find(' ').unwrap_or(line.len());
        text.push_str(&format!("{}{}", bold(&line[..end], colour), &line[end..]));
    }
    text.push('\n');
    text.push_str(&table::table(compared, width, colour));
    text.push('\n');
    text.push_str(&charts(compared, width));
    text
}

/// A plan in words.
fn words(plan: &Plan) -> String {
    let subject = match plan {
        Plan::Fixed(replicas) => return format!("{}, always", count(*replicas as usize, "replica", "replicas")),
        Plan::Scaled { subject, .. } => subject,
    };
    let (kind, name) = match subject {
        Subject::Hpa { manifest, .. } => ("HorizontalPodAutoscaler", &manifest.name),
        Subject::Keda(object) => ("ScaledObject", &object.name),
    };
    let mut metrics: Vec<String> = subject
        .wanted()
        .into_iter()
        .filter_map(|names| names.first().map(|name| plain(name).to_string()))
        .collect();
    if let Subject::Keda(object) = subject {
        let crons = object.triggers.iter().filter(|trigger| trigger.kind == "cron");
        metrics.extend(crons.map(|_| "cron".to_owned()).take(1));
    }
    let by = if metrics.is_empty() {
        String::new()
    } else {
        format!(", by {}", metrics.join(" and "))
    };
    format!(
        "{kind} {}, {} to {} replicas{by}",
        plain(name),
        subject.fewest(),
        subject.most()
    )
}

fn charts(compared: &Compared<'_>, width: usize) -> String {
    let sides = compared.sides();
    let mut text = String::new();
    let all = |of: fn(&Moment) -> u32, outcome: &Outcome| -> Vec<Option<f64>> {
        outcome
            .moments
            .iter()
            .map(|moment| Some(f64::from(of(moment))))
            .collect()
    };
    let most = sides.iter().map(|(_, _, side)| side.replicas.1).max().unwrap_or(0);
    for (when, _, side) in &sides {
        let title = format!("Replicas {}, the most of each column", when.to_lowercase());
        text.push_str(&scaled(
            &title,
            &all(|one| one.replicas, side),
            width,
            (HEIGHT, f64::from(most)),
        ));
    }
    let most = sides
        .iter()
        .filter_map(|(_, _, side)| side.most_waiting())
        .max()
        .unwrap_or(0);
    for (when, _, side) in &sides {
        let title = format!("Requests waiting {}", when.to_lowercase());
        text.push_str(&scaled(
            &title,
            &all(|one| one.waiting, side),
            width,
            (HEIGHT, f64::from(most)),
        ));
    }
    text.push_str(&axis(&at(compared.span.0), &at(compared.span.1), width));
    text
}

/// One bound of the objective.
struct Bound {
    what: String,
    at_most: f64,
    unit: &'static str,
    of: Option<(Latency, Percentile)>,
}

impl Bound {
    fn seen(&self, side: &Outcome) -> Option<f64> {
        match self.of {
            Some((latency, at)) => side.day.of(latency).quantile(at.ratio()),
            None => side.day.refused_share(),
        }
    }

    fn kept(&self, side: &Outcome) -> Option<bool> {
        self.seen(side).map(|seen| seen <= self.at_most)
    }
}

fn bounds(objective: &Objective) -> Vec<Bound> {
    let latencies = objective.latencies.iter().map(|target| Bound {
        what: target.name.to_owned(),
        at_most: target.at_most.as_secs_f64(),
        unit: "seconds",
        of: Some((target.of, target.at)),
    });
    let rejected = objective.rejected.iter().map(|target| Bound {
        what: "rejected".to_owned(),
        at_most: target.at_most.ratio(),
        unit: "share",
        of: None,
    });
    latencies.chain(rejected).collect()
}

/// The same for scripts: `before` and `after` with the same keys, seconds and shares of one; what is not known is null.
pub fn json(compared: &Compared<'_>) -> String {
    let finding = |one: &Finding| json!({"code": one.code, "field": one.field, "words": one.words});
    let answer = json!({
        "from": at(compared.span.0),
        "to": at(compared.span.1),
        "seed": compared.seed,
        "before": compared.before.map(|before| side(compared, before)),
        "after": side(compared, compared.after),
        "advice": compared.findings.iter().map(finding).collect::<Value>(),
        "note": NOTE,
    });
    format!("{answer}\n")
}

fn side(compared: &Compared<'_>, (plan, outcome): (&Plan, &Outcome)) -> Value {
    let rounded = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let day = &outcome.day;
    let quantiles = |of: Latency| {
        let values = QUANTILES.map(|(name, q)| (name.to_owned(), json!(day.of(of).quantile(q).map(rounded))));
        Value::Object(values.into_iter().collect())
    };
    let bound = |bound: &Bound| {
        json!({
            "what": bound.what,
            "at_most": bound.at_most,
            "unit": bound.unit,
            "seen": bound.seen(outcome).map(rounded),
            "kept": bound.kept(outcome),
        })
    };
    json!({
        "policy": words(plan),
        "replicas": {"least": outcome.replicas.0, "most": outcome.replicas.1, "changes": outcome.changes},
        "replica_hours": rounded(outcome.replica_hours()),
        "cost": compared.hourly.map(|hourly| rounded(outcome.replica_hours() * hourly)),
        "requests": day.arrived as u64,
        "refused": day.refused as u64,
        "refused_share": day.refused_share().map(|share| (share * 1e6).round() / 1e6),
        "first_token_seconds": quantiles(Latency::FirstToken),
        "inter_token_seconds": quantiles(Latency::InterToken),
        "request_seconds": quantiles(Latency::Whole),
        "waiting": {
            "p95": outcome.waiting(0.95),
            "most": outcome.most_waiting(),
            "end": outcome.waiting_at_end,
        },
        "objective": bounds(compared.objective).iter().map(bound).collect::<Value>(),
        "syncs": outcome.syncs.0,
        "failed_syncs": outcome.syncs.1,
    })
}

#[cfg(test)]
mod tests;
