//! Two ways to run a pool, side by side.

use std::time::Duration;

use super::table::{more, seconds, share};
use super::*;
use crate::model::objective::LatencyTarget;
use crate::replay::served::{arrivals, run, server};

const SERVER: &str = "itl_seconds: {base: 0.01, per_request: 0.001}\nprefill_tokens_per_second: 10000\nmax_num_seqs: 8\nprompt_tokens: 400\nanswer_tokens: 100\nobjective: {ttft_p90: 1.5s, rejected: 1%}\n";

/// What few replicas and many make of the same load, told by what is asked of it.
fn compared<T>(few: u32, many: u32, ask: impl FnOnce(&Compared<'_>) -> T) -> T {
    let server = server::read(SERVER, "s.yaml").unwrap();
    let load = "time,requests_per_second\n0,1\n600,9\n1200,1\n";
    let arrivals = arrivals::read(load, server.lengths, &[]).unwrap();
    let plans = [Plan::Fixed(few), Plan::Fixed(many)];
    let [a, b] = [0, 1].map(|at| run(&server, &[60.0], &arrivals, &plans[at], 3));
    ask(&Compared {
        before: Some((&plans[0], &a)),
        after: (&plans[1], &b),
        span: arrivals.span(),
        objective: &server.objective,
        findings: &[],
        hourly: Some(2.5),
        seed: 3,
    })
}

/// What a line of the table has right of its label.
fn figures(text: &str, label: &str) -> Vec<String> {
    let line = text
        .lines()
        .find(|line| line.starts_with(label))
        .unwrap_or_else(|| panic!("no {label} in:\n{text}"));
    line[label.len()..]
        .split("  ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn figures_stand_beside_one_another_with_their_change() {
    let text = compared(1, 4, |compared| text(compared, 80, false));
    assert_eq!(figures(&text, "Before  "), ["1 replica, always"]);
    assert_eq!(figures(&text, "Replica-hours"), ["0.5", "2", "+300%"]);
    assert_eq!(figures(&text, "Cost"), ["1.25", "5", "+300%"]);
    assert_eq!(figures(&text, "ttft_p90 <= 1.5 s"), ["broken", "kept"]);
    assert_eq!(figures(&text, "rejected <= 1%"), ["kept", "kept"]);
    let most = figures(&text, "                  most");
    assert!(most[2].starts_with('-'), "{most:?}");
    // The queue's charts are as high as the longer of both queues, so that they can be compared.
    let charts: Vec<&str> = text.split("Requests waiting ").skip(1).collect();
    let tops = [0, 1].map(|at| charts[at].lines().nth(1).unwrap().split('|').next().unwrap());
    assert_eq!((tops[0], tops[0].trim()), (tops[1], most[0].replace(',', "").as_str()));
    assert!(
        charts[0].contains("#\n         |") && !charts[1].contains("#\n         |"),
        "{text}"
    );
}

#[test]
fn nothing_changes_where_both_are_the_same() {
    let text = compared(2, 2, |compared| text(compared, 80, false));
    for label in [
        "Replica-hours",
        "Cost",
        "Refused",
        "First token       p50",
        "Waiting           p95",
    ] {
        assert_eq!(figures(&text, label)[2], "same", "{label}");
    }
}

#[test]
fn it_is_never_wider_than_told_and_coloured_only_where_asked() {
    for width in [10, 40, 62, 63, 120] {
        let (plain, coloured) = compared(1, 4, |compared| {
            (text(compared, width, false), text(compared, width, true))
        });
        let widest = plain.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width.max(40), "{width}:\n{plain}");
        assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
        assert_eq!(coloured.replace("\u{1b}[1m", "").replace("\u{1b}[0m", ""), plain);
        assert_eq!(
            figures(
                &plain,
                if width < 63 {
                    "Between tokens  p50"
                } else {
                    "Between tokens    p50"
                }
            )
            .len()
                > 2,
            width >= 63
        );
    }
}

#[test]
fn what_is_not_known_is_said_and_null() {
    let (text, json) = compared(0, 1, |compared| {
        let mut all = Objective::default();
        all.tighten(LatencyTarget {
            name: "itl_p50",
            of: Latency::InterToken,
            at: Percentile::P50,
            at_most: Duration::from_millis(50),
            place: "s.yaml".to_owned(),
        });
        let compared = Compared {
            objective: &all,
            hourly: None,
            ..*compared
        };
        (text(&compared, 80, false), json(&compared))
    });
    assert_eq!(figures(&text, "First token       p50")[0], "unknown");
    assert_eq!(figures(&text, "itl_p50 <= 50 ms"), ["unknown", "kept"]);
    assert_eq!(figures(&text, "Refused")[..2], ["100%", "0%"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let before = &json["before"];
    assert!(before["first_token_seconds"]["p95"].is_null() && before["cost"].is_null());
    assert_eq!(before["refused"], before["requests"]);
    assert_eq!(before["refused_share"].as_f64(), Some(1.0));
    let bound = &before["objective"][0];
    assert!(bound["kept"].is_null() && bound["what"] == "itl_p50" && bound["at_most"] == 0.05);
}

#[test]
fn alone_it_has_a_column_and_charts_of_its_own() {
    let (text, json) = compared(1, 4, |compared| {
        let alone = Compared {
            before: None,
            ..*compared
        };
        (text(&alone, 80, false), json(&alone))
    });
    assert_eq!(figures(&text, "Replica-hours"), ["2"]);
    assert_eq!(figures(&text, "rejected <= 1%"), ["kept"]);
    assert!(!text.to_lowercase().contains("before"), "{text}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["before"].is_null() && json["after"]["replica_hours"] == 2.0);
}

#[test]
fn times_and_changes_read_well() {
    let times = [0.0, 0.000_123, 0.0123, 0.4567, 0.9996, 1.0, 12.34, 99.97, 3_600.0];
    let told = times.map(seconds);
    assert_eq!(
        told,
        [
            "0 ms", "0.12 ms", "12.3 ms", "457 ms", "1 s", "1 s", "12.3 s", "100 s", "3600 s"
        ]
    );
    assert_eq!([0.0, 1e-5, 0.0017, 1.0].map(share), ["0%", "<0.01%", "0.17%", "100%"]);
    let changes = [0.0, 0.001, 0.5, 0.997, 1.004, 1.5, 9.99, 47.2].map(more);
    assert_eq!(
        changes,
        [
            "-100%", "-99%", "-50%", "under 1%", "under 1%", "+50%", "+899%", "47 times"
        ]
    );
}
