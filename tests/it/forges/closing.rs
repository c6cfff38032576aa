//! What people decide with a pull request is kept to: closed means not now, merged means done, a commit means hands off.

use gpuwise::deliver::forge::marker::Marker;

use super::*;

const CHAT_BRANCH: &str = "gpuwise/prod/chat";

fn close(tried: &Tried, merged: bool) -> u64 {
    let mut hub = tried.hub();
    let number = hub.open(CHAT_BRANCH).unwrap().number;
    let pull = hub.at(&number.to_string()).unwrap();
    pull.open = false;
    pull.merged = merged;
    number
}

#[test]
fn closed_means_not_now_until_it_saves_materially_more() {
    for branch_stays in [true, false] {
        each(|tried| {
            tried.run(&[chat()]);
            let number = close(tried, false);
            if !branch_stays {
                tried.hub().delete(CHAT_BRANCH);
            }
            let mut topic = chat();
            for (monthly, title) in [
                (4200.0, "Scale chat"),
                (5200.0, "Scale chat more"),
                (f64::NAN, "Scale chat"),
            ] {
                topic.monthly = monthly;
                title.clone_into(&mut topic.title);
                topic.files[0].after.push_str("# other\n");
                let outcomes = tried.run(&[topic.clone()]);
                assert!(
                    told(&outcomes).starts_with("chat: closed before, when it saved 4200 a month"),
                    "{}",
                    told(&outcomes)
                );
                assert_eq!(outcomes[0].pull_request.as_ref().unwrap().number, number);
                assert_eq!(tried.hub().writes(), Vec::<String>::new());
            }
            topic.monthly = 5300.0;
            assert_eq!(told(&tried.run(&[topic])), "chat: new\n");
            let hub = tried.hub();
            assert!(hub.open(CHAT_BRANCH).unwrap().number > number);
        });
    }
}

#[test]
fn a_closed_one_whose_saving_is_not_known_stays_closed() {
    each(|tried| {
        tried.run(&[chat()]);
        let number = close(tried, false).to_string();
        "I know better".clone_into(&mut tried.hub().at(&number).unwrap().body);
        let outcomes = tried.run(&[Topic { monthly: 1e9, ..chat() }]);
        assert!(
            told(&outcomes).contains("what it saved then is not known"),
            "{}",
            told(&outcomes)
        );
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
    });
}

#[test]
fn merged_is_done_and_another_change_is_another_matter() {
    each(|tried| {
        tried.run(&[chat()]);
        close(tried, true);
        // Taken back since, so that the checkout holds what it held.
        let outcomes = tried.run(&[chat()]);
        assert!(
            told(&outcomes).starts_with("chat: merged before"),
            "{}",
            told(&outcomes)
        );
        let head = tried.hub().repo.head(CHAT_BRANCH);
        tried.hub().repo.point("main", head.as_deref());
        let mut other = chat();
        for file in &mut other.files {
            file.before = Some(file.after.clone());
        }
        other.files[0].after.push_str("# more\n");
        assert_eq!(told(&tried.run(&[other])), "chat: new\n");
        // The base holds it, without any pull request of ours.
        let mut held = batch();
        let after = held.files[0].after.clone();
        tried
            .hub()
            .repo
            .push("main", &[("deploy/jobs/batch.yaml", "100644", Some(&after))], "By hand");
        held.monthly = 1.0;
        assert!(told(&tried.run(&[held])).starts_with("batch: the base branch holds it already\n"));
    });
}

#[test]
fn an_open_one_that_the_base_holds_by_now_is_closed() {
    each(|tried| {
        tried.run(&[batch()]);
        let mut topic = batch();
        topic.files[0].after.push_str("# half\r\n");
        let after = topic.files[0].after.clone();
        tried
            .hub()
            .repo
            .push("main", &[("deploy/jobs/batch.yaml", "100644", Some(&after))], "By hand");
        assert_eq!(told(&tried.run(&[topic])), "batch: closed: `main` holds it already\n");
        assert_eq!(tried.hub().repo.head("gpuwise/prod/batch"), None);
    });
}

#[test]
fn what_has_no_topic_any_more_is_closed_with_a_reason_and_may_come_back() {
    each(|tried| {
        tried.run(&[chat(), batch()]);
        let number = tried.hub().open(CHAT_BRANCH).unwrap().number.to_string();
        let outcomes = tried.run(&[batch()]);
        assert!(
            told(&outcomes).starts_with("batch: unchanged\nchat: closed: gpuwise no longer proposes this"),
            "{}",
            told(&outcomes)
        );
        {
            let mut hub = tried.hub();
            assert_eq!(hub.repo.head(CHAT_BRANCH), None);
            let pull = hub.at(&number).unwrap();
            assert!(
                !pull.open && pull.title == "Scale chat by its load - autoclosed",
                "{pull:?}"
            );
            assert_eq!(pull.comments.len(), 1);
            assert!(
                pull.comments[0].starts_with("gpuwise no longer proposes this"),
                "{:?}",
                pull.comments
            );
            assert_eq!(Marker::read(&pull.body).unwrap().closed.as_deref(), Some("obsolete"));
            assert!(pull.body.contains("By night"));
            // Those of other clusters and of forks are not ours.
            assert!(
                hub.pulls
                    .iter()
                    .filter(|pull| pull.title == "Other")
                    .all(|pull| pull.open && pull.comments.is_empty())
            );
        }
        assert_eq!(told(&tried.run(&[batch()])), "batch: unchanged\n");
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        // Nobody said "not now", so that it is proposed again though it saves less.
        assert_eq!(
            told(&tried.run(&[Topic { monthly: 1.0, ..chat() }, batch()])),
            "chat: new\nbatch: unchanged\n"
        );
    });
}

