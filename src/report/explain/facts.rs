//! What a workload is and how that was told; what it costs; how busy it was.

use crate::model::histogram::{LatencyRow, ServingRow};
use crate::model::objective::ObjectiveRow;
use crate::model::plan::{Plan, Verdict, WorkloadRow};
use crate::model::queueing::Queueing;
use crate::model::requests::{RequestsRow, StartsRow};
use crate::model::workload::{CapacityType, Class};

use super::super::figures::{UNKNOWN, busy as busy_in_words, count, gpus, maybe_money, number, percent, window};
use super::super::names::Names;
use super::super::safe::plain;

pub(super) fn facts(plan: &Plan, names: &Names<'_>, row: &WorkloadRow) -> String {
    let lines = [
        ("Verdict", verdict(row.verdict).to_owned()),
        ("Window", window(plan.window)),
        ("Class", class(row)),
        ("Owner", owner(row)),
        ("GPUs", devices(row)),
        ("Cost", cost(plan, row)),
        ("Busy", busy(row)),
        ("Memory", memory(row)),
    ];
    let queue = row.queue.as_ref().map(|queue| ("Queue", queueing(queue)));
    let serving = row.serving.as_ref().map(|serving| ("Serving", serving_line(serving)));
    let pools = Some(row.inference_pools.join(", ")).filter(|pools| !pools.is_empty());
    let pools = pools.map(|pools| ("Pool", format!("{pools}: an endpoint picker chooses among its pods")));
    let bounds = (!row.objectives.is_empty()).then(|| ("Bounds", bounds(&row.objectives)));
    let requests = row
        .requests
        .as_ref()
        .map(|requests| ("Requests", requests_line(requests)));
    let starts = row.start_seconds.as_ref().map(|starts| ("Starts", starts_line(starts)));
    let lines = lines
        .into_iter()
        .chain(serving)
        .chain(requests)
        .chain(starts)
        .chain(bounds)
        .chain(pools)
        .chain(queue);
    let mut text = format!("{}, {}\n", names.of_workload(row), identity(row));
    for (label, line) in lines {
        text.push_str(&format!("  {label:<8} {}\n", plain(&line)));
    }
    text
}

fn identity(row: &WorkloadRow) -> String {
    let kind = match row.group.as_str() {
        "" => row.kind.clone(),
        group => format!("{}.{group}", row.kind),
    };
    plain(&format!("{kind} in cluster {}, id {}", row.cluster, row.id))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Change => "change: at least one lever has a change for it",
        Verdict::Keep => "keep: every lever finds it right as it is",
        Verdict::Unknown => "unknown: no lever has a change, and at least one could not tell",
    }
}

fn class(row: &WorkloadRow) -> String {
    let class = match row.class {
        Class::Training => "training",
        Class::Inference => "inference",
        Class::Batch => "batch",
        Class::Notebook => "notebook",
        Class::Unknown => return because(UNKNOWN, &row.class_because),
    };
    let sure = format!("{class}, {} sure", percent(Some(row.class_confidence)));
    because(&sure, &row.class_because)
}

fn because(what: &str, reasons: &[String]) -> String {
    match reasons {
        [] => what.to_owned(),
        reasons => format!("{what}: {}", reasons.join("; ")),
    }
}

fn owner(row: &WorkloadRow) -> String {
    match (&row.owner, &row.owner_because) {
        (Some(owner), Some(because)) => format!("{owner} ({because})"),
        (Some(owner), None) => owner.clone(),
        (None, _) => UNKNOWN.to_owned(),
    }
}

fn devices(row: &WorkloadRow) -> String {
    let kind = row.gpu.as_deref().unwrap_or("of unknown kind");
    let capacity = match row.capacity_type {
        CapacityType::OnDemand => "on-demand",
        CapacityType::Spot => "spot",
        CapacityType::Reserved => "reserved",
        CapacityType::Unknown => "capacity of unknown type",
    };
    format!(
        "{} {kind} held on average, {capacity}, {} in the window",
        gpus(row.gpus),
        count(row.runs as usize, "run", "runs")
    )
}

fn queueing(queueing: &Queueing) -> String {
    let mut text = queueing.queue.clone();
    if let Some(behind) = &queueing.cluster_queue {
        text.push_str(&format!(" (ClusterQueue {behind})"));
    }
    match &queueing.runs {
        Some(runs) => {
            text.push_str(&format!(": {} admitted", runs.admitted));
            if runs.waiting > 0 {
                let since = runs
                    .waiting_seconds
                    .map(|seconds| format!(" for up to {}", duration(seconds)));
                let gpus = match number(runs.gpus_waiting) {
                    one if one == "1" => "1 GPU".to_owned(),
                    many => format!("{many} GPUs"),
                };
                text.push_str(&format!(
                    ", {} waiting for {gpus}{}",
                    runs.waiting,
                    since.unwrap_or_default()
                ));
            }
            if let Some(longest) = runs.longest_seconds {
                text.push_str(&format!("; longest wait {}", duration(longest)));
            }
        }
        None => text.push_str(": how long it waits is unknown"),
    }
    for quota in &queueing.quotas {
        let used = quota.used.map_or_else(|| UNKNOWN.to_owned(), number);
        text.push_str(&format!(
            "; {used} of {} {} of {} used",
            number(quota.nominal),
            quota.resource,
            quota.flavor
        ));
    }
    text
}

