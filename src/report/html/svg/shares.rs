//! Shares of a whole, each beside the share that is usual.

use super::{bar, chart, line, words};
use crate::report::html::element::{Element, el};

const STEP: f64 = 46.0;
const BAR: f64 = 14.0;

/// A part of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Part {
    pub(in crate::report::html) label: String,
    pub(in crate::report::html) said: String,
    /// 0 to 1; `None` where nobody told.
    pub(in crate::report::html) share: Option<f64>,
    /// A part of it that is drawn apart, as a share of the whole.
    pub(in crate::report::html) apart: Option<f64>,
    /// 0 to 1; `None` where there is nothing to compare with.
    pub(in crate::report::html) usual: Option<f64>,
}

pub(in crate::report::html) fn shares(id: &str, parts: &[Part], named: (&str, &str)) -> Element {
    let svg = chart(id, named, parts.len() as f64 * STEP);
    svg.all(parts.iter().enumerate().map(|(at, part)| {
        let top = at as f64 * STEP;
        let (bars, bottom) = (top + 20.0, top + 20.0 + BAR);
        let mut row = el("g")
            .add(words("label", (0.0, top + 13.0), &part.label))
            .add(words("label end", (1.0, top + 13.0), &part.said))
            .add(bar("track", (0.0, 1.0), (bars, BAR)));
        if let Some(share) = part.share.map(|share| share.clamp(0.0, 1.0)) {
            row = row.add(bar("f", (0.0, share), (bars, BAR)));
            if let Some(apart) = part.apart.map(|apart| apart.clamp(0.0, share)) {
                row = row.add(bar("fs", (share - apart, share), (bars, BAR)));
            }
        }
        if let Some(usual) = part.usual {
            row = row.add(line("mk", (usual, bars - 4.0), (usual, bottom + 4.0)));
        }
        row
    }))
}
