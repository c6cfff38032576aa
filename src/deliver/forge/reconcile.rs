//! From what is there to what is wanted, one topic after the other, those that save most first.
//!
//! - The branch is the identity. It has exactly one commit, made anew from the base's head when the files differ.
//! - A branch whose head is not the commit that we made is somebody's: it is left alone, and that is said once.
//! - Closed without a merge means "not now", until it saves materially more; merged means done.
//! - A body that somebody edits is left as it is until there is something new to say; then ours replaces it.
//! - What a broken run left is finished by the next: a commit without its pull request, a pull request with an old text.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::dry::Dry;
use super::error::ForgeError;
use super::foreign::{ours, say_once};
use super::ground::{Ground, ground};
use super::marker::{Marker, edits, fingerprint};
use super::outcome::{Done, Link, Outcome, Written};
use super::settings::Settings;
use super::tree::Lookup;
use super::wanted::{Wanted, named};
use super::{Edit, Forge, NewCommit, NewPull, Placed, Pull, State, Topic, text};
use crate::model::progress::Progress;

/// One run.
pub(super) struct Run<'r> {
    pub(super) forge: &'r dyn Forge,
    pub(super) settings: &'r Settings,
    pub(super) prefix: String,
    pub(super) base: String,
    base_head: &'r str,
    lookup: Lookup<'r>,
    /// Branches of ours, and where they stand.
    pub(super) branches: BTreeMap<String, String>,
    /// How many are open.
    open: usize,
    /// How many were made within the hour.
    fresh: usize,
}

