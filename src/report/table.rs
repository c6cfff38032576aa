//! The plan for a terminal: the first lines, a table of decisions, one line for each of the rest, and what to type next.

use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::model::plan::{Plan, Row};

use super::DECISIONS;
use super::decided::{decided, decided_in_words, note_in_words};
use super::figures::{UNKNOWN, count, maybe_money};
use super::groups;
use super::headline::headline;
use super::names::{Names, change};
use super::proof::level;
use super::safe::plain;
use super::since;
use super::words::bare;
use super::worth::{Worth, gpus_of, leaves_bill, overlap, saved};

/// Narrower than this nothing is readable.
const NARROWEST: u16 = 40;

/// From here on a table has room for owner and undo.
const WIDE: u16 = 110;

/// The plan as text for a terminal of this width; below forty columns it is laid out for forty.
///
/// Colour means ANSI escapes for bold and dim, and changes nothing else.
pub fn table(plan: &Plan, width: u16, colour: bool) -> String {
    let names = Names::new(plan);
    let width = width.max(NARROWEST);
    let lines = headline(plan, &names);
    // That nothing is compared needs no line of a terminal.
    let said = lines
        .iter()
        .filter(|line| plan.since.is_some() || line.label != since::LABEL);
    let top: Vec<[String; 2]> = said.map(|line| [line.label.to_owned(), line.text.clone()]).collect();
    let mut text = labelled(&top, width, colour);
    text.push('\n');
    text.push_str(&decisions(plan, &names, width, colour));
    text.push('\n');
    text.push_str(&labelled(&rest(plan, &names), width, colour));
    text
}

