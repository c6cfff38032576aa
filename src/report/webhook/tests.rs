//! What a chat shows of a plan, and what no name in it can do.

use super::super::sample;
use super::*;
use crate::model::finops::{AnomalyKind, Finops};
use crate::model::scenario::Interval;
use crate::model::time::Window;

fn window() -> Window {
    let at = |text: &str| text.parse().unwrap();
    Window {
        start: at("2026-11-01T00:00:00Z"),
        end: at("2026-12-01T00:00:00Z"),
    }
}

fn budget_row(name: &str, status: BudgetStatus, projected: Option<f64>) -> BudgetRow {
    BudgetRow {
        name: name.to_owned(),
        scope: "everything".to_owned(),
        place: "policy.yaml:3".to_owned(),
        period: window(),
        month: "2026-11".to_owned(),
        amount: Some(Money::new(10_000.0)),
        spent: projected.map(|_| Money::new(6_000.0)),
        elapsed_days: 15.0,
        days: 30.0,
        projected: projected.map(Money::new),
        forecast: Interval::default(),
        status,
        stands_on: projected.map(|_| StandsOn::Projection),
        runs_out: projected.map(|_| "2026-11-25".parse().unwrap()),
        daily: Vec::new(),
        notes: Vec::new(),
    }
}

fn plan() -> Plan {
    let mut plan = sample::plan();
    let day = "2026-11-12".parse().unwrap();
    plan.finops = Some(Finops {
        budgets: vec![
            budget_row("fine", BudgetStatus::Ok, Some(9_000.0)),
            budget_row("chat", BudgetStatus::Critical, Some(12_000.0)),
            budget_row("dark", BudgetStatus::Unknown, None),
        ],
        anomalies: vec![Anomaly {
            first: day,
            last: day,
            who: "ml/<!channel>".to_owned(),
            kind: AnomalyKind::Spike,
            cost: Money::new(900.0),
            expected: Interval::default(),
            excess: Money::new(700.0),
            causes: Vec::new(),
        }],
        ..Finops::default()
    });
    plan
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Object(map) => map.values().map(text_of).collect::<Vec<_>>().join("\n"),
        Value::Array(all) => all.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

#[test]
fn both_chats_are_told_the_headline_the_changes_the_budgets_and_what_was_unusual() {
    for chat in [Chat::Slack, Chat::Teams] {
        let text = text_of(&message(&plan(), chat, Some("https://reports.example/?week=1&to=2")));
        for said in [
            "GPU costs of",
            "$412,000 a month",
            "leaves the bill",
            "2026-11",
            "$12,000",
            "2026-11-25",
            "$700 more than expected",
        ] {
            assert!(text.contains(said), "no `{said}` in {text}");
        }
        assert!(!text.contains("fine:"), "a budget that holds is no news: {text}");
        assert!(text.contains("unknown whether $10,000"), "{text}");
    }
}

#[test]
fn what_only_follows_is_no_change_to_decide_on() {
    let plan = sample::with_a_pool_first();
    let text = text_of(&message(&plan, Chat::Slack, None));
    assert!(
        text.contains("chat/llama-70b: ") && !text.contains("node pool h100"),
        "{text}"
    );
}

#[test]
fn no_name_mentions_links_or_formats() {
    let mut plan = plan();
    plan.coverage.clusters = vec!["<!here> *b* [x](http://evil)".to_owned()];
    plan.workloads[0].name = "<https://evil|click> & `code`".to_owned();
    let slack = message(&plan, Chat::Slack, None);
    let blocks = slack["blocks"].as_array().unwrap();
    let marked = blocks.iter().filter(|block| block["text"]["type"] == "mrkdwn");
    let text: String = marked
        .map(|block| block["text"]["text"].as_str().unwrap().to_owned())
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        !text.contains('<') && !text.contains("*b*") && !text.contains("`code`"),
        "{text}"
    );
    assert!(!slack["text"].as_str().unwrap().contains('<'), "{slack}");
    // Nothing in a card is a block of Markdown.
    let teams = message(&plan, Chat::Teams, None).to_string();
    assert!(
        !teams.contains("TextBlock\"")
            || teams.matches("TextBlock\"").count() == teams.matches("RichTextBlock\"").count()
    );
}

#[test]
fn a_message_stays_within_the_limits_of_both() {
    let mut plan = plan();
    let row = plan.accepted[0].clone();
    plan.accepted = vec![row; 400];
    plan.workloads[0].name = "n&".repeat(3_000);
    plan.coverage.clusters = vec!["c".repeat(500)];
    let slack = message(&plan, Chat::Slack, None);
    let blocks = slack["blocks"].as_array().unwrap();
    assert!(blocks.len() <= BLOCKS);
    for block in blocks {
        let (text, most) = (
            block["text"]["text"].as_str().unwrap(),
            if block["type"] == "header" { HEADER } else { TEXT },
        );
        assert!(
            !text.is_empty() && text.chars().count() <= most,
            "{} characters",
            text.chars().count()
        );
    }
    let teams = message(&plan, Chat::Teams, None).to_string();
    assert!(teams.len() < 28_000, "{} bytes", teams.len());
    assert!(text_of(&slack).contains("395 more"), "{}", text_of(&slack));
}

#[test]
fn teams_gets_a_card_in_its_envelope_and_the_link_as_an_action() {
    let card = message(&plan(), Chat::Teams, Some("https://reports.example/"));
    assert_eq!(card["type"], "message");
    let content = &card["attachments"][0];
    assert_eq!(content["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(content["content"]["actions"][0]["url"], "https://reports.example/");
    let slack = message(&plan(), Chat::Slack, Some("https://reports.example/?a=1&b=2"));
    assert!(
        slack
            .to_string()
            .contains("<https://reports.example/?a=1&amp;b=2|The whole report>")
    );
}