/// Brings the pull requests of a cluster to what is wanted: opens, updates and closes. In a dry run nothing is written, and the
/// outcomes are those of a run that does. Outcomes stand in the order of the topics; what became of those without a topic
/// follows.
///
/// # Errors
/// When what is there cannot be read. Nothing has been written then. What fails later is the outcome of its topic.
pub async fn reconcile(
    forge: &dyn Forge,
    topics: &[Topic],
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Vec<Outcome>, ForgeError> {
    let dry = Dry(forge);
    let forge: &dyn Forge = if settings.dry_run { &dry } else { forge };
    let base = match &settings.base {
        Some(base) => base.clone(),
        None => forge.default_branch().await?,
    };
    let Some(base_head) = forge.head(&base).await? else {
        return Err(ForgeError::NoBase {
            place: forge.shown(),
            branch: base,
        });
    };
    let prefix = format!("{}/", settings.prefix.trim_end_matches('/'));
    let branches = forge.branches(&prefix).await?.into_iter().collect();
    let pulls = one_each(forge.open(&prefix).await?);
    let (wanted, mut outcomes) = named(topics, &prefix);
    // A topic that cannot be written today is still one.
    let keep: BTreeSet<&str> = wanted
        .iter()
        .map(|wanted| wanted.branch.as_str())
        .chain(outcomes.iter().map(|o| o.branch.as_str()))
        .collect();
    let since = settings
        .now
        .checked_sub(SignedDuration::from_hours(1))
        .unwrap_or(settings.now);
    let mut run = Run {
        forge,
        settings,
        prefix,
        base,
        base_head: &base_head,
        lookup: Lookup::new(forge, &base_head),
        branches,
        open: 0,
        fresh: pulls
            .iter()
            .filter(|pull| pull.created.is_some_and(|at| at > since))
            .count(),
    };
    progress.stage("Pull requests", u64::try_from(wanted.len()).ok());
    let gone = match settings.tidies {
        true => run.tidy(&pulls, &keep).await,
        false => Vec::new(),
    };
    let stopped = gone.iter().any(|outcome| is_final(&outcome.done));
    // What is not taken away stays open.
    let stays = |branch: &str| !settings.tidies || keep.contains(branch);
    run.open = match forge.abilities().pull_requests {
        true => pulls.iter().filter(|pull| stays(&pull.branch)).count(),
        false => run.branches.keys().filter(|branch| stays(branch)).count(),
    };
    outcomes.extend(run.each(&wanted, &pulls, stopped, progress).await);
    outcomes.sort_by_key(|outcome| outcome.topic);
    outcomes.extend(gone);
    Ok(outcomes)
}

/// One pull request a branch. People open others of ours, to other branches, and those are theirs: ours has our marker, or was
/// there first.
fn one_each(mut pulls: Vec<Pull>) -> Vec<Pull> {
    let marked = |pull: &Pull| Marker::read(&pull.body).is_some_and(|marker| marker.topic == pull.branch);
    pulls.sort_by_cached_key(|pull| (pull.branch.clone(), !marked(pull), pull.number));
    pulls.dedup_by(|later, first| later.branch == first.branch);
    pulls
}

fn is_final(done: &Done) -> bool {
    matches!(done, Done::Failed(error) if error.is_final())
}

impl Run<'_> {
    /// One topic after the other, until something goes wrong that would go wrong again.
    async fn each(
        &mut self,
        wanted: &[Wanted<'_>],
        pulls: &[Pull],
        mut stopped: bool,
        progress: &dyn Progress,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for wanted in wanted {
            let pull = pulls.iter().find(|pull| pull.branch == wanted.branch);
            let mut outcome = wanted.outcome(Done::NotTried);
            outcome.pull_request = pull.and_then(Link::to);
            if !stopped {
                let done = match pull {
                    Some(pull) => self.keep(wanted, pull, &mut outcome).await,
                    None => self.make(wanted, &mut outcome).await,
                };
                outcome.done = done.unwrap_or_else(Done::Failed);
                stopped = is_final(&outcome.done);
            }
            progress.advance(1);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// A topic whose pull request is open.
    async fn keep(&mut self, wanted: &Wanted<'_>, pull: &Pull, outcome: &mut Outcome) -> Result<Done, ForgeError> {
        let topic = wanted.topic;
        let marker = Marker::read(&pull.body).filter(|marker| marker.topic == wanted.branch);
        let head = self.branches.get(&wanted.branch).cloned();
        let known = marker.as_ref().map(|marker| marker.head.as_str());
        let is_known = head.is_some() && known == head.as_deref();
        // What the branch holds, if it is ours.
        let holds = match (&head, &marker) {
            (Some(_), Some(marker)) if is_known => Some(marker.edits.clone()),
            (Some(head), _) => match ours(self.forge, head).await? {
                Some(edits) => Some(edits),
                None => {
                    self.leave(pull).await?;
                    return Ok(Done::Foreign);
                }
            },
            (None, _) => None,
        };
        let same_files = holds.as_deref() == Some(edits(&topic.files).as_str());
        let same_text = marker
            .as_ref()
            .is_some_and(|marker| marker.fingerprint == fingerprint(topic));
        if same_files && same_text && is_known {
            return Ok(Done::Unchanged);
        }
        let commit = match (same_files, head) {
            (true, Some(head)) => head,
            (_, head) => match ground(&self.lookup, &self.base, topic).await? {
                Ground::Fits(placed) => {
                    let dropped = marker.map(|marker| marker.files).unwrap_or_default();
                    match self.commit(wanted, head.as_deref(), &placed, &dropped).await? {
                        Some(commit) => commit,
                        None => {
                            self.leave(pull).await?;
                            return Ok(Done::Foreign);
                        }
                    }
                }
                Ground::Holds => {
                    let why = format!("`{}` holds it already", self.base);
                    return self.retire(pull, &why).await;
                }
                Ground::Not(done) => return Ok(done),
            },
        };
        let body = self.body(wanted, &commit);
        outcome.written = Some(wanted.written(&body, !same_files));
        let title = text::title(&topic.title);
        let edit = Edit {
            title: &title,
            body: &body,
            close: false,
            draft: pull.draft,
        };
        if let Err(error) = self.forge.edit(pull.number, edit).await {
            if !same_files {
                outcome
                    .notes
                    .push("the commit is new and the text is old; the next run finishes it".to_owned());
            }
            return Err(error);
        }
        Ok(Done::Updated)
    }

    /// A topic without an open pull request.
    async fn make(&mut self, wanted: &Wanted<'_>, outcome: &mut Outcome) -> Result<Done, ForgeError> {
        let (topic, pulls) = (wanted.topic, self.forge.abilities().pull_requests);
        let head = self.branches.get(&wanted.branch).cloned();
        // A branch alone that is there is counted already. Whoever waits is not asked after.
        if (pulls || head.is_none())
            && let Some(limit) = self.limit()
        {
            return Ok(Done::Waiting { limit });
        }
        let past = self.forge.past(&wanted.branch).await?;
        let last = past.first().map(|pull| (pull, Marker::read(&pull.body)));
        if let Some(done) = last
            .as_ref()
            .and_then(|(pull, marker)| self.settled(topic, pull, marker.as_ref()))
        {
            outcome.pull_request = past.first().and_then(Link::to);
            return Ok(done);
        }
        let placed = match ground(&self.lookup, &self.base, topic).await? {
            Ground::Fits(placed) => placed,
            Ground::Holds => return Ok(Done::InBase),
            Ground::Not(done) => return Ok(done),
        };
        let holds = match &head {
            None => None,
            Some(head) => {
                let known = past
                    .iter()
                    .filter_map(|pull| Marker::read(&pull.body))
                    .find(|marker| marker.head == *head);
                match known.map(|marker| marker.edits) {
                    Some(edits) => Some(edits),
                    None => match ours(self.forge, head).await? {
                        Some(edits) => Some(edits),
                        None => return Ok(Done::Foreign),
                    },
                }
            }
        };
        let reused = head
            .clone()
            .filter(|_| holds.as_deref() == Some(edits(&topic.files).as_str()));
        if !pulls && reused.is_some() {
            return Ok(Done::Unchanged);
        }
        let commit = match &reused {
            Some(commit) => commit.clone(),
            None => match self.commit(wanted, head.as_deref(), &placed, &[]).await? {
                Some(commit) => commit,
                None => return Ok(Done::Foreign),
            },
        };
        let body = self.body(wanted, &commit);
        outcome.written = Some(Written {
            labels: topic.labels.clone(),
            reviewers: topic.reviewers.clone(),
            ..wanted.written(&body, reused.is_none())
        });
        if !pulls {
            self.open += usize::from(head.is_none());
            return Ok(if head.is_some() { Done::Updated } else { Done::Created });
        }
        let pull = self.propose(wanted, &body, head.is_none(), outcome).await?;
        outcome.pull_request = Link::to(&pull);
        self.open += 1;
        self.fresh += 1;
        Ok(Done::Created)
    }

    /// What an earlier pull request decided.
    fn settled(&self, topic: &Topic, last: &Pull, marker: Option<&Marker>) -> Option<Done> {
        match (last.state, marker) {
            (State::Open, _) => None,
            (State::Merged, Some(marker)) => (marker.edits == edits(&topic.files)).then_some(Done::Merged),
            (State::Merged, None) => None,
            // We closed it ourselves when there was no topic.
            (State::Closed, Some(Marker { closed: Some(_), .. })) => None,
            (State::Closed, marker) => {
                let then = marker.and_then(|marker| marker.monthly);
                let grown = then.is_some_and(|then| topic.monthly > then + then.abs() * self.settings.material);
                (!grown).then_some(Done::NotNow { then })
            }
        }
    }

    fn limit(&self) -> Option<&'static str> {
        let hour = self.settings.most_new_an_hour.is_some_and(|most| self.fresh >= most);
        match (self.open >= self.settings.most_open, hour) {
            (true, _) => Some("as many are open as may be"),
            (false, true) => Some("as many were opened within the hour as may be"),
            (false, false) => None,
        }
    }

    fn body(&self, wanted: &Wanted<'_>, commit: &str) -> String {
        let marker = Marker::of(wanted.topic, &wanted.branch, commit);
        marker.body(&wanted.topic.body, self.forge.abilities().body)
    }

    /// Makes the commit, unless somebody has moved the branch since it was looked at.
    async fn commit(
        &mut self,
        wanted: &Wanted<'_>,
        was: Option<&str>,
        files: &[Placed],
        written: &[String],
    ) -> Result<Option<String>, ForgeError> {
        if self.forge.head(&wanted.branch).await?.as_deref() != was {
            return Ok(None);
        }
        let dropped: Vec<String> = written
            .iter()
            .filter(|path| files.iter().all(|file| file.path != **path))
            .cloned()
            .collect();
        let commit = NewCommit {
            branch: &wanted.branch,
            base: &self.base,
            onto: self.base_head,
            was,
            message: &wanted.topic.message,
            files,
            dropped: &dropped,
        };
        self.forge.write(commit).await.map(Some)
    }

    /// Opens a pull request. Where that fails, a branch that was made for it is taken away again.
    async fn propose(
        &self,
        wanted: &Wanted<'_>,
        body: &str,
        is_new: bool,
        outcome: &mut Outcome,
    ) -> Result<Pull, ForgeError> {
        let title = text::title(&wanted.topic.title);
        let new = NewPull {
            branch: &wanted.branch,
            base: &self.base,
            title: &title,
            body,
            draft: self.settings.draft,
            labels: &wanted.topic.labels,
            reviewers: &wanted.topic.reviewers,
        };
        let error = match self.forge.create(new).await {
            Ok((pull, notes)) => {
                outcome.notes.extend(notes);
                return Ok(pull);
            }
            Err(error) => error,
        };
        // It may be there although the answer was lost; a branch that has one is not taken away.
        let Ok(pulls) = self.forge.open(&self.prefix).await else {
            return Err(error);
        };
        if let Some(pull) = one_each(pulls).into_iter().find(|pull| pull.branch == wanted.branch) {
            return Ok(pull);
        }
        if is_new && let Err(left) = self.forge.delete(&wanted.branch).await {
            outcome
                .notes
                .push(format!("its branch stays, and the next run goes on from there: {left}"));
        }
        Err(error)
    }

    /// Says below a pull request of ours that its branch is somebody's.
    async fn leave(&self, pull: &Pull) -> Result<(), ForgeError> {
        let Some(marker) = Marker::read(&pull.body) else {
            return Ok(());
        };
        let text = format!(
            "Somebody has committed to this branch, so gpuwise leaves it alone: it neither updates nor closes it. To hand it \
             back, reset the branch to {}.",
            marker.head
        );
        say_once(self.forge, pull.number, "foreign", &text).await
    }
}
