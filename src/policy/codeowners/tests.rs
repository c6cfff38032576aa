//! What GitHub and GitLab document of their files, and what neither means.

use proptest::prelude::*;

use super::*;

fn owners_in_file(file: &str, text: &str, path: &str) -> String {
    let owners = Codeowners::read(file, text).owners(path);
    owners.map_or_else(|| "nobody".to_owned(), |owners| owners.names.join(" "))
}

fn github(text: &str, path: &str) -> String {
    owners_in_file(".github/CODEOWNERS", text, path)
}

fn gitlab(text: &str, path: &str) -> String {
    owners_in_file(".gitlab/CODEOWNERS", text, path)
}

/// Each pattern alone: whether it means a path.
fn means(of: fn(&str, &str) -> String, pattern: &str, path: &str) -> bool {
    of(&format!("{pattern} @me\n"), path) == "@me"
}

#[test]
fn the_last_line_that_means_a_path_counts_and_may_name_nobody() {
    let text = "# all\n* @all @more\n\n*.js    @js # and not @css\n/build/logs/ @doctor\ndocs/* docs@example.com\napps/ @octo\n\
                /scripts/ @doctor @octo\n**/logs @logs\n/apps/ @octo\n/apps/github\n";
    for (path, owners) in [
        ("some/deep/file.rb", "@all @more"),
        ("src/app.js", "@js"),
        ("build/logs/today/app.log", "@logs"),
        ("docs/start.md", "docs@example.com"),
        ("docs/build-app/trouble.md", "@all @more"),
        ("x/docs/start.md", "@all @more"),
        ("x/apps/y/z.rb", "@octo"),
        ("scripts/run.sh", "@doctor @octo"),
        ("deeply/nested/logs/a", "@logs"),
        ("apps/github/a", "nobody"),
        ("apps/other/a", "@octo"),
    ] {
        assert_eq!(github(text, path), owners, "{path}");
    }
    let found = Codeowners::read("CODEOWNERS", text).owners("src/app.js").unwrap();
    assert_eq!(found.lines, [4]);
    assert_eq!(github("", "a"), "nobody");
}

#[test]
fn github_reads_patterns_as_gitignore_does() {
    for (pattern, path, is_meant) in [
        ("*", "a/b/c", true),
        ("/*", "a", true),
        ("/*", "a/b", false),
        ("docs", "docs/a/b", true),
        ("docs", "x/docs", true),
        ("docs", "x/docs2/a", false),
        ("/docs", "docs/a", true),
        ("/docs", "x/docs/a", false),
        ("docs/", "x/docs/a", true),
        // A file of that name is no folder.
        ("docs/", "docs", false),
        ("a/b", "a/b/c", true),
        ("a/b", "x/a/b", false),
        ("a/**/z", "a/z", true),
        ("a/**/z", "a/b/c/z/file", true),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a/**/", "a/b/c", true),
        ("a/**/", "a/b", false),
        ("**/a.yaml", "a.yaml", true),
        ("**/a.yaml", "b/c/a.yaml", true),
        ("/k8s/*.yaml", "k8s/a.yaml", true),
        ("/k8s/*.yaml", "k8s/b/a.yaml", false),
        ("/k8s/*/chat.yaml", "k8s/prod/chat.yaml", true),
        ("/k8s/*/chat.yaml", "k8s/a/prod/chat.yaml", false),
        ("chat-?.yaml", "k8s/chat-1.yaml", true),
        ("chat-?.yaml", "k8s/chat-12.yaml", false),
        ("a*b*c", "axxbxxbxc", true),
        ("a*b*c", "axxbxxbx", false),
        (r"my\ file.yaml", "my file.yaml", true),
        (r"\*.yaml", "a.yaml", false),
        ("Docs/", "docs/a", false),
        (".github/", ".github/a", true),
        ("*", ".hidden", true),
    ] {
        assert_eq!(means(github, pattern, path), is_meant, "{pattern} and {path}");
    }
}

