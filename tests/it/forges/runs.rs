//! What a run writes, and that the next one does not.

use gpuwise::deliver::forge::marker::Marker;

use super::*;

#[test]
fn the_first_run_opens_the_second_changes_nothing_and_the_third_updates_in_place() {
    each(|tried| {
        let outcomes = tried.run(&[chat(), batch()]);
        assert_eq!(told(&outcomes), "chat: new\nbatch: new\n");
        let (number, head) = first(tried, &outcomes[0]);
        let (refs, pulls) = tried.state();
        let again = tried.run(&[chat(), batch()]);
        assert_eq!(told(&again), "chat: unchanged\nbatch: unchanged\n");
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        assert_eq!(tried.state(), (refs, pulls));
        // Another number, and the program is left as it is after all.
        let mut other = chat();
        other.files.pop();
        other.files[1].after.push_str("spec: {}\n");
        other.title.push('!');
        let third = tried.run(&[other.clone(), batch()]);
        assert_eq!(told(&third), "chat: brought up to date\nbatch: unchanged\n");
        let hub = tried.hub();
        let pull = hub.open("gpuwise/prod/chat").unwrap();
        assert_eq!((pull.number, pull.title.as_str()), (number, "Scale chat by its load!"));
        let new = hub.repo.head("gpuwise/prod/chat").unwrap();
        assert_ne!(new, head);
        assert_eq!(Marker::read(&pull.body).unwrap().head, new);
        assert_eq!(hub.repo.show(&new, "bin/serve.sh").unwrap(), SCRIPT);
        assert_eq!(
            hub.repo.show(&new, "deploy/new/hpa.yaml").unwrap(),
            other.files[1].after
        );
        // One commit, but where the server rewrites no branch.
        assert_eq!(
            hub.repo.ahead("gpuwise/prod/chat"),
            if tried.kind == Kind::Old { 2 } else { 1 }
        );
        drop(hub);
        assert_eq!(
            told(&tried.run(&[other, batch()])),
            "chat: unchanged\nbatch: unchanged\n"
        );
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
    });
}

/// What the first run made of the first topic: its number and its commit.
fn first(tried: &Tried, outcome: &Outcome) -> (u64, String) {
    let hub = tried.hub();
    let pull = hub.open("gpuwise/prod/chat").unwrap();
    let head = hub.repo.head("gpuwise/prod/chat").unwrap();
    assert_eq!(hub.repo.parents(&head), [hub.repo.head("main").unwrap()]);
    let wanted = chat();
    for file in &wanted.files {
        assert_eq!(hub.repo.show(&head, &file.path).unwrap(), file.after);
    }
    assert_eq!(hub.repo.mode(&head, "bin/serve.sh"), "100755");
    assert_eq!(hub.repo.touched(&head).len(), 3);
    assert_eq!(hub.repo.show(&head, "README.md").unwrap(), "# ML\n");
    assert!(
        hub.repo
            .message(&head)
            .starts_with("Scale chat by its load\n\nIt saves 4,200 USD a month.\n\nGpuwise-Base: ")
    );
    assert_eq!(
        (pull.title.as_str(), pull.base.as_str(), pull.draft),
        ("Scale chat by its load", "main", false)
    );
    assert!(
        pull.body
            .starts_with("## Why\nBy night 3 of 12 replicas are enough.\n\n<!-- gpuwise: {"),
        "{}",
        pull.body
    );
    let marker = Marker::read(&pull.body).unwrap();
    assert_eq!((marker.head.as_str(), marker.monthly), (head.as_str(), Some(4200.0)));
    assert_eq!(pull.labels, ["gpuwise", "bug"]);
    assert_eq!(pull.reviewers, ["ann"]);
    let link = outcome.pull_request.as_ref().unwrap();
    assert_eq!(link.number, pull.number);
    assert!(link.url.ends_with(&format!("/{}", pull.number)), "{}", link.url);
    assert_eq!(outcome.notes, Vec::<String>::new());
    (pull.number, head)
}

#[test]
fn a_base_that_moved_where_the_topic_is_gives_a_new_commit_on_its_head() {
    each(|tried| {
        tried.run(&[chat()]);
        let moved = CHAT.replace("12", "14");
        let base = tried
            .hub()
            .repo
            .push("main", &[("deploy/chat.yaml", "100644", Some(&moved))], "More");
        // The checkout is old: nothing differs from what was written, so nothing is.
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
        let mut fresh = chat();
        fresh.files[0] = change(
            "deploy/chat.yaml",
            &moved,
            "# team chat\nkind: Deployment\nspec: {}\n# 14\n",
        );
        assert_eq!(told(&tried.run(&[fresh])), "chat: brought up to date\n");
        let hub = tried.hub();
        let head = hub.repo.head("gpuwise/prod/chat").unwrap();
        if tried.kind != Kind::Old {
            assert_eq!(hub.repo.parents(&head), [base]);
        }
        assert!(hub.repo.show(&head, "deploy/chat.yaml").unwrap().ends_with("# 14\n"));
    });
}

