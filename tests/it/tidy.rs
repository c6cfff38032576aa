//! The laws of the house. Each check is a pure function over (path, text), so that it is itself tested to fail.

use std::fs;
use std::path::Path;

const LINES_PER_FILE: usize = 400;
const LINES_PER_FUNCTION: usize = 70;

/// Rooms that may touch the world.
const EFFECTFUL: [&str; 5] = ["sources", "deliver", "pipeline", "service", "cli"];

/// What touches the world: I/O, the environment, the wall clock.
const EFFECTS: [&str; 12] = [
    "tokio::",
    "reqwest::",
    "kube::",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
];

struct File {
    /// Relative to the repository, with forward slashes.
    path: String,
    text: String,
}

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn read_tree(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(File {
                    path: name,
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The rooms in the order in which `src/lib.rs` lists them.
fn rooms(lib: &str) -> Vec<String> {
    modules(lib)
}

/// The files that a module file declares, by name.
fn modules(text: &str) -> Vec<String> {
    let declared = |line: &str| {
        let line = line.trim();
        let line = line
            .strip_prefix("pub(crate) ")
            .or_else(|| line.strip_prefix("pub "))
            .unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    text.lines().filter_map(declared).collect()
}

/// The room a file of `src/` stands in; the roots stand in none.
fn room_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let room = inside.split('/').next()?.trim_end_matches(".rs");
    (!matches!(room, "lib" | "main")).then_some(room)
}

/// The rooms that a text names as `crate::room`.
fn imports(text: &str) -> Vec<&str> {
    let name = |rest: &'_ str| {
        rest.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len())
    };
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| &rest[..name(rest)])
        .collect()
}

fn check_imports(files: &[File], rooms: &[String]) -> Vec<String> {
    let place = |room: &str| rooms.iter().position(|r| r == room);
    let mut broken = Vec::new();
    for file in files {
        let Some(here) = room_of(&file.path).and_then(place) else {
            continue;
        };
        for import in imports(&file.text) {
            if place(import).is_some_and(|there| there > here) {
                broken.push(format!("{}: imports `{import}`, a room below its own", file.path));
            }
        }
    }
    broken
}

fn check_effects(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        if room_of(&file.path).is_none_or(|room| EFFECTFUL.contains(&room)) {
            continue;
        }
        for line in file.text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for effect in EFFECTS.iter().filter(|effect| line.contains(**effect)) {
                broken.push(format!("{}: `{effect}` in a room without effects", file.path));
            }
        }
    }
    broken
}

/// Files that no `mod` reaches: they are not compiled, and drift.
fn check_reachable(files: &[File], roots: &[&str]) -> Vec<String> {
    let mut reached: Vec<String> = Vec::new();
    let mut open: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
    while let Some(path) = open.pop() {
        let Some(file) = files.iter().find(|file| file.path == path) else {
            continue;
        };
        let folder = match path.rsplit_once('/') {
            Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder.to_owned(),
            _ => path.trim_end_matches(".rs").to_owned(),
        };
        for module in modules(&file.text) {
            open.push(format!("{folder}/{module}.rs"));
            open.push(format!("{folder}/{module}/mod.rs"));
        }
        reached.push(path);
    }
    let unreached = files.iter().filter(|file| !reached.contains(&file.path));
    unreached
        .map(|file| format!("{}: no `mod` reaches it", file.path))
        .collect()
}

fn check_shape(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        if !file.text.starts_with("//! ") {
            broken.push(format!("{}: does not open with a `//!` sentence", file.path));
        }
        let lines = file.text.lines().count();
        if lines > LINES_PER_FILE {
            broken.push(format!("{}: {lines} lines; split it by meaning", file.path));
        }
        for (name, length) in functions(&file.text) {
            if length > LINES_PER_FUNCTION {
                broken.push(format!("{}: `{name}` has {length} lines", file.path));
            }
        }
    }
    broken
}

/// The functions of formatted source, with their length in lines: a body ends at the first brace of its own indent.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(at) = code.find("fn ") else { continue };
        let leads = |word: &str| word.starts_with("pub") || matches!(word, "async" | "const");
        if !code[..at].split_whitespace().all(leads) {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - code.len()]);
        let rest = &lines[start..];
        let Some(signature) = rest
            .iter()
            .position(|l| l.ends_with('{') || l.ends_with('}') || l.ends_with(';'))
        else {
            continue;
        };
        if rest[signature].ends_with('{')
            && let Some(end) = rest.iter().position(|l| **l == close)
        {
            let name: String = code[at + 3..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.push((name, end + 1));
        }
    }
    found
}

#[test]
fn the_house_keeps_its_laws() {
    let (source, tests) = (read_tree("src"), read_tree("tests/it"));
    let targets = read_tree("tests/fuzz/src");
    let lib = source.iter().find(|file| file.path == "src/lib.rs").unwrap();
    let rooms = rooms(&lib.text);
    assert!(
        rooms.contains(&"model".to_owned()),
        "the rooms were not found in src/lib.rs"
    );
    let broken: Vec<String> = [
        check_imports(&source, &rooms),
        check_effects(&source),
        check_reachable(&source, &["src/lib.rs", "src/main.rs"]),
        check_reachable(&tests, &["tests/it/main.rs"]),
        check_shape(&source),
        check_shape(&tests),
        check_shape(&targets),
    ]
    .concat();
    assert!(broken.is_empty(), "the house breaks its laws:\n{}", broken.join("\n"));
}

#[test]
fn an_import_that_points_down_is_named() {
    let rooms = ["model".to_owned(), "engine".to_owned()];
    let down = file("src/model/plan.rs", "use crate::engine::Ask;");
    assert_eq!(check_imports(&[down], &rooms).len(), 1);
    let up = file(
        "src/engine/mod.rs",
        "use crate::model::plan::Plan;\nuse crate::engine::ask;",
    );
    assert!(check_imports(&[up], &rooms).is_empty());
}

#[test]
fn an_effect_in_a_pure_room_is_named() {
    let text = "use std::fs::read;\n// std::env in a comment is none";
    assert_eq!(check_effects(&[file("src/engine/price.rs", text)]).len(), 1);
    assert!(check_effects(&[file("src/sources/mod.rs", text)]).is_empty());
}

#[test]
fn a_file_that_no_module_reaches_is_named() {
    let files = [
        file("src/lib.rs", "pub mod a;"),
        file("src/a/mod.rs", "mod b;"),
        file("src/a/b.rs", ""),
    ];
    assert!(check_reachable(&files, &["src/lib.rs"]).is_empty());
    let orphan = [
        file("src/lib.rs", "pub mod a;"),
        file("src/a.rs", ""),
        file("src/b.rs", ""),
    ];
    assert_eq!(
        check_reachable(&orphan, &["src/lib.rs"]),
        ["src/b.rs: no `mod` reaches it"]
    );
}

#[test]
fn a_long_function_a_long_file_and_a_silent_file_are_named() {
    let body = "    work();\n".repeat(LINES_PER_FUNCTION);
    let long = file("src/a.rs", &format!("//! A.\nfn long(\n    x: u8,\n) {{\n{body}}}\n"));
    assert_eq!(check_shape(&[long]).len(), 1);
    assert_eq!(check_shape(&[file("src/a.rs", "fn silent() {}\n")]).len(), 1);
    let tall = "//! A.\n".repeat(LINES_PER_FILE + 1);
    assert_eq!(check_shape(&[file("src/a.rs", &tall)]).len(), 1);
}
