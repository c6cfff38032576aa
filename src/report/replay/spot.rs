//! What a replay over spot capacity found: for people a row per strategy with what it missed, and for scripts every start too.

mod json;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::replay::spot::bounds::{Rate, monthly_share};
use crate::replay::spot::expected::Expected;
use crate::replay::spot::job::Job;
use crate::replay::spot::pool::Served;
use crate::replay::spot::read::Read;
use crate::replay::spot::starts::{Spread, Tried};
use crate::report::figures::{UNKNOWN, number, percent};

pub use json::{at_rate_json, json, pool_json};

/// A job from every start.
#[derive(Debug)]
pub struct Replayed<'a> {
    /// The trace.
    pub read: &'a Read,
    /// The job.
    pub job: &'a Job,
    /// Each strategy.
    pub tried: &'a [Tried],
    /// How many deadlines fit into what was watched.
    pub windows: u64,
    /// What the trace's rate alone comes to at its lower and its upper bound.
    pub by_rate: Option<[Expected; 2]>,
}

/// A job at a rate.
#[derive(Debug)]
pub struct AtRate<'a> {
    /// The job.
    pub job: &'a Job,
    /// What an hour of one node costs on demand.
    pub on_demand: f64,
    /// What an hour of one costs as spot capacity.
    pub spot: f64,
    /// How often one is taken away, where that was counted.
    pub counted: Option<Rate>,
    /// The share that was interrupted within a month, where that was published.
    pub monthly: Option<f64>,
    /// At the lowest rate first; one, where the rate is given.
    pub expected: &'a [(&'static str, Expected)],
}

fn hours(seconds: i64) -> f64 {
    seconds as f64 / 3_600.0
}

fn money(amount: f64) -> String {
    if amount.abs() < 1_000.0 {
        format!("{amount:.2}")
    } else {
        number(amount)
    }
}

/// Per hour, small or not.
fn rate(per_hour: f64) -> String {
    number(per_hour)
}

/// What the trace is, in lines.
fn trace_in_words(read: &Read) -> String {
    let figures = read.trace.figures();
    let unknown = hours(read.trace.length) - figures.watched_hours;
    let mut text = format!(
        "Trace      {}: {} hours watched",
        read.kind,
        number((figures.watched_hours * 10.0).round() / 10.0)
    );
    if unknown > 0.0 {
        text.push_str(&format!(
            ", {} more in gaps, which are unknown and never count as available",
            number((unknown * 10.0).round() / 10.0)
        ));
    }
    text.push_str(&format!(
        "\nNodes      {} on average, {} at most: {} of the most\nTaken      {} nodes, {} an hour",
        number((figures.nodes_mean * 10.0).round() / 10.0),
        figures.nodes_most,
        percent(Some(figures.availability)),
        figures.taken,
        rate(figures.taken_per_hour)
    ));
    if let Some(of) = figures.rate {
        text.push_str(&format!(
            "; {} per node and hour, between {} and {} (Garwood, 95 %)",
            rate(of.mid()),
            rate(of.low),
            rate(of.high)
        ));
    }
    if read.went_back > 0 {
        text.push_str(&format!(
            "\nOdd        lines go back in time {} times: what stands later counts",
            read.went_back
        ));
    }
    text.push('\n');
    text
}

/// A job from every start, as a table.
pub fn table(replayed: &Replayed<'_>) -> String {
    let job = replayed.job;
    let starts = replayed.tried.first().map_or(0, |tried| tried.runs.len());
    let mut text = trace_in_words(replayed.read);
    text.push_str(&format!(
        "Job        {} h of work on {}, done within {} h; a restart takes {} h{}\nStarts     {}, in which {} deadlines fit one after the other\n\n",
        number(hours(job.work)),
        if job.nodes == 1 { "one node".to_owned() } else { format!("{} nodes at once", job.nodes) },
        number(hours(job.deadline)),
        number(hours(job.restart)),
        checkpoints(job),
        number(starts as f64),
        number(replayed.windows as f64),
    ));
    text.push_str(&rows(replayed.tried));
    for tried in replayed.tried {
        text.push_str(&warnings(tried));
    }
    if let Some([low, high]) = &replayed.by_rate {
        text.push_str(&format!(
            "\nBy its rate alone, were nodes taken independently and always to be had again: between {} and {} hours from one \
             interruption of the job to the next, {} to {} wasted. The replay is preferred: capacity goes in bursts.\n",
            number(high.mtbf_hours),
            if low.mtbf_hours.is_finite() { number(low.mtbf_hours) } else { "any number of".to_owned() },
            percent(Some(low.waste)),
            percent(Some(high.waste)),
        ));
    }
    text.push_str("\nAssumed: on-demand capacity is there whenever it is asked for.\n");
    text
}

fn checkpoints(job: &Job) -> String {
    match job.interval {
        Some((between, write)) => format!(
            ", a checkpoint follows every {} min of work on spot capacity and takes {} s",
            number((between as f64 / 6.0).round() / 10.0),
            number(write as f64)
        ),
        None => String::new(),
    }
}

