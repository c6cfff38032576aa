//! The replay of a change: how near the replay of what really ran comes, what each day would have been, and what was tried.

use serde_json::Value;

use crate::model::plan::Row;

use super::super::figures::{UNKNOWN, number, percent, seconds};
use super::super::safe::short;
use super::super::words::opening;
use super::Page;
use super::element::{Element, cell, el, more, p, span, table};
use super::row::{figure, told};
use super::svg::daily::{Day, daily};
use super::svg::frontier::{Frontier, Setting, frontier};
use super::svg::{drawing, legend};
use super::workload::is_many;

pub(super) fn section(page: &Page<'_>, row: &Row, id: &str) -> Option<Element> {
    let replay = row.replay.as_ref()?;
    let figures = replay.get("figures").unwrap_or(&Value::Null);
    let days = figures
        .get("replica_hours_by_day")
        .map(|days| (days, "replica hours"))
        .or_else(|| figures.get("device_hours_by_day").map(|days| (days, "device hours")));
    let days = days.and_then(|(days, unit)| by_day(page, days, unit, id));
    let tried = figures.get("frontier").and_then(|tried| tried_out(tried, id));
    let charts: Vec<Element> = [days, tried].into_iter().flatten().collect();
    let charts = (!charts.is_empty()).then(|| el("div").class("pair").all(charts));
    Some(
        el("div")
            .class("stack")
            .add(el("h4").text("Replay of its own history"))
            .add(p(words(page, replay, figures)).class("small"))
            .all(charts)
            .all(service(figures)),
    )
}

/// What was replayed, on how many days, and how near it comes to what really was.
fn words(page: &Page<'_>, replay: &Value, figures: &Value) -> String {
    let machine = replay.get("machine").and_then(Value::as_str).unwrap_or("history");
    let days = told(replay, "scored_days");
    let what = match machine {
        "service" => format!("Its own requests, run again over {days} days of which none was tuned on."),
        "schedule" => format!("Each of {days} days, switched off in the hours that the days before it taught."),
        "spot" => format!("{days} days over how spot capacity came and went here."),
        "checkpoint" => format!("{days} days of its own runs and interruptions."),
        other => format!("{days} days, by the machine {other}."),
    };
    let error = |name: &str| {
        replay
            .get("calibration")
            .and_then(|calibration| figure(calibration, name))
    };
    let near = match (error("cost_error"), error("latency_error")) {
        (Some(cost), Some(latency)) => format!(
            " The replay of what really ran is off by {} in cost and by {} in the latency that is furthest off.",
            percent(Some(cost)),
            percent(Some(latency))
        ),
        (None, Some(latency)) => format!(
            " The replay of what really ran is off by {} in the latency that is furthest off.",
            percent(Some(latency))
        ),
        (Some(cost), None) => format!(
            " The replay of what really ran is off by {} in cost.",
            percent(Some(cost))
        ),
        (None, None) => String::new(),
    };
    let hour = figures.get("node_hour").and_then(|hour| {
        let amount = |name: &str| figure(hour, name).map(|value| page.tick(value));
        Some(format!(
            " An hour of a node then comes to {}, between {} and {}, restarts and what stands in included.",
            amount("mid")?,
            amount("low")?,
            amount("high")?
        ))
    });
    let disturbed = figure(figures, "days_disturbed").map(|days| {
        let most = figure(figures, "share_of_days_disturbed_at_most");
        format!(
            " On {} of them work fell into those hours; it may on up to {} of days.",
            number(days),
            percent(most)
        )
    });
    let runs = figure(figures, "run_hours").zip(figure(figures, "run_hours_with_checkpoints"));
    let runs = runs.map(|(held, then)| {
        format!(
            " Its runs held {} hours, and would have held {} with such checkpoints.",
            number(held),
            number(then)
        )
    });
    let more = [hour, disturbed, runs].into_iter().flatten();
    more.fold(format!("{what}{near}"), |text, more| text + &more)
}

fn by_day(page: &Page<'_>, days: &Value, unit: &str, id: &str) -> Option<Element> {
    let days: Vec<Day> = days.as_array()?.iter().filter_map(day).collect();
    if days.is_empty() {
        return None;
    }
    let count = days.len() as f64;
    let mean = |of: fn(&Day) -> f64| days.iter().map(of).sum::<f64>() / count;
    let (before, after) = (mean(|day| day.before), mean(|day| day.after));
    let caption = format!(
        "{} a day: {} as they were, {} replayed.",
        opening(unit),
        number(round(before)),
        number(round(after))
    );
    let chart = daily(
        &format!("{id}-days"),
        &days,
        (&format!("{unit} by day, before and after"), &caption),
    );
    let banded = days.iter().any(|day| day.ends.is_some());
    let mut marks = vec![("line", "as it was"), ("solid", "replayed")];
    if banded {
        marks.push(("soft", "were the service slower or quicker than it seems"));
    }
    let table = (!is_many(page)).then(|| more("Day by day", table_of(&days, unit)));
    Some(drawing(&caption, chart, std::iter::once(legend(&marks)).chain(table)))
}