#[test]
fn a_branch_with_a_commit_of_somebody_else_is_left_alone_and_that_is_said_once() {
    each(|tried| {
        tried.run(&[chat()]);
        let number = tried.hub().open(CHAT_BRANCH).unwrap().number.to_string();
        tried
            .hub()
            .repo
            .push(CHAT_BRANCH, &[("deploy/chat.yaml", "100644", Some("mine\n"))], "Better");
        let refs = tried.hub().repo.refs();
        let mut topic = chat();
        topic.files[0].after.push_str("# other\n");
        for _ in 0..3 {
            let outcomes = tried.run(&[topic.clone()]);
            assert!(told(&outcomes).starts_with("chat: left alone"), "{}", told(&outcomes));
        }
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        assert_eq!(tried.hub().at(&number).unwrap().comments.len(), 1);
        // The topic goes; the branch is theirs.
        for _ in 0..2 {
            assert!(told(&tried.run(&[])).starts_with("chat: no longer proposed; left to whoever"));
        }
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        let mut hub = tried.hub();
        assert_eq!(hub.repo.refs(), refs);
        let pull = hub.at(&number).unwrap();
        assert!(
            pull.open && pull.title == "Scale chat by its load - abandoned",
            "{}",
            pull.title
        );
        assert_eq!(pull.comments.len(), 2);
    });
}

#[test]
fn amended_and_rebased_commits_are_somebody_elses_too() {
    each(|tried| {
        tried.run(&[chat()]);
        let head = tried.hub().repo.head(CHAT_BRANCH).unwrap();
        let base = tried.hub().repo.head("main").unwrap();
        let message = tried.hub().repo.message(&head);
        // Our message, another content; then our content on another commit.
        let amended = tried
            .hub()
            .repo
            .commit(Some(&base), &[("deploy/chat.yaml", "100644", Some("mine\n"))], &message);
        tried.hub().repo.point(CHAT_BRANCH, Some(&amended));
        assert!(told(&tried.run(&[chat()])).starts_with("chat: left alone"));
        let new = tried
            .hub()
            .repo
            .push("main", &[("README.md", "100644", Some("new\n"))], "Readme");
        let tree = tried.hub().repo.text(&["rev-parse", &format!("{head}^{{tree}}")], &[]);
        let rebased = tried
            .hub()
            .repo
            .text(&["commit-tree", &tree, "-p", &new, "-F", "-"], message.as_bytes());
        tried.hub().repo.point(CHAT_BRANCH, Some(&rebased));
        assert!(told(&tried.run(&[chat()])).starts_with("chat: left alone"));
        assert_eq!(tried.hub().repo.head(CHAT_BRANCH), Some(rebased));
        // Handed back, as the comment says how.
        tried.hub().repo.point(CHAT_BRANCH, Some(&head));
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
        let comments = tried.hub().open(CHAT_BRANCH).unwrap().comments.clone();
        assert!(
            comments.len() == 1 && comments[0].contains(&format!("reset the branch to {head}")),
            "{comments:?}"
        );
    });
}

#[test]
fn a_branch_of_ours_in_name_only_is_not_overwritten() {
    each(|tried| {
        let base = tried.hub().repo.head("main").unwrap();
        let mine = tried
            .hub()
            .repo
            .commit(Some(&base), &[("a", "100644", Some("mine\n"))], "Mine");
        tried.hub().repo.point(CHAT_BRANCH, Some(&mine));
        assert!(told(&tried.run(&[chat()])).starts_with("chat: left alone"));
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        assert_eq!(told(&tried.run(&[])), "");
        // Nor is a pull request that somebody opened of it.
        {
            let mut hub = tried.hub();
            let theirs = hub.pull(CHAT_BRANCH, "main", "Mine", "mine", false);
            hub.pulls.push(theirs);
        }
        assert!(told(&tried.run(&[chat()])).starts_with("chat: left alone"));
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        assert_eq!(told(&tried.run(&[])), "");
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        assert_eq!(tried.hub().repo.head(CHAT_BRANCH), Some(mine));
    });
}

#[test]
fn a_pull_request_that_somebody_opens_of_our_branch_is_theirs() {
    each(|tried| {
        tried.run(&[chat()]);
        {
            let mut hub = tried.hub();
            let theirs = hub.pull(CHAT_BRANCH, "release/1.x", "Backport", "theirs", false);
            hub.pulls.push(theirs);
        }
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
        let mut other = chat();
        other.title.push('!');
        assert_eq!(told(&tried.run(&[other])), "chat: brought up to date\n");
        assert!(told(&tried.run(&[])).starts_with("chat: closed"));
        let hub = tried.hub();
        let theirs = hub.pulls.last().unwrap();
        assert_eq!(
            (theirs.title.as_str(), theirs.body.as_str(), theirs.comments.len()),
            ("Backport", "theirs", 0)
        );
    });
}
