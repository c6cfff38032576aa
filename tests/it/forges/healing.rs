//! Runs that break off, and what the next one makes of what they left.

use gpuwise::deliver::forge::marker::Marker;

use super::*;

const CHAT_BRANCH: &str = "gpuwise/prod/chat";

fn heal(tried: &Tried) {
    tried.hub().faults.clear();
}

#[test]
fn a_commit_without_its_pull_request_gets_one() {
    each(|tried| {
        tried.fail("POST", tried.opens(), Instead::Nothing, 1);
        // Nor can the branch be taken away again.
        tried.fail("DELETE", "", Instead::Nothing, 9);
        let outcomes = tried.run(&[chat(), batch()]);
        assert!(
            matches!(&outcomes[0].done, Done::Failed(ForgeError::Unreachable { .. })),
            "{}",
            told(&outcomes)
        );
        assert!(matches!(outcomes[1].done, Done::NotTried));
        let head = tried.hub().repo.head(CHAT_BRANCH).unwrap();
        heal(tried);
        assert_eq!(told(&tried.run(&[chat()])), "chat: new\n");
        {
            let hub = tried.hub();
            assert_eq!(hub.repo.head(CHAT_BRANCH).as_ref(), Some(&head));
            assert_eq!(Marker::read(&hub.open(CHAT_BRANCH).unwrap().body).unwrap().head, head);
            let commits = hub
                .writes()
                .into_iter()
                .filter(|write| write.contains("/contents") || write.contains("commits"));
            assert_eq!(commits.count(), 0);
        }
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
    });
}

#[test]
fn a_commit_without_its_pull_request_whose_topic_has_changed_since_is_made_anew() {
    each(|tried| {
        tried.fail("POST", tried.opens(), Instead::Nothing, 1);
        tried.fail("DELETE", "", Instead::Nothing, 9);
        tried.run(&[chat()]);
        heal(tried);
        let mut other = chat();
        other.files[1].after.push_str("spec: {}\n");
        assert_eq!(told(&tried.run(&[other.clone()])), "chat: new\n");
        assert_eq!(told(&tried.run(&[other])), "chat: unchanged\n");
        // And one whose topic is gone is taken away.
        tried.fail("POST", tried.opens(), Instead::Nothing, 1);
        tried.fail("DELETE", "", Instead::Nothing, 9);
        tried.run(&[chat(), batch()]);
        heal(tried);
        assert!(tried.hub().repo.head("gpuwise/prod/batch").is_some());
        assert!(told(&tried.run(&[chat()])).contains("batch: a branch that a run left"));
        assert!(tried.hub().repo.head("gpuwise/prod/batch").is_none());
    });
}

#[test]
fn a_new_commit_under_an_old_text_is_finished() {
    each(|tried| {
        tried.run(&[chat()]);
        let mut other = chat();
        other.files[1].after.push_str("spec: {}\n");
        tried.fail(tried.edits(), tried.opens(), Instead::Nothing, 3);
        let outcomes = tried.run(&[other.clone()]);
        assert!(matches!(&outcomes[0].done, Done::Failed(_)), "{}", told(&outcomes));
        assert!(outcomes[0].notes[0].contains("the next run finishes it"));
        heal(tried);
        let head = tried.hub().repo.head(CHAT_BRANCH).unwrap();
        assert_eq!(told(&tried.run(&[other.clone()])), "chat: brought up to date\n");
        assert_eq!(tried.hub().repo.head(CHAT_BRANCH).unwrap(), head);
        assert_eq!(told(&tried.run(&[other])), "chat: unchanged\n");
    });
}

#[test]
fn one_that_was_opened_though_the_answer_was_lost_is_not_opened_twice() {
    each(|tried| {
        tried.fail("POST", tried.opens(), Instead::Lost, 1);
        assert_eq!(told(&tried.run(&[chat()])), "chat: new\n");
        let count = tried
            .hub()
            .pulls
            .iter()
            .filter(|pull| pull.branch == CHAT_BRANCH && !pull.fork)
            .count();
        assert_eq!(count, 1);
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
    });
}

#[test]
fn closing_that_breaks_off_is_finished_without_a_second_comment() {
    each(|tried| {
        tried.run(&[chat()]);
        let number = tried.hub().open(CHAT_BRANCH).unwrap().number.to_string();
        tried.fail(tried.edits(), tried.opens(), Instead::Nothing, 3);
        assert!(matches!(&tried.run(&[])[0].done, Done::Failed(_)));
        heal(tried);
        tried.fail("DELETE", "", Instead::Nothing, 3);
        assert!(matches!(&tried.run(&[])[0].done, Done::Failed(_)));
        heal(tried);
        assert!(told(&tried.run(&[])).contains("a branch that a run left"));
        assert_eq!(tried.hub().at(&number).unwrap().comments.len(), 1);
        assert_eq!(tried.hub().repo.head(CHAT_BRANCH), None);
        assert_eq!(told(&tried.run(&[])), "");
    });
}

#[test]
fn a_marker_that_somebody_took_away_is_put_back() {
    each(|tried| {
        tried.run(&[chat()]);
        let number = tried.hub().open(CHAT_BRANCH).unwrap().number.to_string();
        "short".clone_into(&mut tried.hub().at(&number).unwrap().body);
        let head = tried.hub().repo.head(CHAT_BRANCH);
        assert_eq!(told(&tried.run(&[chat()])), "chat: brought up to date\n");
        assert_eq!(tried.hub().repo.head(CHAT_BRANCH), head);
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
    });
}

#[test]
fn a_commit_whose_answer_was_lost_is_found_by_the_next_run() {
    each(|tried| {
        tried.fail("POST", tried.commits(), Instead::Lost, 1);
        let outcomes = tried.run(&[chat()]);
        assert!(matches!(&outcomes[0].done, Done::Failed(_)), "{}", told(&outcomes));
        assert_eq!(told(&tried.run(&[chat()])), "chat: new\n");
        let mut other = chat();
        other.files[1].after.push_str("spec: {}\n");
        if tried.kind == Kind::Old {
            // The first request is refused, and the answer to the second is lost.
            let exists = hub::Reply::raw(422, r#"{"message":"branch already exists [name: gpuwise/prod/chat]"}"#);
            tried.fail("POST", tried.commits(), Instead::Answer(exists), 1);
        }
        let (method, target) = if tried.kind == Kind::GitHub {
            ("PATCH", "/git/refs")
        } else {
            ("POST", tried.commits())
        };
        tried.fail(method, target, Instead::Lost, 3);
        let outcomes = tried.run(&[other.clone()]);
        assert!(matches!(&outcomes[0].done, Done::Failed(_)), "{}", told(&outcomes));
        heal(tried);
        let head = tried.hub().repo.head(CHAT_BRANCH).unwrap();
        assert_eq!(told(&tried.run(&[other.clone()])), "chat: brought up to date\n");
        assert_eq!(tried.hub().repo.head(CHAT_BRANCH).unwrap(), head);
        assert_eq!(told(&tried.run(&[other])), "chat: unchanged\n");
    });
}