fn decisions(plan: &Plan, names: &Names<'_>, width: u16, colour: bool) -> String {
    if plan.accepted.is_empty() {
        return "No change can be proposed as it stands.\n".to_owned();
    }
    let wide = width >= WIDE;
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    let mut header = vec!["Workload", "From → to", "Leaves bill", "GPUs freed", "Risk"];
    if wide {
        header.extend(["Owner", "Undo"]);
    }
    table.set_header(header);
    for at in [2, 3] {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let now = plan.accepted.iter().take(DECISIONS);
    for row in now {
        table.add_row(cells(plan, names, row, wide));
    }
    let mut text = String::new();
    // Lines above the header's rule are the header, and the rule is drawn with a stroke of its own.
    let mut in_header = true;
    for line in table.lines() {
        let line = line.trim_end();
        in_header &= !line.starts_with('═');
        let line = match line.chars().next() {
            Some('─' | '═') => dim(line, colour),
            _ if in_header => bold(line, colour),
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn cells(plan: &Plan, names: &Names<'_>, row: &Row, wide: bool) -> Vec<String> {
    let mut cells = vec![
        names.of(&row.subject),
        change(row),
        maybe_money(leaves_bill(plan, row), &plan.currency),
        gpus_of(row),
        level(row.risk).to_owned(),
    ];
    if wide {
        cells.push(names.owner(&row.subject).unwrap_or_else(|| UNKNOWN.to_owned()));
        cells.push(plain(&row.rollback));
    }
    cells
}

/// What the table does not show, each in one line, and the commands that show it.
fn rest(plan: &Plan, names: &Names<'_>) -> Vec<[String; 2]> {
    let currency = &plan.currency;
    let mut lines = Vec::new();
    let mut line = |label: &str, text: String| lines.push([label.to_owned(), text]);
    if let Some(later) = plan.accepted.get(DECISIONS..).filter(|later| !later.is_empty()) {
        let worth = Worth::of(later.iter().map(|row| leaves_bill(plan, row)));
        let changes = count(later.len(), "row", "rows");
        line("More", format!("{changes}, {} leaving the bill", worth.text(currency)));
    }
    if let Some(overlap) = overlap(plan) {
        line("Overlap", overlap);
    }
    if let Some(first) = groups::held(plan).first() {
        let worth = Worth::of(plan.held_back.iter().map(|row| saved(plan, row)));
        let rule = first.rule_in_words();
        let changes = count(plan.held_back.len(), "change", "changes");
        line("Held", format!("{changes}, {}; most by {rule}", worth.text(currency)));
    }
    let decided = decided(plan);
    if let Some((row, first)) = decided.first() {
        let number = count(decided.len(), "change", "changes");
        line(
            "Decided",
            format!("{number}; {}: {}", names.of(&row.subject), decided_in_words(first)),
        );
    }
    if let Some(first) = plan.notes.first() {
        let number = count(plan.notes.len(), "word", "words");
        line("No effect", format!("{number} of owners; {}", note_in_words(first)));
    }
    if !plan.experiments.is_empty() {
        let changes = count(plan.experiments.len(), "change", "changes");
        line("Experiments", format!("{changes} to try out, not in the saving"));
    }
    if !plan.kept.is_empty() {
        let levers = groups::kept(plan, names)
            .chunk_by(|a, b| a.lever == b.lever)
            .map(|lever| {
                let rows: usize = lever.iter().map(|group| group.rows.len()).sum();
                format!("{} {rows}", lever.first().map_or("", |group| group.lever))
            })
            .collect::<Vec<_>>();
        let verdicts = count(plan.kept.len(), "verdict", "verdicts");
        line("Left alone", format!("{verdicts}: {}", plain(&levers.join(", "))));
    }
    if let Some(first) = groups::unknown(plan, names).first() {
        let mut subjects: Vec<_> = plan.unknown.iter().map(|row| &row.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let worth = Worth::of(subjects.iter().map(|subject| names.monthly(subject)));
        line(
            "Not visible",
            format!(
                "{}, {}; most for lack of {}. Fix: {}",
                groups::subjects_in_words(subjects.into_iter()),
                worth.text(currency),
                bare(first.missing),
                bare(first.fix)
            ),
        );
    }
    line("Why", "gpuwise explain --why NAME".to_owned());
    line("Review", "gpuwise analyze --format markdown".to_owned());
    lines
}

/// Lines with a label before each, wrapped so that the labels stand clear.
fn labelled(lines: &[[String; 2]], width: u16, colour: bool) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    for line in lines {
        table.add_row(line.iter().collect::<Vec<_>>());
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
        // A label is never broken; the text beside it takes what is left.
        let longest = lines.iter().map(|line| line[0].len()).max().unwrap_or(0);
        column.set_constraint(comfy_table::ColumnConstraint::Absolute(comfy_table::Width::Fixed(
            u16::try_from(longest + 1).unwrap_or(NARROWEST),
        )));
    }
    let mut labels = lines.iter().map(|line| line[0].as_str()).peekable();
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        match labels.next_if(|label| line.starts_with(*label)) {
            Some(label) => text.push_str(&format!("{}{}", bold(label, colour), &line[label.len()..])),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

pub(super) fn bold(text: &str, colour: bool) -> String {
    if colour {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

fn dim(text: &str, colour: bool) -> String {
    if colour {
        format!("\u{1b}[2m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample;
    use super::*;

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    #[test]
    fn every_line_fits_and_none_trails() {
        for width in [60, 80, 120, 200] {
            for plan in [
                sample::plan(),
                sample::unpriced(),
                sample::empty(),
                sample::with_rows(400),
            ] {
                let text = table(&plan, width, false);
                assert!(widest(&text) <= usize::from(width), "{width}:\n{text}");
                assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
            }
        }
    }

    #[test]
    fn colour_adds_escapes_and_nothing_else() {
        let plan = sample::plan();
        let coloured = table(&plan, 80, true);
        assert!(coloured.contains("\u{1b}[1mSaving\u{1b}[0m"));
        let bare = ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m"]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(bare, table(&plan, 80, false));
        assert!(!table(&plan, 80, false).contains('\u{1b}'));
    }

    #[test]
    fn the_totals_the_rule_and_the_next_command_are_there() {
        let text = table(&sample::plan(), 120, false);
        for expected in [
            "$412,000 a month",
            "$84,000 a month",
            "chat/llama-70b",
            "team-chat",
            "$80,000",
            "frozen until the release (policy.yaml:12)",
            "gpuwise explain --why NAME",
            "gpuwise analyze --format markdown",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }

    #[test]
    fn ten_rows_are_shown_and_the_rest_is_counted() {
        let text = table(&sample::with_rows(12), 120, false);
        assert!(text.contains("many/job-0009") && !text.contains("many/job-0010"));
        assert!(text.contains("2 rows, $2,000 a month leaving the bill"));
    }

    #[test]
    fn without_prices_nothing_is_zero() {
        let text = table(&sample::unpriced(), 80, false);
        assert!(text.contains("unknown") && !text.contains("$0"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_name_reaches_the_terminal_as_a_command(name in "\\PC{0,40}|[\\x00-\\x7f]{0,40}", width in 40_u16..160) {
            let mut plan = sample::plan();
            plan.workloads[0].name = name.clone();
            plan.accepted[0].rollback = name;
            let text = table(&plan, width, false);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }

        #[test]
        fn a_long_name_does_not_widen_the_table(name in "[a-z0-9.-]{0,253}", width in 40_u16..160) {
            let mut plan = sample::plan();
            plan.workloads[0].name = name;
            prop_assert!(widest(&table(&plan, width, false)) <= usize::from(width));
        }
    }
    #[test]
    fn decisions_have_a_line_each_and_so_has_what_has_no_effect() {
        let mut plan = sample::plan();
        let without = table(&plan, 120, false);
        assert!(
            !without.contains("Decided") && !without.contains("No effect"),
            "{without}"
        );
        plan.held_back[0].decision = Some(crate::model::plan::Decided {
            decision: "reject".to_owned(),
            by: "team-train".to_owned(),
            reason: "never".to_owned(),
            until: None,
            date: None,
            place: "d.yaml:1".to_owned(),
        });
        plan.notes = vec![crate::model::plan::Note {
            what: "snooze ml/gone by ops".to_owned(),
            why: "it is over since 2026-11-01".to_owned(),
            place: "d.yaml:2".to_owned(),
        }];
        let text = table(&plan, 120, false);
        assert!(
            text.contains("1 change; research/pretrain: rejected by team-train: never (d.yaml:1)"),
            "{text}"
        );
        assert!(
            text.contains("1 word of owners; snooze ml/gone by ops: it is over since 2026-11-01 (d.yaml:2)"),
            "{text}"
        );
    }
}