fn rows(tried: &[Tried]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "Strategy",
        "Mean cost",
        "p95",
        "Saving (p5 to p95)",
        "Hours p50, p95",
        "Missed",
        "Interruptions",
        "On spot",
    ]);
    for at in 1..8 {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let told =
        |spread: Option<Spread>, text: &dyn Fn(Spread) -> String| spread.map_or_else(|| UNKNOWN.to_owned(), text);
    for one in tried {
        table.add_row([
            one.strategy.to_string(),
            told(one.cost, &|cost| money(cost.mean)),
            told(one.cost, &|cost| money(cost.p95)),
            told(one.saving, &|saving| {
                let of = |share| percent(Some(share));
                format!("{} ({} to {})", of(saving.mean), of(saving.p5), of(saving.p95))
            }),
            told(one.hours, &|hours| {
                format!("{}, {}", number(hours.p50), number(hours.p95))
            }),
            missed(one),
            number((one.interruptions * 10.0).round() / 10.0),
            percent(Some(one.spot_share)),
        ]);
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Deadlines that were missed, and how many may be.
fn missed(of: &Tried) -> String {
    let bound = of
        .misses_at_most
        .map_or_else(String::new, |share| format!(", at most {}", percent(Some(share))));
    format!("{} of {}{bound}", of.misses, of.runs.len())
}

fn warnings(tried: &Tried) -> String {
    let mut text = String::new();
    if tried.misses > 0 && !tried.strategy.holds_deadlines() {
        text.push_str(&format!(
            "\n{} missed {} of {} deadlines: never under a hard deadline.\n",
            tried.strategy,
            tried.misses,
            tried.runs.len()
        ));
    } else if tried.misses > 0 {
        text.push_str(&format!(
            "\n{} missed {} of {} deadlines: the deadline is shorter than the work.\n",
            tried.strategy,
            tried.misses,
            tried.runs.len()
        ));
    }
    if tried.unfinished > 0 {
        text.push_str(&format!(
            "{} of its runs were not done when the trace ended: what they cost is not known, and so is no mean.\n",
            tried.unfinished
        ));
    }
    text
}

/// A job at a rate, in words.
pub fn at_rate(of: &AtRate<'_>) -> String {
    let mut text = String::new();
    if let Some(counted) = &of.counted {
        text.push_str(&format!(
            "Counted    {} in {} node-hours: {} an hour, between {} and {} (Garwood, 95 %){}\n",
            counted.events,
            number(counted.hours),
            rate(counted.mid()),
            rate(counted.low),
            rate(counted.high),
            if counted.events == 0 {
                "; none seen is not never"
            } else {
                ""
            },
        ));
    }
    if let Some((share, lambda)) = of.monthly.and_then(|share| Some((share, monthly_share(share)?))) {
        text.push_str(&format!(
            "Published  {} interrupted within a month: {} an hour, a LOWER bound, as instances rarely live for a month\n",
            percent(Some(share)),
            rate(lambda),
        ));
    }
    let on_demand = hours(of.job.work) * of.on_demand * f64::from(of.job.nodes);
    text.push_str(&format!(
        "On demand  {} for {} h\n",
        money(on_demand),
        number(hours(of.job.work))
    ));
    for (name, found) in of.expected {
        let every = found.interval_seconds.map_or_else(String::new, |seconds| {
            let minutes = number((seconds / 6.0).round() / 10.0);
            format!(", a checkpoint after every {minutes} min of work")
        });
        let mtbf = if found.mtbf_hours.is_finite() {
            format!("{} h between interruptions", number(found.mtbf_hours))
        } else {
            "no interruption".to_owned()
        };
        let cost = match (found.cost, found.hours) {
            (Some(cost), Some(hours)) => format!(
                "{} in {} h; it saves {}",
                money(cost),
                number(hours),
                percent((on_demand > 0.0).then(|| 1.0 - cost / on_demand))
            ),
            _ => "it is never done".to_owned(),
        };
        text.push_str(&format!(
            "{name:<10} {mtbf}{every}: {} wasted; {cost}; even at {} of the on-demand price\n",
            percent(Some(found.waste)),
            percent(Some(found.breaks_even_at)),
        ));
    }
    text.push_str(
        "\nTo first order, nodes taken away independently and to be had again at once. A trace tells more.\n",
    );
    text
}

/// What a pool of replicas served, in words.
pub fn pool(read: &Read, served: &Served) -> String {
    let mut text = trace_in_words(read);
    text.push_str(&format!(
        "Served     {} of {} replica-hours; {} missed, {} interruptions\nPaid       {} replica-hours of spot capacity, {} on demand\nCost       {} instead of {}: it saves {}\n\nAssumed: on-demand capacity is there whenever it is asked for.\n",
        percent(served.share()),
        number(served.wanted),
        number(served.shortfall),
        served.interruptions,
        number(served.spot),
        number(served.on_demand),
        money(served.cost),
        money(served.on_demand_cost),
        percent(served.saving()),
    ));
    text
}
