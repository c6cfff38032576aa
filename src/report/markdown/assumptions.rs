//! `## Assumptions`: what the figures mean and where they come from.

use crate::model::plan::Plan;

use super::super::assumptions::{Piece, assumptions};
use super::escaped;

pub(super) fn section(plan: &Plan) -> String {
    let lines = assumptions(plan).into_iter().map(|pieces| {
        let words = pieces.into_iter().map(|piece| match piece {
            Piece::Own(text) => text.to_owned(),
            Piece::Told(text) => escaped(&text),
        });
        format!("- {}\n", words.collect::<String>())
    });
    format!("## Assumptions\n\n{}", lines.collect::<String>())
}