#[test]
fn a_new_text_alone_makes_no_commit_and_what_people_write_stays_until_then() {
    each(|tried| {
        tried.run(&[chat()]);
        let head = tried.hub().repo.head("gpuwise/prod/chat");
        let number = tried.hub().open("gpuwise/prod/chat").unwrap().number.to_string();
        let body = tried
            .hub()
            .at(&number)
            .unwrap()
            .body
            .replace("By night", "Ann says: by night");
        tried.hub().at(&number).unwrap().body = body;
        tried.hub().at(&number).unwrap().draft = true;
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
        assert!(tried.hub().at(&number).unwrap().body.contains("Ann says"));
        let mut topic = chat();
        topic.body.push_str("It was seen again.\n");
        let outcomes = tried.run(&[topic]);
        assert_eq!(told(&outcomes), "chat: brought up to date\n");
        assert!(outcomes[0].written.as_ref().unwrap().files.is_empty());
        let mut hub = tried.hub();
        assert_eq!(hub.repo.head("gpuwise/prod/chat"), head);
        let pull = hub.at(&number).unwrap();
        assert!(pull.body.contains("seen again") && !pull.body.contains("Ann says"));
        // Whoever marked it as a draft knows why.
        assert!(pull.draft && pull.title == "Scale chat by its load");
    });
}

#[test]
fn a_dry_run_tells_all_and_writes_nothing() {
    each(|tried| {
        tried.run(&[batch()]);
        let (refs, pulls) = tried.state();
        let mut update = batch();
        update.files[0].after.push_str("# half\r\n");
        for topics in [vec![chat(), update], vec![chat()]] {
            let dry = tried.try_with(&topics, |settings| settings.dry_run = true).unwrap();
            assert!(
                tried.hub().asked.iter().all(|ask| ask.method == "GET"),
                "{:?}",
                tried.hub().writes()
            );
            assert_eq!(tried.state(), (refs.clone(), pulls.clone()));
            let written = dry[0].written.as_ref().unwrap();
            assert_eq!(
                (written.title.as_str(), &written.files),
                ("Scale chat by its load", &chat().files)
            );
            assert!(written.body.contains("By night 3 of 12") && written.body.contains("<!-- gpuwise: "));
            assert_eq!(
                (&written.labels, &written.reviewers),
                (&chat().labels, &chat().reviewers)
            );
            assert!(dry[0].pull_request.is_none());
            let second = if topics.len() == 2 {
                "batch: brought up to date\n"
            } else {
                "batch: closed: gpuwise no longer proposes this"
            };
            assert!(
                told(&dry).starts_with(&format!("chat: new\n{second}")),
                "{}",
                told(&dry)
            );
        }
    });
}

#[test]
fn limits_let_those_through_that_save_most() {
    each(|tried| {
        let topic = |name: &str, monthly: f64| Topic {
            branch: format!("{PREFIX}{name}"),
            files: vec![FileChange {
                path: format!("{name}.yaml"),
                before: None,
                after: "a: 1\n".to_owned(),
            }],
            monthly,
            ..chat()
        };
        let topics = [
            topic("small", 10.0),
            topic("none", f64::NAN),
            topic("large", 900.0),
            topic("middle", 90.0),
        ];
        let outcomes = tried.try_with(&topics, |settings| settings.most_open = 2).unwrap();
        let full = "as many are open as may be";
        assert_eq!(
            told(&outcomes),
            format!("small: waits: {full}\nnone: waits: {full}\nlarge: new\nmiddle: new\n")
        );
        // The hour counts what it has seen made.
        let hour = |settings: &mut Settings| settings.most_new_an_hour = Some(3);
        let outcomes = tried.try_with(&topics, hour).unwrap();
        assert_eq!(
            told(&outcomes),
            "small: new\nnone: waits: as many were opened within the hour as may be\nlarge: unchanged\nmiddle: unchanged\n"
        );
        let later = |settings: &mut Settings| {
            hour(settings);
            settings.now = "2026-11-16T09:30:00Z".parse().unwrap();
        };
        assert!(told(&tried.try_with(&topics, later).unwrap()).contains("none: new\n"));
    });
}

#[test]
fn drafts_labels_and_reviewers_that_cannot_be_had_are_no_failure() {
    each(|tried| {
        let mut topic = chat();
        topic.reviewers = vec!["@nobody".to_owned(), "@acme/ml-team".to_owned()];
        topic.body = format!("# Why\nBecause.\n\n# All of it\n{}", "ü".repeat(600_000));
        topic.title = "ü".repeat(400);
        let outcomes = tried.try_with(&[topic], |settings| settings.draft = true).unwrap();
        assert_eq!(told(&outcomes), "chat: new\n");
        assert!(
            outcomes[0]
                .notes
                .iter()
                .any(|note| note.contains("nobody") || note.contains("collaborator")),
            "{:?}",
            outcomes[0].notes
        );
        let hub = tried.hub();
        let pull = hub.open("gpuwise/prod/chat").unwrap();
        assert!(pull.draft && pull.title.ends_with('…') && pull.title.chars().count() < 250);
        assert!(
            pull.body.starts_with("# Why\nBecause.\n\n_The rest is left out"),
            "{}",
            &pull.body[..80]
        );
        assert!(Marker::read(&pull.body).is_some());
    });
}

#[test]
fn a_new_file_that_is_wanted_no_more_goes_away() {
    each(|tried| {
        tried.run(&[chat()]);
        let mut less = chat();
        less.files.remove(1);
        // The text is refused the first time, so that the commit has to be known again by itself.
        tried.fail(tried.edits(), tried.opens(), Instead::Nothing, 3);
        assert!(matches!(tried.run(&[less.clone()])[0].done, Done::Failed(_)));
        tried.hub().faults.clear();
        assert_eq!(told(&tried.run(&[less.clone()])), "chat: brought up to date\n");
        let head = tried.hub().repo.head("gpuwise/prod/chat").unwrap();
        assert_eq!(tried.hub().repo.show(&head, "deploy/new/hpa.yaml"), None);
        assert_eq!(
            tried.hub().repo.show(&head, "deploy/chat.yaml").unwrap(),
            less.files[0].after
        );
        assert_eq!(told(&tried.run(&[less])), "chat: unchanged\n");
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
    });
}
