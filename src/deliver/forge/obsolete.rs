//! What has no topic any more: its pull request is closed with the reason, its branch taken away; what somebody works on is
//! left to them.

use std::collections::BTreeSet;

use super::error::ForgeError;
use super::foreign::{ours, say_once};
use super::marker::{Marker, without};
use super::outcome::{Done, Link, Outcome};
use super::reconcile::Run;
use super::{Edit, Pull, State, text};

/// What the title of one that we closed ends in, as Renovate has it: people search for it.
const CLOSED: &str = " - autoclosed";
const ABANDONED: &str = " - abandoned";

const GONE: &str = "gpuwise no longer proposes this: the workload, its use or its manifest has changed";

impl Run<'_> {
    /// Closes what has no topic, and takes away branches that a broken run left. Failures are outcomes.
    pub(super) async fn tidy(&mut self, pulls: &[Pull], keep: &BTreeSet<&str>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut told = |branch: &str, pull: Option<&Pull>, done: Result<Option<Done>, ForgeError>| {
            let Some(done) = done.unwrap_or_else(|error| Some(Done::Failed(error))) else {
                return true;
            };
            let stop = matches!(&done, Done::Failed(error) if error.is_final());
            outcomes.push(Outcome {
                branch: branch.to_owned(),
                topic: None,
                done,
                pull_request: pull.and_then(Link::to),
                written: None,
                notes: Vec::new(),
            });
            !stop
        };
        let obsolete = |pull: &&Pull| !keep.contains(pull.branch.as_str());
        let mut more = true;
        for pull in pulls.iter().filter(obsolete) {
            if more {
                let done = self.obsolete(pull).await;
                more = told(&pull.branch, Some(pull), done);
            }
        }
        let open = |branch: &str| pulls.iter().any(|pull| pull.branch == branch);
        let orphans: Vec<(String, String)> = self
            .branches
            .iter()
            .filter(|(branch, _)| !keep.contains(branch.as_str()) && !open(branch))
            .map(|(branch, head)| (branch.clone(), head.clone()))
            .collect();
        for (branch, head) in orphans {
            if more {
                let done = self.orphan(&branch, &head).await;
                more = told(&branch, None, done);
            }
        }
        outcomes
    }

    /// An open pull request without a topic. One that was never ours is not looked at, whatever its branch is called.
    async fn obsolete(&self, pull: &Pull) -> Result<Option<Done>, ForgeError> {
        let marker = Marker::read(&pull.body).filter(|marker| marker.topic == pull.branch);
        let is_marked = marker.is_some();
        let own = match (self.branches.get(&pull.branch), marker) {
            (Some(head), Some(marker)) if marker.head == *head => true,
            (Some(head), _) => ours(self.forge, head).await?.is_some(),
            (None, marker) => marker.is_some(),
        };
        if own {
            return self.retire(pull, GONE).await.map(Some);
        }
        if !is_marked {
            return Ok(None);
        }
        if !pull.title.ends_with(ABANDONED) {
            let text = format!("{GONE}. Somebody has committed to this branch, so it is left to them.");
            say_once(self.forge, pull.number, "abandoned", &text).await?;
            let title = format!("{}{ABANDONED}", text::title(&pull.title));
            let edit = Edit {
                title: &title,
                body: &pull.body,
                close: false,
                draft: pull.draft,
            };
            self.forge.edit(pull.number, edit).await?;
        }
        Ok(Some(Done::Abandoned))
    }

    /// Closes one of ours with the reason, which its marker keeps, so that nobody's "not now" is seen in it.
    pub(super) async fn retire(&self, pull: &Pull, why: &str) -> Result<Done, ForgeError> {
        say_once(self.forge, pull.number, "closed", &format!("{why}.")).await?;
        let body = match Marker::read(&pull.body) {
            Some(marker) => {
                let marker = Marker {
                    closed: Some("obsolete".to_owned()),
                    ..marker
                };
                format!("{}\n\n{}", without(&pull.body), marker.comment())
            }
            None => pull.body.clone(),
        };
        let title = format!("{}{CLOSED}", text::title(&pull.title));
        let edit = Edit {
            title: &title,
            body: &body,
            close: true,
            draft: pull.draft,
        };
        self.forge.edit(pull.number, edit).await?;
        if let Some(head) = self.branches.get(&pull.branch) {
            self.remove(&pull.branch, head).await?;
        }
        Ok(Done::Closed { why: why.to_owned() })
    }

    /// A branch without a topic and without an open pull request: one that a broken run left goes away; one whose pull request
    /// somebody closed or merged is theirs.
    async fn orphan(&self, branch: &str, head: &str) -> Result<Option<Done>, ForgeError> {
        if !self.forge.abilities().pull_requests {
            return Ok(ours(self.forge, head).await?.map(|_| Done::Left));
        }
        let past = self.forge.past(branch).await?;
        let own = match past.first() {
            None => ours(self.forge, head).await?.is_some(),
            Some(last) => {
                let marker = Marker::read(&last.body);
                last.state == State::Closed
                    && marker.is_some_and(|marker| marker.closed.is_some() && marker.head == head)
            }
        };
        match own {
            true => self.remove(branch, head).await.map(|gone| gone.then_some(Done::Swept)),
            false => Ok(None),
        }
    }

    /// Takes a branch away, unless somebody has moved it since it was looked at.
    async fn remove(&self, branch: &str, head: &str) -> Result<bool, ForgeError> {
        match self.forge.head(branch).await?.as_deref() == Some(head) {
            true => self.forge.delete(branch).await.map(|()| true),
            false => Ok(false),
        }
    }
}
