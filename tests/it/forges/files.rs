//! What stands in the base branch decides whether a topic is written.

use gpuwise::deliver::forge::checkout;

use super::*;

fn one(path: &str, before: Option<&str>) -> Topic {
    Topic {
        files: vec![FileChange {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: "new: 1\n".to_owned(),
        }],
        ..chat()
    }
}

#[test]
fn a_checkout_that_is_not_the_base_is_not_written_from() {
    each(|tried| {
        let refs = tried.hub().repo.refs();
        for (path, before) in [
            ("deploy/chat.yaml", Some("# team chat\n")),
            ("deploy/chat.yaml", None),
            ("deploy/gone.yaml", Some("a: 1\n")),
            // A byte is a byte: line endings are part of a file.
            ("deploy/jobs/batch.yaml", Some("kind: Job\nspec:\n  parallelism: 8\n")),
            ("deploy/chat.yaml", Some(&*CHAT.replace('\n', "\r\n"))),
        ] {
            let outcomes = tried.run(&[one(path, before)]);
            let told = told(&outcomes);
            assert!(
                told.contains("the checkout is not what `main` holds") && told.contains(path),
                "{told}"
            );
            assert!(told.contains("fetch it and run again") && outcomes[0].done.is_refusal());
        }
        // One old file holds back the whole topic.
        let mut topic = chat();
        topic.files[2].before = Some("#!/bin/sh\n".to_owned());
        assert!(told(&tried.run(&[topic])).contains("(bin/serve.sh differs)"));
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
        assert_eq!(tried.hub().repo.refs(), refs);
    });
}

#[test]
fn only_files_are_written() {
    each(|tried| {
        for (path, part) in [
            ("deploy/link.yaml", "`deploy/link.yaml` is a symbolic link"),
            ("out/a.yaml", "`out` is a symbolic link"),
            ("vendor", "`vendor` is a submodule"),
            ("vendor/a.yaml", "`vendor` is a submodule"),
            ("deploy/jobs", "`deploy/jobs` is a folder"),
            ("README.md/a.yaml", "`README.md` is a file"),
            ("../out.yaml", "no path within a repository"),
            ("/etc/passwd", "no path within a repository"),
            (".git/hooks/post-checkout", "no path within a repository"),
        ] {
            let outcomes = tried.run(&[one(path, None)]);
            assert!(
                told(&outcomes).contains(part) && outcomes[0].done.is_refusal(),
                "{path}: {}",
                told(&outcomes)
            );
        }
        let mut twice = chat();
        twice.files.push(twice.files[0].clone());
        assert!(told(&tried.run(&[twice])).contains("stands in it twice"));
        let mut large = one("large.yaml", None);
        large.files[0].after = "a".repeat(17 << 20);
        assert!(told(&tried.run(&[large])).contains("more than 16777216 bytes"));
        assert_eq!(tried.hub().writes(), Vec::<String>::new());
    });
}

#[test]
fn what_a_topic_does_not_change_is_neither_read_nor_written() {
    each(|tried| {
        let mut topic = chat();
        topic.files.push(change("nowhere.yaml", "same", "same"));
        assert_eq!(told(&tried.run(&[topic])), "chat: new\n");
        let head = tried.hub().repo.head("gpuwise/prod/chat").unwrap();
        assert_eq!(tried.hub().repo.touched(&head).len(), 3);
        assert_eq!(told(&tried.run(&[chat()])), "chat: unchanged\n");
    });
}

#[test]
fn those_without_a_checkout_read_it_through_the_forge() {
    each(|tried| {
        let forge = tried.forge();
        let wanted = |path: &str| path.ends_with(".yaml") || path.ends_with('/');
        let found = wait_for(checkout(forge, None, &wanted)).unwrap();
        assert_eq!(
            (found.branch.as_str(), Some(found.commit)),
            ("main", tried.hub().repo.head("main"))
        );
        let files: Vec<(&str, &str)> = found
            .files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        assert_eq!(files, [("deploy/chat.yaml", CHAT), ("deploy/jobs/batch.yaml", BATCH)]);
        assert_eq!(
            found.left_out,
            [("deploy/link.yaml".to_owned(), "it is a symbolic link")]
        );
        let error = wait_for(checkout(forge, Some("gone"), &wanted)).unwrap_err();
        assert!(error.to_string().contains("has no branch `gone`"), "{error}");
    });
}
