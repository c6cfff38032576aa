//! What tells the kind of work: kinds of objects, programs, images, options, ports and words, each with how much it says.
//!
//! A weight is the chance that the sign alone is right, 0 to 1, as judged by hand and measured on the labelled manifests in
//! `tests/it/labelled`: 0.9 and more for what does one thing only, 0.3 for what merely fits.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Provenance;

/// Where a sign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The kind of the object, with its group where the name alone is ambiguous: `Model.kubeai.org`.
    Kind,
    /// A label, or a label with its value: `component=singleuser-server`.
    Label,
    /// A program with the words that follow it; a `*` at the end stands for any rest.
    Program,
    /// Part of a program that stands in the command line itself: `python -c "..."`.
    Code,
    /// Part of an image's name, between its separators.
    Image,
    /// An option, or a key of the form `name=value`; a `*` at the end stands for any rest.
    Flag,
    /// A word in a name.
    Word,
    /// A container's port; `*` stands for any that no other row names.
    Port,
    /// A word in the name of a container's port.
    PortName,
    /// A word in the path of a volume or the name of its claim.
    Mount,
    /// An environment variable.
    Variable,
    /// A word in the name of what stands beside the workload that its name speaks of.
    Helper,
}

/// What a sign says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tells {
    /// It trains.
    Training,
    /// It answers requests.
    Inference,
    /// It works through data and ends.
    Batch,
    /// A person works in it.
    Notebook,
    /// Somebody does, where nothing else runs.
    Person,
    /// A model is asked: by requests where it goes on, of data where it ends.
    Requests,
    /// A model is there: it answers requests where it goes on, and where it ends it may do anything.
    Model,
    /// Nobody waits for it: a batch, unless the same name says that it trains.
    Unattended,
    /// Shells are served: to a person, or where it ends by itself to what starts programs on many nodes.
    Shell,
    /// It starts a program on several GPUs at once: it trains, unless the program's name says otherwise.
    Launches,
    /// Nothing runs: the container is held open.
    Held,
    /// It does what others send it.
    Joins,
    /// It cares for the GPUs themselves.
    Infrastructure,
    /// It stands beside what its name speaks of.
    Helper,
}

/// One sign.
#[derive(Debug, Clone, Deserialize)]
pub struct WorkSign {
    /// Where it stands.
    pub sign: Sign,
    /// What is looked for.
    pub text: String,
    /// What it says.
    pub tells: Tells,
    /// How sure that is, 0 to 1.
    pub weight: f64,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// All signs, by where they stand.
#[derive(Debug, Clone)]
pub struct WorkSigns(BTreeMap<Sign, Vec<WorkSign>>);

impl WorkSigns {
    pub(super) fn new(rows: Vec<WorkSign>) -> Self {
        let mut signs: BTreeMap<Sign, Vec<WorkSign>> = BTreeMap::new();
        for row in rows {
            signs.entry(row.sign).or_default().push(row);
        }
        Self(signs)
    }

    /// Those that stand there, in the order of the file.
    pub fn of(&self, sign: Sign) -> &[WorkSign] {
        self.0.get(&sign).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn no_sign_says_two_things_and_none_is_certain() {
        let catalog = Catalog::shipped().unwrap();
        let mut seen = BTreeSet::new();
        for row in catalog.work().0.values().flatten() {
            assert!(seen.insert((format!("{:?}", row.sign), &row.text)), "{row:?}");
            let most = if row.tells == Tells::Infrastructure { 1.0 } else { 0.97 };
            assert!((0.0..=most).contains(&row.weight), "{row:?}");
            assert!(
                !row.text.trim().is_empty() && !row.provenance.source.is_empty(),
                "{row:?}"
            );
            let lower = row.text == row.text.to_lowercase();
            let shown = matches!(
                row.sign,
                Sign::Kind | Sign::Label | Sign::Variable | Sign::Program | Sign::Code
            );
            assert!(lower || shown, "{row:?} is looked for in lower case");
        }
    }
}
