//! The plan as Markdown, for a weekly review: five lines, what to decide this week, and the reasons for all the rest.

mod decide;
mod decided;
mod realised;
mod aside;
mod alone;
mod unseen;
mod teams;
mod assumptions;
#[cfg(test)]
mod tests;

use crate::model::plan::Plan;

use super::headline::headline;
use super::names::Names;
use super::safe;
use super::words::Line;

/// Names that a group of workloads shows; the rest is counted.
const NAMES: usize = 5;

/// The plan as a review.
///
/// Text that comes from the cluster is escaped: no name can end a table cell, open a tag or become a link.
pub fn markdown(plan: &Plan) -> String {
    let names = Names::new(plan);
    let sections = [
        Some(top(&headline(plan, &names))),
        Some(decide::section(plan, &names)),
        decided::section(plan, &names),
        realised::section(plan),
        Some(aside::held(plan, &names)),
        aside::experiments(plan, &names),
        Some(alone::section(plan, &names)),
        Some(unseen::section(plan, &names)),
        teams::section(plan, &names),
        Some(assumptions::section(plan)),
    ];
    let sections: Vec<String> = sections.into_iter().flatten().collect();
    sections.join("\n")
}

fn top(lines: &[Line]) -> String {
    lines
        .iter()
        .map(|line| {
            let more = line.more.as_ref().map_or_else(String::new, |more| format!(" {more}"));
            format!("- **{}:** {}\n", line.label, escaped(&format!("{}{more}", line.text)))
        })
        .collect()
}

fn escaped(text: &str) -> String {
    safe::markdown(text)
}

/// One row of a table; the cells are escaped here.
fn table_row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}
