//! What the README shows is what the binary prints.

use crate::binary;

#[test]
fn the_output_in_the_readme_is_current() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("```text\n").unwrap();
    let (shown, _) = rest.split_once("\n```").unwrap();
    let printed = binary::run(&["analyze", "--demo"]).printed();
    assert!(
        printed.starts_with(shown),
        "the README shows\n{shown}\nand it prints\n{printed}"
    );
}
