//! Prices for a terminal and for scripts: a table of figures for one GPU and one hour, and where each comes from.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::model::prices::{Figure, Prices};
use crate::model::units::Monthly;

use super::figures::{UNKNOWN, money, window};
use super::safe::{self, plain};

/// Columns of the table.
const WIDTH: u16 = 100;

/// The prices as a table, with the origin of every figure under it.
pub fn table(prices: &Prices) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header([
            "GPU",
            "Here",
            "On demand",
            "Effective",
            "Committed",
            "Spot",
            "Busy hour",
        ]);
    for at in 1..7 {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut origins = String::new();
    for row in &prices.gpus {
        let figures = [
            ("on demand", &row.on_demand),
            ("effective", &row.effective),
            ("committed", &row.committed),
            ("spot", &row.spot),
            ("busy hour", &row.busy_hour),
        ];
        let shown = figures.map(|(_, figure)| hourly(figure.as_ref(), &prices.currency));
        table.add_row([plain(&row.gpu), row.gpus.to_string()].into_iter().chain(shown));
        for (name, figure) in figures {
            if let Some(figure) = figure {
                origins.push_str(&format!(
                    "  {} {name}: {}; {}, {}\n",
                    plain(&row.gpu),
                    plain(&figure.of),
                    plain(&figure.price.source),
                    figure.price.as_of
                ));
            }
        }
    }
    let mut text = format!(
        "One GPU for one hour in {}, {}\n\n",
        plain(&prices.cluster),
        window(prices.window)
    );
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("\nWhere each figure comes from\n");
    text.push_str(&origins);
    for gap in &prices.gaps {
        text.push_str(&format!(
            "\nIn doubt: {}: {}. Fix: {}\n",
            plain(&gap.what),
            plain(&gap.why),
            plain(&gap.fix)
        ));
    }
    text
}

/// The prices as indented JSON with a newline at its end.
///
/// # Errors
/// None that prices can cause; the type says what the serializer may return.
pub fn json(prices: &Prices) -> Result<String, serde_json::Error> {
    let mut text = safe::json(&serde_json::to_string_pretty(prices)?);
    text.push('\n');
    Ok(text)
}

fn hourly(figure: Option<&Figure>, currency: &str) -> String {
    // Amounts are shown alike whatever their time.
    figure.map_or_else(
        || UNKNOWN.to_owned(),
        |figure| money(Monthly::new(figure.hourly.get()), currency),
    )
}
