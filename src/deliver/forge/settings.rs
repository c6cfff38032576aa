//! What of the state machine the owner sets, and the clock it goes by.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// How pull requests are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The branch to merge to; the repository's own choice where not given.
    pub base: Option<String>,
    /// What all branches of this cluster begin with, such as `gpuwise/prod/`. Whatever else begins so and has no topic any
    /// more is obsolete.
    pub prefix: String,
    /// Whether pull requests without a topic are closed. Not where only some of the topics were asked for, or some could not be
    /// made.
    pub tidies: bool,
    /// How much more a closed topic must save to be opened anew, as a share of what it saved then.
    pub material: f64,
    /// How many may be open at once.
    pub most_open: usize,
    /// How many may be made within an hour.
    pub most_new_an_hour: Option<usize>,
    /// Whether new ones are drafts.
    pub draft: bool,
    /// Whether everything is read and nothing written.
    pub dry_run: bool,
    /// Now: what the hour is counted from.
    pub now: Timestamp,
}

impl Settings {
    /// The defaults, for branches that begin so.
    pub fn new(prefix: impl Into<String>, now: Timestamp) -> Self {
        Self {
            base: None,
            prefix: prefix.into(),
            tidies: true,
            material: 0.25,
            most_open: 10,
            most_new_an_hour: None,
            draft: false,
            dry_run: false,
            now,
        }
    }
}

/// The time, and waiting for it: tests have their own.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// The clock on the wall.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
