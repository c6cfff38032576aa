//! What goes, and what goes with it.

use super::*;

#[test]
fn a_key_goes_with_its_lines_and_no_others() {
    removes(&[
        ("a: 1\nb: 2 # two\nc: 3\n", "/b", "a: 1\nc: 3\n"),
        ("a: 1\nb: 2\n", "/b", "a: 1\n"),
        ("a: 1\nb: 2", "/b", "a: 1"),
        ("a: |\n  x\nb: 2", "/b", "a: |\n  x\n"),
        (
            "a: 1\nb:\n  - x\n  # in it\n  - u: 1\n    z: |\n      t\n\nc: 1\n",
            "/b",
            "a: 1\n\nc: 1\n",
        ),
        ("a:\n  b: 1\n  c: 2\nd: 1\n", "/a/c", "a:\n  b: 1\nd: 1\n"),
        ("a: x\n  u\n  z\nb: 1\n", "/a", "b: 1\n"),
        ("a: {\n  x: 1\n  } # c\nb: 1\n", "/a", "b: 1\n"),
        ("- name: a # n\n  b: 1\n- c\n", "/0/name", "- b: 1\n- c\n"),
        ("- name: a\n  # about b\n  b: 1\n", "/0/name", "- # about b\n  b: 1\n"),
        ("- name: a\n  b: 1\n- c\n", "/0/b", "- name: a\n- c\n"),
        ("a:\n- b\n- c # d\n", "/a/1", "a:\n- b\n"),
        ("- - a\n  - b\n", "/0/1", "- - a\n"),
    ]);
}

#[test]
fn the_last_member_leaves_an_empty_collection() {
    removes(&[
        ("a: # c\n  b: 1\nd: 1\n", "/a/b", "a: {} # c\nd: 1\n"),
        ("a:\n- b # x\nd: 1\n", "/a/0", "a: []\nd: 1\n"),
        ("a:\n  - b", "/a/0", "a: []"),
        ("- a: 1\n- b\n", "/0/a", "- {}\n- b\n"),
        ("- a: 1 # c\n", "/0/a", "- {} # c\n"),
        ("a: 1\n", "/a", "{}\n"),
        ("a: &x\n  b:\n    c: 1\n", "/a/b", "a: &x {}\n"),
        ("a:\n\n  # other: 1\n\n  b: 1\n", "/a/b", "a: {}\n\n  # other: 1\n\n"),
    ]);
}

#[test]
fn comments_go_only_with_what_they_are_about() {
    removes(&[
        (
            "x: 1\n\n# about a\n# and more\na: 1\n\nb: 2\n",
            "/a",
            "x: 1\n\n\nb: 2\n",
        ),
        (
            "x: 1\n# about a\na: 1\n# about b\nb: 2\n",
            "/a",
            "x: 1\n# about b\nb: 2\n",
        ),
        ("x: 1\n# about both\na: 1\nb: 2\n", "/a", "x: 1\n# about both\nb: 2\n"),
        (
            "x: 1\n# about what is above\n\na: 1\n",
            "/a",
            "x: 1\n# about what is above\n\n",
        ),
        ("s:\n  x: 1\n# not of s\n  a: 1\n", "/s/a", "s:\n  x: 1\n# not of s\n"),
        ("# of the file\na: 1\n\nb: 2\n", "/a", "# of the file\n\nb: 2\n"),
        ("- x\n# about u\n- u\n", "/1", "- x\n"),
        ("x: 1 # about x\na: 1\n", "/a", "x: 1 # about x\n"),
    ]);
}

#[test]
fn an_element_in_the_middle_is_taken_out_by_setting_its_list() {
    let text = "a:\n- b\n- c\n- d\n";
    let error = remove(text, "/a/1").unwrap_err();
    assert!(error.to_string().contains("set the sequence"), "{error}");
    assert_eq!(set(text, "/a", json!(["b", "d"])).as_deref(), Ok("a:\n- b\n- d\n"));
}