#[test]
fn gitlab_reads_patterns_over_the_whole_path_from_anywhere() {
    for (pattern, path, is_meant) in [
        ("*", "a/b/c", true),
        ("/*", "a/b", false),
        ("*.rb", "a/b.rb", true),
        ("LICENSE", "vendor/LICENSE", true),
        ("/docs/", "docs/a/b.md", true),
        ("/docs/", "x/docs/a.md", false),
        ("lib/", "x/lib/a", true),
        ("/docs/*", "docs/a.md", true),
        ("/docs/*", "docs/a/b.md", false),
        ("/docs/**/*.md", "docs/a.md", true),
        ("/docs/**/*.md", "docs/a/b/c.md", true),
        ("internal/README.md", "x/internal/README.md", true),
        // Without a slash at its end it is a file.
        ("/docs", "docs/a.md", false),
        ("/docs/**", "docs/a/b", false),
        ("/docs/**/", "docs/a", true),
        (r"\#pound.rb", "#pound.rb", true),
        (r"path\ with\ spaces/", "path with spaces/a", true),
        ("/chat-[0-9a].yaml", "chat-7.yaml", true),
        ("/chat-[0-9a].yaml", "chat-b.yaml", false),
        ("/chat-[!0-9].yaml", "chat-b.yaml", true),
        ("/chat-[-x].yaml", "chat--.yaml", true),
    ] {
        assert_eq!(means(gitlab, pattern, path), is_meant, "{pattern} and {path}");
    }
}

#[test]
fn every_section_of_gitlab_names_owners_of_its_own() {
    let text = "* @general\n\n[Documentation][2] @docs\ndocs/\nREADME.md @readme # @second\n\n^[Database] @db\nmodel/db/\n\
                docs/db/\n\n[documentation]\n*.txt @text\n[Empty]\n*.none\n";
    // Sections tell where the file lies, even at the root.
    let owners = |path: &str| owners_in_file("CODEOWNERS", text, path);
    for (path, expected) in [
        ("src/a.rs", "@general"),
        ("docs/a.md", "@general @docs"),
        ("README.md", "@general @readme @second"),
        ("docs/db/a.md", "@general @docs @db"),
        // Sections of one name are one, in which the last line counts.
        ("docs/a.txt", "@general @text"),
        ("a.none", "@general"),
    ] {
        assert_eq!(owners(path), expected, "{path}");
    }
    let found = Codeowners::read("CODEOWNERS", text).owners("docs/db/a.md").unwrap();
    assert_eq!(found.lines, [1, 4, 9]);
}

#[test]
fn what_gitlab_excepts_is_nobodys_in_its_section_wherever_the_line_stands() {
    let text = "!pom.xml\n* @all\n[Ruby]\n*.rb @ruby\n!/config/**/*.rb\n/config/late.rb @late\n";
    assert_eq!(gitlab(text, "pom.xml"), "nobody");
    assert_eq!(gitlab(text, "config/a/b.rb"), "@all");
    assert_eq!(gitlab(text, "config/late.rb"), "@all");
    assert_eq!(gitlab(text, "lib/a.rb"), "@all @ruby");
    assert_eq!(gitlab("* @@maintainer a@b.example\n", "a"), "@@maintainer a@b.example");
}

#[test]
fn a_folder_is_owned_by_who_owns_whatever_lies_in_it() {
    let text = "* @all\n/apps/chat/ @chat\n*.yaml @yaml\n/apps/chat/?.md @one\n";
    assert_eq!(github(text, "apps/chat/"), "@chat");
    assert_eq!(github(text, "apps/chat/deploy.yaml"), "@yaml");
    assert_eq!(github(text, "apps/"), "@all");
    assert!(means(github, "/apps/*", "apps/") && !means(github, "/apps/*", "apps/chat/"));
}

