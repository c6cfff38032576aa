//! Names of branches: what Git does not take, what would clash, and what is somebody's.

use super::*;

#[test]
fn names_that_clash_or_are_too_long_get_a_hash_and_keep_it() {
    each(|tried| {
        let long = "n".repeat(200);
        let topic = |name: &str| Topic {
            branch: format!("{PREFIX}{name}"),
            files: vec![FileChange {
                path: format!("{}.yaml", &name[..1]),
                before: None,
                after: format!("{name}: 1\n"),
            }],
            ..chat()
        };
        let topics = [topic("a"), topic("a/b"), topic(&long)];
        let outcomes = tried.run(&topics);
        assert!(
            outcomes.iter().all(|outcome| matches!(outcome.done, Done::Created)),
            "{}",
            told(&outcomes)
        );
        let names: Vec<&str> = outcomes.iter().map(|outcome| outcome.branch.as_str()).collect();
        assert!(
            names[0] == "gpuwise/prod/a" && names[1].starts_with("gpuwise/prod/a-b-"),
            "{names:?}"
        );
        assert!(names[2].len() == 100, "{names:?}");
        // With or without the others, each keeps its own.
        for some in [&topics[1..], &topics[..2], &topics[..]] {
            let again = tried.try_with(some, |settings| settings.dry_run = true).unwrap();
            assert!(
                again
                    .iter()
                    .all(|outcome| outcome.topic.is_none() || matches!(outcome.done, Done::Unchanged)),
                "{}",
                told(&again)
            );
        }
    });
}

#[test]
fn what_is_no_branch_of_the_cluster_is_refused_and_the_rest_goes_on() {
    each(|tried| {
        let named = |branch: &str| Topic {
            branch: branch.to_owned(),
            ..batch()
        };
        let topics = [
            named("main"),
            named("gpuwise/prod/a..b"),
            named("gpuwise/prod/x y"),
            chat(),
            chat(),
        ];
        let outcomes = tried.run(&topics);
        for (outcome, part) in outcomes.iter().zip([
            "does not begin with",
            "holds `..`",
            "holds a space",
            "new",
            "same branch",
        ]) {
            assert!(outcome.done.to_string().contains(part), "{}", told(&outcomes));
        }
        assert_eq!(tried.hub().repo.heads().len(), 2);
    });
}

#[test]
fn another_base_is_merged_to_and_one_that_is_not_there_is_said() {
    each(|tried| {
        let head = tried.hub().repo.head("main");
        tried.hub().repo.point("release/1.x", head.as_deref());
        let to = |name: &'static str| move |settings: &mut Settings| settings.base = Some(name.to_owned());
        assert_eq!(
            told(&tried.try_with(&[chat()], to("release/1.x")).unwrap()),
            "chat: new\n"
        );
        assert_eq!(tried.hub().open("gpuwise/prod/chat").unwrap().base, "release/1.x");
        let error = tried.try_with(&[chat()], to("gone")).unwrap_err().to_string();
        assert!(
            error.contains("has no branch `gone`") && error.contains("acme/ml at http://127.0.0.1"),
            "{error}"
        );
    });
}

#[test]
fn whoever_moves_a_branch_while_we_look_elsewhere_is_not_overwritten() {
    // The branch comes to be between the listing and the commit: the forge itself refuses, or it is seen just before.
    each(|tried| {
        tried.run(&[chat()]);
        let mut topic = chat();
        topic.files[0].after.push_str("# other\n");
        let forge = tried.forge();
        let mut settings = Settings::new(PREFIX, now());
        settings.base = Some("main".to_owned());
        let racing = Racing { forge, tried };
        let outcomes = wait_for(reconcile(&racing, &[topic], &settings, &Silent)).unwrap();
        assert!(told(&outcomes).starts_with("chat: left alone"), "{}", told(&outcomes));
        let hub = tried.hub();
        let head = hub.repo.head("gpuwise/prod/chat").unwrap();
        assert_eq!(hub.repo.show(&head, "theirs").unwrap(), "theirs\n");
    });
}

/// A forge in which somebody commits once our pull requests have been listed.
struct Racing<'t> {
    forge: &'t dyn Forge,
    tried: &'t Tried,
}

use gpuwise::deliver::forge::{Abilities, Edit, Entry, Found, NewCommit, NewPull, Pull, Told};

impl Forge for Racing<'_> {
    fn shown(&self) -> String {
        self.forge.shown()
    }
    fn abilities(&self) -> Abilities {
        self.forge.abilities()
    }
    fn default_branch(&self) -> Told<'_, String> {
        self.forge.default_branch()
    }
    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>> {
        self.forge.head(branch)
    }
    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>> {
        self.forge.branches(prefix)
    }
    fn list<'a>(&'a self, commit: &'a str, path: &'a str, tree: &'a str) -> Told<'a, Vec<Entry>> {
        self.forge.list(commit, path, tree)
    }
    fn blob<'a>(&'a self, sha: &'a str) -> Told<'a, Vec<u8>> {
        self.forge.blob(sha)
    }
    fn commit<'a>(&'a self, sha: &'a str) -> Told<'a, Found> {
        self.forge.commit(sha)
    }
    fn open<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<Pull>> {
        self.tried
            .hub()
            .repo
            .push("gpuwise/prod/chat", &[("theirs", "100644", Some("theirs\n"))], "Theirs");
        self.forge.open(prefix)
    }
    fn past<'a>(&'a self, branch: &'a str) -> Told<'a, Vec<Pull>> {
        self.forge.past(branch)
    }
    fn comments(&self, number: u64) -> Told<'_, Vec<String>> {
        self.forge.comments(number)
    }
    fn write<'a>(&'a self, commit: NewCommit<'a>) -> Told<'a, String> {
        self.forge.write(commit)
    }
    fn create<'a>(&'a self, pull: NewPull<'a>) -> Told<'a, (Pull, Vec<String>)> {
        self.forge.create(pull)
    }
    fn edit<'a>(&'a self, number: u64, edit: Edit<'a>) -> Told<'a, ()> {
        self.forge.edit(number, edit)
    }
    fn comment<'a>(&'a self, number: u64, text: &'a str) -> Told<'a, ()> {
        self.forge.comment(number, text)
    }
    fn delete<'a>(&'a self, branch: &'a str) -> Told<'a, ()> {
        self.forge.delete(branch)
    }
}
