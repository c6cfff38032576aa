//! A plan's summary as a message for a chat: Slack's blocks, or an adaptive card for Teams. Names from the cluster can neither mention
//! anybody nor make a link.

use serde_json::{Value, json};

use super::figures::{UNKNOWN, count, money, on_days};
use super::headline::headline;
use super::names::{Names, change};
use super::safe::{plain, short};
use super::words::Line;
use super::worth::{effect, is_to_do};
use crate::model::finops::{Anomaly, BudgetRow, BudgetStatus, StandsOn};
use crate::model::plan::Plan;
use crate::model::units::{Money, Monthly};

/// Whose messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chat {
    /// An incoming webhook of Slack: Block Kit.
    Slack,
    /// A workflow of Teams: an adaptive card in its envelope.
    Teams,
}

/// Changes that are named.
const CHANGES: usize = 5;

/// Budgets, and unusual days, that are named.
const NAMED: usize = 5;

/// Characters of one of Slack's texts, and of its headers (Block Kit reference, 2026).
const TEXT: usize = 3_000;
const HEADER: usize = 150;

/// Blocks of a message of Slack.
const BLOCKS: usize = 50;

/// Characters of one text of a card: a message of Teams has 28 KB at most.
const CARD_TEXT: usize = 600;

/// What is said, before it is anybody's markup.
struct Message {
    title: String,
    /// Headings with their lines; the first has none.
    parts: Vec<(&'static str, Vec<String>)>,
    lines: Vec<Line>,
}

/// The message; `link` leads to the whole report.
pub fn message(plan: &Plan, chat: Chat, link: Option<&str>) -> Value {
    let message = said(plan);
    match chat {
        Chat::Slack => slack(&message, link),
        Chat::Teams => teams(&message, link),
    }
}

fn said(plan: &Plan) -> Message {
    let names = Names::new(plan);
    let clusters: Vec<String> = plan.coverage.clusters.iter().map(|name| plain(name)).collect();
    let title = match clusters.as_slice() {
        [] => "GPU costs".to_owned(),
        [one] => format!("GPU costs of {one}"),
        more => format!("GPU costs of {}", count(more.len(), "cluster", "clusters")),
    };
    let mut parts = vec![("What to change", changes(plan, &names))];
    if let Some(finops) = &plan.finops {
        let over = finops.budgets.iter().filter(|row| row.status != BudgetStatus::Ok);
        parts.push(("Budgets", listed(over.map(|row| budget(row, &plan.currency)).collect())));
        let unusual = finops.anomalies.iter().map(|anomaly| unusual(anomaly, &plan.currency));
        parts.push(("Unusual", listed(unusual.collect())));
    }
    parts.retain(|(_, lines)| !lines.is_empty());
    // The first thing to do is the first of the changes.
    let lines = headline(plan, &names).into_iter().take(4);
    Message {
        title,
        parts,
        lines: lines.filter(|line| !line.text.is_empty()).collect(),
    }
}

fn changes(plan: &Plan, names: &Names<'_>) -> Vec<String> {
    let rows = plan.accepted.iter().filter(|row| is_to_do(row));
    let rows = rows.map(|row| format!("{}: {}; {}", names.of(&row.subject), change(row), effect(plan, row)));
    listed_up_to(CHANGES, rows.collect())
}

fn listed(rows: Vec<String>) -> Vec<String> {
    listed_up_to(NAMED, rows)
}

fn listed_up_to(most: usize, mut rows: Vec<String>) -> Vec<String> {
    let more = rows.len().saturating_sub(most);
    rows.truncate(most);
    if more > 0 {
        rows.push(count(more, "more", "more"));
    }
    rows.iter().map(|row| plain(row)).collect()
}

fn amount(amount: Money, currency: &str) -> String {
    money(Monthly::new(amount.get()), currency)
}

fn budget(row: &BudgetRow, currency: &str) -> String {
    let whole = row
        .amount
        .map_or_else(|| "it".to_owned(), |whole| amount(whole, currency));
    // The figure that the status stands on, and no other.
    let stands_on = match row.stands_on {
        Some(StandsOn::Projection) => row.projected.map(|sum| (sum, "projected")),
        Some(StandsOn::Forecast) => row.forecast.mid.map(|sum| (Money::new(sum), "forecast")),
        None => None,
    };
    let name = plain(&row.name);
    match (row.status, stands_on) {
        (BudgetStatus::Unknown, _) | (_, None) => {
            format!("{name}: {UNKNOWN} whether {whole} holds for {}", plain(&row.month))
        }
        (status, Some((sum, how_known))) => {
            let how = if status == BudgetStatus::Critical {
                "far over"
            } else {
                "over"
            };
            let until = row
                .runs_out
                .map_or_else(String::new, |day| format!(", used up on {day}"));
            format!(
                "{name}: {} {how_known} for {}, {how} its {whole}{until}",
                amount(sum, currency),
                plain(&row.month)
            )
        }
    }
}

fn unusual(anomaly: &Anomaly, currency: &str) -> String {
    format!(
        "{}: {} {}, {} more than expected",
        plain(&anomaly.who),
        amount(anomaly.cost, currency),
        on_days(anomaly.first, anomaly.last),
        amount(anomaly.excess, currency)
    )
}

/// Text for Slack: three characters are its markup's (Formatting text for app surfaces). None is cut in the middle.
fn escaped(text: &str, most: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for c in text.chars() {
        let written = match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            // A star, an underscore, a tilde and a backtick would set what follows otherwise; behind an invisible joiner they do not.
            '*' | '_' | '~' | '`' => format!("\u{2060}{c}\u{2060}"),
            c => c.to_string(),
        };
        length += written.chars().count();
        if length > most - 1 {
            escaped.push('…');
            break;
        }
        escaped.push_str(&written);
    }
    escaped
}