fn serving_line(row: &ServingRow) -> String {
    let latencies = [
        ("first token", &row.time_to_first_token_seconds),
        ("between tokens", &row.inter_token_latency_seconds),
        ("whole request", &row.request_latency_seconds),
    ];
    let mut parts: Vec<String> = latencies
        .into_iter()
        .map(|(what, row)| latency(what, row.as_ref()))
        .collect();
    let tokens = |amount: Option<f64>| amount.map_or_else(|| UNKNOWN.to_owned(), |amount| number(amount.round()));
    let (prompt, answer) = (row.prompt_tokens_per_request, row.answer_tokens_per_request);
    parts.push(format!(
        "{} tokens asked and {} answered on average",
        tokens(prompt),
        tokens(answer)
    ));
    parts.join("; ")
}

fn requests_line(row: &RequestsRow) -> String {
    let amount = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |value| number(figure(value)));
    format!(
        "{} a second on average, p95 {} over a minute; {} tokens a second asked and {} answered (every {} s, {} of the points)",
        amount(row.per_second),
        amount(row.per_second_p95),
        amount(row.prompt_tokens_per_second),
        amount(row.answer_tokens_per_second),
        row.step_seconds,
        percent(Some(row.coverage))
    )
}

/// As many digits as people read.
fn figure(value: f64) -> f64 {
    match value {
        value if value >= 100.0 => value.round(),
        value => (value * 100.0).round() / 100.0,
    }
}

fn starts_line(row: &StartsRow) -> String {
    let seen = count(row.count, "start", "starts");
    format!(
        "p50 {}, p95 {} from creation to ready ({seen})",
        short(row.p50),
        short(row.p95)
    )
}

fn latency(what: &str, row: Option<&LatencyRow>) -> String {
    let Some(row) = row else {
        return format!("{what} {UNKNOWN}");
    };
    let quantiles = [("p50", row.p50), ("p95", row.p95), ("p99", row.p99)];
    let quantiles =
        quantiles.map(|(name, value)| format!("{name} {}", value.map_or_else(|| UNKNOWN.to_owned(), short)));
    format!(
        "{what} {} ({}, {} of its hours)",
        quantiles.join(", "),
        row.signal,
        percent(Some(row.coverage))
    )
}

/// What requests may take, whether they did, and who says so.
fn bounds(rows: &[ObjectiveRow]) -> String {
    let amount = |row: &ObjectiveRow, value: f64| match row.unit.as_str() {
        "share" => format!("{}%", number((value * 1e6).round() / 1e4)),
        _ => short(value),
    };
    let lines = rows.iter().map(|row| {
        let seen = match row.seen {
            None => UNKNOWN.to_owned(),
            Some(seen) if seen > row.at_most => format!("{}, missed", amount(row, seen)),
            Some(seen) => format!("{}, kept", amount(row, seen)),
        };
        format!(
            "{} at most {}: {seen} ({})",
            row.what,
            amount(row, row.at_most),
            row.place
        )
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Seconds as people say them where they are few.
fn short(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{} ms", number((seconds * 10_000.0).round() / 10.0))
    } else {
        format!("{} s", number((seconds * 100.0).round() / 100.0))
    }
}

/// Seconds in the unit in which people say them.
fn duration(seconds: i64) -> String {
    let whole = |unit: i64| usize::try_from(seconds / unit).unwrap_or(0);
    if seconds < 2 * 3_600 {
        count(whole(60), "minute", "minutes")
    } else if seconds < 2 * 86_400 {
        count(whole(3_600), "hour", "hours")
    } else {
        count(whole(86_400), "day", "days")
    }
}

fn cost(plan: &Plan, row: &WorkloadRow) -> String {
    let amount = maybe_money(row.monthly, &plan.currency);
    match (&row.price, row.monthly) {
        (Some(price), Some(_)) => format!("{amount} a month ({}, {})", price.source, price.as_of),
        (None, Some(_)) => format!("{amount} a month (source of the price {UNKNOWN})"),
        (_, None) => format!("{UNKNOWN}: some of its GPUs have no price"),
    }
}

fn busy(row: &WorkloadRow) -> String {
    match &row.gpu_busy {
        Some(busy) => format!(
            "p50 {}, p95 {}, p99 {} ({}, {} of expected samples)",
            busy_in_words(busy.p50, &busy.signal),
            busy_in_words(busy.p95, &busy.signal),
            busy_in_words(busy.p99, &busy.signal),
            busy.signal,
            percent(Some(busy.coverage))
        ),
        None => format!("{UNKNOWN}: it was not measured"),
    }
}

fn memory(row: &WorkloadRow) -> String {
    let amount = |gib: Option<f64>| gib.map_or_else(|| UNKNOWN.to_owned(), |gib| format!("{} GiB", number(gib)));
    format!(
        "needs at most: {}; holds at most: {} (on its fullest GPU)",
        amount(row.memory_gib.need_max),
        amount(row.memory_gib.reserved_max)
    )
}
