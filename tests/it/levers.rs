//! A lever is one thing under one name: its id, its file, its page and its settings.

use std::path::Path;

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;

#[test]
fn a_levers_id_is_its_file_its_page_and_its_settings() {
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
    // A page without a lever explains nothing that exists.
    for entry in std::fs::read_dir(root.join("src/recommenders")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let id = path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
            assert!(ids.contains(&id.as_str()), "{id} is a page and no lever");
        }
    }
}
