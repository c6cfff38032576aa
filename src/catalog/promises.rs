//! What is commonly promised for ways to spend less on GPUs, and who promises it. Nothing is computed with these figures: they stand
//! beside what a cluster would see.

use serde::Deserialize;

use super::{Catalog, Provenance};

/// A strategy, and what is said that it saves.
#[derive(Debug, Clone, Deserialize)]
pub struct Promised {
    /// What it is called, in the words of the field.
    pub strategy: String,
    levers: String,
    moves: String,
    /// The share of what is paid that it is said to save, 0 to 1.
    pub share: f64,
    /// Who says so, and since when; `as commonly said` where no one publication does.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Promised {
    /// Ids of the levers that follow it; none where no lever does yet.
    pub fn levers(&self) -> impl Iterator<Item = &str> {
        self.levers.split('|').filter(|lever| !lever.is_empty())
    }

    /// Whether a change of this type is of it: of levers that follow two strategies, their moves tell which.
    pub fn has_move(&self, kind: &str) -> bool {
        self.moves.is_empty() || self.moves.split('|').any(|own| own == kind)
    }
}

impl Catalog {
    /// What is commonly promised, in the order in which it is told.
    pub fn promises(&self) -> &[Promised] {
        &self.promises
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_is_a_share_with_a_source() {
        let catalog = Catalog::shipped().unwrap();
        for row in catalog.promises() {
            assert!((0.0..=1.0).contains(&row.share), "{}", row.strategy);
            assert!(!row.provenance.source.is_empty(), "{}", row.strategy);
        }
    }
}