fn slack(message: &Message, link: Option<&str>) -> Value {
    let section = |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}});
    let title = short(&message.title, HEADER);
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": title, "emoji": false}})];
    let lines = message
        .lines
        .iter()
        .map(|line| format!("*{}* {}", line.label, escaped(&line.text, TEXT - 20)));
    blocks.extend(lines.map(section));
    for (heading, rows) in &message.parts {
        // A row by itself is far shorter than a text may be; together they are as many texts as they need.
        let mut text = format!("*{heading}*");
        for row in rows {
            let row = format!("• {}", escaped(row, TEXT / 2));
            if text.chars().count() + 1 + row.chars().count() > TEXT {
                blocks.push(section(std::mem::replace(&mut text, row)));
            } else {
                text.push('\n');
                text.push_str(&row);
            }
        }
        blocks.push(section(text));
    }
    if let Some(link) = link {
        // Within a link these end it.
        let link = link.replace('&', "&amp;").replace(['<', '>', '|'], "");
        blocks.push(section(format!("<{link}|The whole report>")));
    }
    blocks.truncate(BLOCKS);
    let first = message
        .lines
        .first()
        .map_or_else(String::new, |line| escaped(&line.text, TEXT / 2));
    json!({"text": format!("{}: {first}", escaped(&message.title, HEADER)), "blocks": blocks})
}

/// Runs of text are no Markdown, whatever stands in them (Adaptive Cards, `RichTextBlock`, since 1.2).
fn teams(message: &Message, link: Option<&str>) -> Value {
    let run = |text: &str| json!({"type": "TextRun", "text": short(text, CARD_TEXT)});
    let bold = |text: &str| json!({"type": "TextRun", "text": text, "weight": "Bolder"});
    let block = |runs: Vec<Value>| json!({"type": "RichTextBlock", "inlines": runs});
    let title = json!({
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": short(&message.title, HEADER), "size": "Large", "weight": "Bolder"}],
    });
    let mut body = vec![title];
    for line in &message.lines {
        body.push(block(vec![bold(&format!("{} ", line.label)), run(&line.text)]));
    }
    for (heading, rows) in &message.parts {
        body.push(block(vec![bold(heading)]));
        body.extend(rows.iter().map(|row| block(vec![run(&format!("• {row}"))])));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body,
        "msteams": {"width": "Full"},
    });
    if let Some(link) = link {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "The whole report", "url": link}]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card,
        }],
    })
}

#[cfg(test)]
mod tests;