#[test]
fn lines_that_mean_nothing_are_skipped_and_told() {
    let text =
        "\u{feff}* @all\r\n!a @b\r\n\\#a @b\r\n[a-z].rb @b\r\n/a chat-team\r\n/ @b\r\na//b @c\r\na\\\r\n/b @ok\r\n";
    let read = Codeowners::read("CODEOWNERS", text);
    let told: Vec<String> = read
        .skipped
        .iter()
        .map(|(line, why)| format!("{line}: {why}"))
        .collect();
    assert_eq!(
        told,
        [
            "2: GitHub knows no patterns that except",
            "3: GitHub knows no escaped `#`",
            "4: GitHub knows no character ranges",
            "5: `chat-team` is no owner; one is such as @name, @org/team or an address",
            "6: the pattern has an empty name between slashes",
            "7: the pattern has an empty name between slashes",
            "8: the pattern ends with a backslash",
        ]
    );
    assert_eq!(read.owners("b").unwrap().names, ["@ok"]);
    assert_eq!(read.owners("a").unwrap().names, ["@all"]);
    let open = Codeowners::read(".gitlab/CODEOWNERS", "/a[b @c\n[] @d\n");
    let told: Vec<&str> = open.skipped.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(told, ["a bracket of the pattern is not closed"; 2]);
}

#[test]
fn a_pattern_that_could_be_matched_in_many_ways_takes_no_longer() {
    let pattern = "*a".repeat(2_000) + "b";
    let path = "a".repeat(4_000);
    assert!(!means(github, &pattern, &path));
    let deep = "**/".repeat(200) + "z";
    assert!(!means(github, &deep, &"a/".repeat(400)));
    assert!(means(github, &deep, &("a/".repeat(400) + "z")));
}

/// Whether a name is meant, tried in every way.
fn name_by_trial(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => name_by_trial(rest, name),
        (Some((b'*', rest)), Some((_, left))) => name_by_trial(rest, name) || name_by_trial(pattern, left),
        (Some((own, rest)), Some((c, left))) => (own == c || *own == b'?') && name_by_trial(rest, left),
        _ => false,
    }
}

/// Whether all of a path is meant, name by name, tried in every way.
fn path_by_trial(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), None) => path_by_trial(rest, path),
        (Some((&"**", rest)), Some((_, left))) => path_by_trial(rest, path) || path_by_trial(pattern, left),
        (Some((own, rest)), Some((name, left))) => {
            name_by_trial(own.as_bytes(), name.as_bytes()) && path_by_trial(rest, left)
        }
        _ => false,
    }
}

fn parts(most: usize, one: &'static str) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(one, 1..=most)
}

proptest! {
    #[test]
    fn a_pattern_means_what_trying_every_way_finds(
        pattern in parts(4, r"\*\*|[ab?*]{1,4}"), path in parts(5, "[ab]{1,4}"), rooted: bool
    ) {
        let whole = pattern.join("/");
        // What ends with `**` or `*` is read otherwise than name by name.
        prop_assume!(!whole.ends_with('*'));
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut names: Vec<&str> = pattern.iter().map(String::as_str).collect();
        let lead = if rooted { "/" } else { "" };
        if !rooted && names.len() == 1 {
            names.insert(0, "**");
        }
        // GitHub takes what lies below, too.
        let below = (1..=path.len()).any(|length| path_by_trial(&names, &path[..length]));
        prop_assert_eq!(means(github, &format!("{lead}{whole}"), &path.join("/")), below);
        if !rooted {
            names.insert(0, "**");
        }
        prop_assert_eq!(means(gitlab, &format!("{lead}{whole}"), &path.join("/")), path_by_trial(&names, &path));
    }

    #[test]
    fn any_text_is_read_line_by_line(text in r"[a/*?!#\[\]\\ @.^\n-]{0,60}", path in "[a/@ -]{0,20}") {
        for file in ["CODEOWNERS", ".gitlab/CODEOWNERS"] {
            let read = Codeowners::read(file, &text);
            let lines = text.lines().count() as u64;
            prop_assert!(read.skipped.iter().all(|(line, _)| (1..=lines).contains(line)));
            if let Some(owners) = read.owners(&path) {
                prop_assert!(!owners.names.is_empty() && owners.lines.iter().all(|line| (1..=lines).contains(line)));
            }
        }
    }
}
