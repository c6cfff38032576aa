//! Tables for a terminal, with a rule above, below the head and at the end, and none between rows.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

/// Letters of a name that is not broken.
const LONGEST: usize = 44;

/// A table as text. The first `texts` columns are text, the others figures, which stand to the right and are never broken.
pub(super) fn ruled(head: &[String], rows: Vec<Vec<String>>, texts: usize, width: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(head.to_vec());
    for row in &rows {
        table.add_row(row);
    }
    // Names are not broken unless they are very long; whoever looks at a narrow terminal scrolls.
    for at in 0..texts {
        let longest = rows
            .iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max();
        if let (true, Some(column)) = (longest.is_some_and(|longest| longest <= LONGEST), table.column_mut(at)) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    for at in texts..head.len() {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let last = lines.len().saturating_sub(1);
    let kept = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !line.starts_with('─') || *at == 0 || *at == last);
    kept.map(|(_, line)| format!("{line}\n")).collect()
}
