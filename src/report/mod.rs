//! The plan as text: JSON for programs, Markdown for a weekly review, a page for a browser, lines for a spreadsheet, a table for
//! a terminal, and the story of one workload.
//! Nothing here decides: every figure stands in the plan, and what the plan does not know is printed as `unknown`.

mod figures;
mod ruled;
pub mod safe;
mod names;
mod worth;
mod teams;
mod proof;
mod words;
mod realised;
mod since;
mod decided;
mod headline;
mod groups;
mod assumptions;
mod why;
mod lines;
pub mod json;
pub mod markdown;
pub mod html;
pub mod csv;
pub mod table;
pub mod prices;
pub mod cost;
pub mod budget;
pub mod replay;
pub mod doctor;
pub mod devices;
pub mod explain;
pub mod alerts;
pub mod webhook;
#[cfg(test)]
mod sample;

/// Changes that a review decides on at most.
const DECISIONS: usize = 10;
