//! What the README shows is what the binary prints.

use std::process::Command;

#[test]
fn the_output_in_the_readme_is_current() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("```text\n").unwrap();
    let (shown, _) = rest.split_once("\n```").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args(["analyze", "--demo"])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.starts_with(shown),
        "the README shows\n{shown}\nand it prints\n{printed}"
    );
}
