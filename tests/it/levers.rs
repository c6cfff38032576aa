//! A lever is one thing under one name: its id, its file, its page, its settings and its folder of cases.

use std::path::Path;

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;

use crate::cases::{self, Expect};

#[test]
fn a_levers_id_is_its_file_its_page_its_settings_and_its_folder_of_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let settings = std::fs::read_to_string(root.join("policies/default.yaml")).unwrap();
    let ids: Vec<&str> = judge.levers().iter().map(|lever| lever.id()).collect();
    assert!(ids.len() >= 2);
    for lever in judge.levers() {
        let (id, stem) = (lever.id(), lever.id().replace('-', "_"));
        assert!(
            root.join(format!("src/recommenders/{stem}.rs")).is_file(),
            "{id} has no file of its name"
        );
        let page = std::fs::read_to_string(root.join(format!("src/recommenders/{stem}.md"))).unwrap();
        assert!(
            page.starts_with(&format!("# {id}\n")) && page == lever.page(),
            "{id} has another page"
        );
        assert!(settings.contains(&format!("\n  {id}:\n")), "{id} has no settings");
    }
    let folders = cases::all();
    for id in &ids {
        let (_, cases) = folders
            .iter()
            .find(|(folder, _)| folder == id)
            .unwrap_or_else(|| panic!("{id} has no folder in tests/cases"));
        let any = |is: fn(&Expect) -> bool| cases.iter().any(|(_, case)| is(&case.expect));
        assert!(
            any(|e| matches!(e, Expect::Change(_) | Expect::HeldBack(_))),
            "{id} has no case in which it proposes something"
        );
        assert!(
            any(|e| matches!(e, Expect::Keep(_))),
            "{id} has no case in which it keeps"
        );
        assert!(
            any(|e| matches!(e, Expect::Unknown(_))),
            "{id} has no case in which it cannot tell"
        );
    }
    for (folder, _) in &folders {
        assert!(ids.contains(&folder.as_str()), "{folder} has cases and is no lever");
    }
    // A page without a lever explains nothing that exists.
    for entry in std::fs::read_dir(root.join("src/recommenders")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let id = path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
            assert!(ids.contains(&id.as_str()), "{id} is a page and no lever");
        }
    }
}