fn table_of(days: &[Day], unit: &str) -> Element {
    let rows = days.iter().map(|day| {
        let ends = day.ends.map_or_else(
            || "–".to_owned(),
            |(low, high)| format!("{} to {}", number(low), number(high)),
        );
        vec![
            cell(&day.name),
            cell(number(day.before)),
            cell(number(day.after)),
            cell(ends),
        ]
    });
    let caption = format!("{} by day", opening(unit));
    table(&caption, &["Day", "#Before", "#After", "#Between"], rows)
}

fn day(day: &Value) -> Option<Day> {
    Some(Day {
        name: day.get("day")?.as_str()?.to_owned(),
        before: figure(day, "before")?,
        after: figure(day, "after")?,
        ends: figure(day, "low").zip(figure(day, "high")),
    })
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn tried_out(tried: &Value, id: &str) -> Option<Element> {
    let settings: Vec<Setting> = tried.get("settings")?.as_array()?.iter().filter_map(setting).collect();
    let shown = Frontier {
        bound: figure(tried, "bound_seconds")?,
        as_it_was: figure(tried, "as_it_was_seconds"),
        settings,
    };
    let chosen = shown.settings.iter().find(|one| one.chosen)?;
    let latency = tried.get("latency").and_then(Value::as_str).unwrap_or("latency");
    let bound = match tried.get("bound_is").and_then(Value::as_str) {
        Some("objective") => "what is wanted of it, less what is left free",
        _ => "no worse than today",
    };
    let caption = format!(
        "Saving against {latency}, {}th percentile, on the {} days on which it was tuned. Chosen: {}, {} saved at {}; the bound is {}, {bound}.",
        number(figure(tried, "quantile").unwrap_or(0.95) * 100.0),
        told(tried, "days"),
        chosen.name,
        percent(Some(chosen.saved)),
        seconds(chosen.seconds),
        seconds(shown.bound)
    );
    let title = format!("What was tried: replica hours saved against {latency}");
    let chart = frontier(&format!("{id}-frontier"), &shown, (&title, &caption));
    let rows: Vec<Vec<Element>> = shown
        .settings
        .iter()
        .map(|one| {
            let kept = match (&one.breaks, one.chosen) {
                (_, true) => "chosen".to_owned(),
                (None, false) => "keeps to every bound".to_owned(),
                (Some(breaks), false) => format!("breaks: {breaks}"),
            };
            vec![
                cell(&one.name),
                cell(percent(Some(one.saved))),
                cell(seconds(one.seconds)),
                cell(kept),
            ]
        })
        .collect();
    let marks = legend(&[
        ("round", "keeps to every bound"),
        ("crossed", "breaks one, this or another"),
        ("ringed", "as it ran"),
        ("red", "bound"),
    ]);
    let table = table(
        "Settings that were tried",
        &["Setting", "#Saved", "#Latency", "Verdict"],
        rows,
    );
    Some(drawing(&caption, chart, [marks, more("The settings", table)]))
}

fn setting(setting: &Value) -> Option<Setting> {
    Some(Setting {
        name: short(setting.get("setting")?.as_str()?, 90),
        saved: figure(setting, "saving_share")?,
        seconds: figure(setting, "seconds")?,
        breaks: setting.get("breaks").and_then(Value::as_str).map(str::to_owned),
        chosen: setting.get("chosen").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// How service was on these days and would have been, by replay.
fn service(figures: &Value) -> Option<Element> {
    let (before, after) = (figures.get("before")?, figures.get("after")?);
    let slower = figures.get("after_if_slower").unwrap_or(&Value::Null);
    let lines = [
        ("Time to the first token, p95", "time_to_first_token_p95_seconds", false),
        ("Time between tokens, p95", "inter_token_latency_p95_seconds", false),
        ("Time to the last token, p95", "request_latency_p95_seconds", false),
        ("Requests refused", "refused_share", true),
        ("Requests held for a start", "held_share", true),
    ];
    let text = |of: &Value, name: &str, share: bool| match figure(of, name) {
        Some(value) if share => percent(Some(value)),
        Some(value) => seconds(value),
        None => UNKNOWN.to_owned(),
    };
    let rows = lines.map(|(label, name, share)| {
        vec![
            cell(label),
            cell(text(before, name, share)),
            cell(text(after, name, share)),
            span("quiet", text(slower, name, share)),
        ]
    });
    let columns = ["Service", "#As it ran", "#After", "#After, were it slower"];
    Some(table("Service by replay, over the scored days", &columns, rows))
}
