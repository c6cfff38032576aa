//! Pull requests against fakes that keep a real Git repository and answer as the documented APIs do: what a run writes, what
//! it leaves alone, and what it says when it is refused.

mod answers;
mod branches;
mod closing;
mod command;
mod files;
mod git_dir;
mod gitea;
mod github;
mod gitlab;
mod healing;
mod hub;
mod manners;
mod openapi;
mod repo;
mod runs;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use gpuwise::deliver::forge::{
    Clock, Done, FileChange, Forge, ForgeError, GitHub, GitLab, Gitea, Outcome, Settings, Topic, reconcile,
};
use gpuwise::model::progress::Silent;
use gpuwise::sources::endpoint::{Endpoint, Login, Secret};
use jiff::Timestamp;

use self::hub::{Fake, Fault, Hub, Instead, TOKEN};
use self::repo::{BATCH, CHAT, SCRIPT, has_git};

/// What all branches of the cluster begin with.
const PREFIX: &str = "gpuwise/prod/";

/// Every kind of forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    GitHub,
    GitLab,
    Gitea,
    /// A Gitea that rewrites no branch.
    Old,
}

const KINDS: [Kind; 4] = [Kind::GitHub, Kind::GitLab, Kind::Gitea, Kind::Old];

/// A clock that nobody waits for, and that remembers who would have.
#[derive(Default)]
struct Quick {
    slept: Mutex<Vec<Duration>>,
}

impl Clock for Quick {
    fn now(&self) -> Timestamp {
        let slept: Duration = self.slept.lock().unwrap().iter().sum();
        now() + jiff::SignedDuration::try_from(slept).unwrap()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.slept.lock().unwrap().push(time);
        Box::pin(async {})
    }
}

fn now() -> Timestamp {
    "2026-11-16T08:00:00Z".parse().unwrap()
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A forge to be tried.
struct Tried {
    kind: Kind,
    fake: Fake,
    clock: Arc<Quick>,
    /// Made once: to read the system's certificates is what takes the time in a debug build.
    forge: OnceLock<Box<dyn Forge>>,
}

/// Does the same with every kind of forge.
fn each(scenario: impl Fn(&Tried)) {
    if !has_git() {
        return;
    }
    for kind in KINDS {
        println!("{kind:?}");
        scenario(&Tried::new(kind));
    }
}

impl Tried {
    fn new(kind: Kind) -> Self {
        let fake = match kind {
            Kind::GitHub => Fake::start("/api/v3", github::answer),
            Kind::GitLab => Fake::start("/api/v4", gitlab::answer),
            Kind::Gitea | Kind::Old => Fake::start("/api/v1", gitea::answer),
        };
        fake.hub.lock().unwrap().old = kind == Kind::Old;
        Self {
            kind,
            fake,
            clock: Arc::default(),
            forge: OnceLock::new(),
        }
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.fake.hub.lock().unwrap()
    }

    /// Every ref, and every pull request. One guard at a time: a second would wait for the first.
    fn state(&self) -> (String, Vec<hub::Pr>) {
        let hub = self.hub();
        (hub.repo.refs(), hub.pulls.clone())
    }

    fn forge(&self) -> &dyn Forge {
        &**self.forge.get_or_init(|| self.opened(&self.fake.url, TOKEN))
    }

    fn opened(&self, url: &str, token: &str) -> Box<dyn Forge> {
        let mut endpoint = Endpoint::new(url);
        endpoint.login = Login::Token(Secret::new(token));
        let clock = Arc::clone(&self.clock);
        match self.kind {
            Kind::GitHub => Box::new(GitHub::open(&endpoint, "acme/ml", clock).unwrap()),
            Kind::GitLab => Box::new(GitLab::open(&endpoint, "acme/ml", clock).unwrap()),
            Kind::Gitea | Kind::Old => Box::new(Gitea::open(&endpoint, "acme/ml", clock).unwrap()),
        }
    }

    /// One run; the server forgets what was asked of it before.
    fn try_with(&self, topics: &[Topic], set: impl Fn(&mut Settings)) -> Result<Vec<Outcome>, ForgeError> {
        self.hub().asked.clear();
        let mut settings = Settings::new(PREFIX, now());
        set(&mut settings);
        wait_for(reconcile(self.forge(), topics, &settings, &Silent))
    }

    fn run(&self, topics: &[Topic]) -> Vec<Outcome> {
        self.try_with(topics, |_| {}).unwrap()
    }

    fn fail(&self, method: &'static str, target: &'static str, instead: Instead, times: usize) {
        self.hub().faults.push(Fault {
            method,
            target,
            instead,
            times,
        });
    }

    /// The target of the request that opens a pull request.
    fn opens(&self) -> &'static str {
        match self.kind {
            Kind::GitLab => "/merge_requests",
            _ => "/pulls",
        }
    }

    /// The method of the request that edits one.
    fn edits(&self) -> &'static str {
        match self.kind {
            Kind::GitLab => "PUT",
            _ => "PATCH",
        }
    }

    /// What the request that makes a branch asks for.
    fn commits(&self) -> &'static str {
        match self.kind {
            Kind::GitHub => "/git/refs",
            Kind::GitLab => "/repository/commits",
            Kind::Gitea | Kind::Old => "/contents",
        }
    }
}

/// What the outcomes say, one a line.
fn told(outcomes: &[Outcome]) -> String {
    let line = |outcome: &Outcome| format!("{}: {}\n", outcome.branch.trim_start_matches(PREFIX), outcome.done);
    outcomes.iter().map(line).collect()
}

fn change(path: &str, before: &str, after: &str) -> FileChange {
    FileChange {
        path: path.to_owned(),
        before: Some(before.to_owned()),
        after: after.to_owned(),
    }
}

/// Three replicas at night, and an autoscaler beside it.
fn chat() -> Topic {
    Topic {
        branch: format!("{PREFIX}chat"),
        title: "Scale chat by its load".to_owned(),
        body: "## Why\nBy night 3 of 12 replicas are enough.\n".to_owned(),
        message: "Scale chat by its load\n\nIt saves 4,200 USD a month.".to_owned(),
        labels: vec!["gpuwise".to_owned(), "bug".to_owned()],
        reviewers: vec!["ann".to_owned()],
        files: vec![
            change("deploy/chat.yaml", CHAT, "# team chat\nkind: Deployment\nspec: {}\n"),
            FileChange {
                path: "deploy/new/hpa.yaml".to_owned(),
                before: None,
                after: "kind: HorizontalPodAutoscaler\n".to_owned(),
            },
            change("bin/serve.sh", SCRIPT, "#!/bin/sh\nvllm serve --max-num-seqs 128\n"),
        ],
        monthly: 4200.0,
    }
}

fn batch() -> Topic {
    Topic {
        branch: format!("{PREFIX}batch"),
        title: "Run batch on half the GPUs".to_owned(),
        files: vec![change("deploy/jobs/batch.yaml", BATCH, &BATCH.replace('8', "4"))],
        monthly: 900.0,
        ..chat()
    }
}
