//! The topics of a run: each with its branch, those that save most first.

use std::collections::BTreeSet;

use super::ground::readable;
use super::outcome::{Done, Outcome, Written};
use super::{Topic, marker, names, text};

/// A topic and its branch.
pub(super) struct Wanted<'t> {
    pub(super) at: usize,
    pub(super) topic: &'t Topic,
    pub(super) branch: String,
}

/// The topics with their branches, those that save most first, and what cannot be one.
pub(super) fn named<'t>(topics: &'t [Topic], prefix: &str) -> (Vec<Wanted<'t>>, Vec<Outcome>) {
    let (mut wanted, mut refused, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, topic) in topics.iter().enumerate() {
        let named = names::branch(&topic.branch, prefix);
        let branch = named.clone().unwrap_or_else(|_| topic.branch.clone());
        let one = Wanted {
            at,
            topic,
            branch: branch.clone(),
        };
        let why = match named {
            Err(why) => Some(why),
            Ok(_) if taken.contains(&branch) => Some("another topic has the same branch".to_owned()),
            Ok(_) => readable(&topic.files),
        };
        taken.insert(branch);
        match why {
            Some(why) => refused.push(one.outcome(Done::Refused { why })),
            None => wanted.push(one),
        }
    }
    let worth = |wanted: &Wanted<'_>| {
        if wanted.topic.monthly.is_nan() {
            f64::NEG_INFINITY
        } else {
            wanted.topic.monthly
        }
    };
    wanted.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| a.branch.cmp(&b.branch)));
    (wanted, refused)
}

impl Wanted<'_> {
    pub(super) fn outcome(&self, done: Done) -> Outcome {
        Outcome {
            branch: self.branch.clone(),
            topic: Some(self.at),
            done,
            pull_request: None,
            written: None,
            notes: Vec::new(),
        }
    }

    pub(super) fn written(&self, body: &str, commit: bool) -> Written {
        let topic = self.topic;
        Written {
            title: text::title(&topic.title),
            body: body.to_owned(),
            message: commit.then(|| topic.message.clone()),
            files: if commit {
                marker::changed(&topic.files).cloned().collect()
            } else {
                Vec::new()
            },
            labels: Vec::new(),
            reviewers: Vec::new(),
        }
    }
}
