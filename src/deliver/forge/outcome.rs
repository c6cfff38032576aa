//! What became of each topic and of each pull request without one, in words.

use std::fmt;

use super::error::ForgeError;
use super::{FileChange, Pull};

/// What became of one topic, or of a branch of ours that has none any more.
#[derive(Debug)]
pub struct Outcome {
    /// The branch.
    pub branch: String,
    /// The topic's place among those that were given; none where there is no topic any more.
    pub topic: Option<usize>,
    /// What became of it.
    pub done: Done,
    /// The pull request, where there is one.
    pub pull_request: Option<Link>,
    /// What was written, or would have been.
    pub written: Option<Written>,
    /// What did not succeed besides, and is no failure: labels, reviewers.
    pub notes: Vec<String>,
}

/// A pull request for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
}

impl Link {
    pub(super) fn to(pull: &Pull) -> Option<Self> {
        // Number 0 is that of a dry run.
        (pull.number > 0).then(|| Self {
            number: pull.number,
            url: pull.url.clone(),
        })
    }
}

/// What a pull request was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// One line.
    pub title: String,
    /// With its marker. In a dry run the marker names no commit.
    pub body: String,
    /// Of the commit, without its trailers; none where the commit stayed.
    pub message: Option<String>,
    /// The files of the commit; none where it stayed.
    pub files: Vec<FileChange>,
    /// Names; none where the pull request was there.
    pub labels: Vec<String>,
    /// Names; none where the pull request was there.
    pub reviewers: Vec<String>,
}

/// What became of a topic.
#[derive(Debug)]
pub enum Done {
    /// A pull request was opened (or a branch made).
    Created,
    /// The pull request that was there has a new commit, a new text or both.
    Updated,
    /// It is as it should be. Nothing was written.
    Unchanged,
    /// The base branch holds it already.
    InBase,
    /// It was merged once; whoever took it back knows why.
    Merged,
    /// It was closed and saves not materially more than it did then.
    NotNow {
        /// What it saved a month when it was closed, where that is known.
        then: Option<f64>,
    },
    /// Enough are open; those that save more come first.
    Waiting {
        /// Which limit.
        limit: &'static str,
    },
    /// Somebody works on the branch. It is left alone.
    Foreign,
    /// The base branch holds something else than the checkout that the topic was made from.
    Stale {
        /// The base branch.
        base: String,
        /// Which file.
        path: String,
    },
    /// It cannot be written as it is.
    Refused {
        /// Why.
        why: String,
    },
    /// Something went wrong.
    Failed(ForgeError),
    /// Something went wrong before, that would have gone wrong again.
    NotTried,
    /// The topic is gone: the pull request was closed and its branch taken away.
    Closed {
        /// Why.
        why: String,
    },
    /// The topic is gone and somebody works on the branch: it is theirs.
    Abandoned,
    /// A branch that a broken run left without a pull request was taken away.
    Swept,
    /// A branch without a topic, in a repository where nothing is taken away.
    Left,
}

impl Done {
    /// Whether somebody should hear of it as a refusal.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Stale { .. } | Self::Refused { .. } | Self::Failed(_) | Self::NotTried
        )
    }

    /// Whether anything was written, or would have been.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Closed { .. } | Self::Swept)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("new"),
            Self::Updated => f.write_str("brought up to date"),
            Self::Unchanged => f.write_str("unchanged"),
            Self::InBase => f.write_str("the base branch holds it already"),
            Self::Merged => f.write_str("merged before; if it was taken back since, it is not proposed again"),
            Self::NotNow { then: Some(then) } => {
                write!(
                    f,
                    "closed before, when it saved {then:.0} a month; it is proposed again once it saves materially more"
                )
            }
            Self::NotNow { then: None } => f.write_str(
                "closed before, and what it saved then is not known; open it again to have it kept up to date",
            ),
            Self::Waiting { limit } => write!(f, "waits: {limit}"),
            Self::Foreign => f.write_str("left alone: somebody else has committed to the branch"),
            Self::Stale { base, path } => write!(
                f,
                "not written: the checkout is not what `{base}` holds ({path} differs): fetch it and run again"
            ),
            Self::Refused { why } => write!(f, "not written: {why}"),
            Self::Failed(error) => error.fmt(f),
            Self::NotTried => f.write_str("not tried, because of the failure before"),
            Self::Closed { why } => write!(f, "closed: {why}"),
            Self::Abandoned => f.write_str("no longer proposed; left to whoever has committed to the branch"),
            Self::Swept => f.write_str("a branch that a run left without a pull request was taken away"),
            Self::Left => f.write_str("no longer proposed; `git branch -D` takes the branch away"),
        }
    }
}
