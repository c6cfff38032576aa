//! Members that are added to blocks, and blocks in the place of something else.

use super::*;

#[test]
fn a_key_comes_at_the_end_of_its_mapping_in_the_column_of_its_siblings() {
    sets(&[
        ("a: 1\n", "/b", json!(2), "a: 1\nb: 2\n"),
        ("a: 1", "/b", json!(2), "a: 1\nb: 2"),
        (
            "a:\n    b: 1 # x\n\n# about d\nd: 1\n",
            "/a/c",
            json!("x"),
            "a:\n    b: 1 # x\n    c: x\n\n# about d\nd: 1\n",
        ),
        (
            "- name: a\n  b: 1\n- c\n",
            "/0/d",
            json!([]),
            "- name: a\n  b: 1\n  d: []\n- c\n",
        ),
        (
            "a:\n  b: |\n    x\n\n  # tail\nd: 1\n",
            "/a/c",
            json!(1),
            "a:\n  b: |\n    x\n  c: 1\n\n  # tail\nd: 1\n",
        ),
        (
            "a:\n  b: |+\n    x\n\n\nd: 1\n",
            "/a/c",
            json!(1),
            "a:\n  b: |+\n    x\n\n\n  c: 1\nd: 1\n",
        ),
        (
            "a:\n  b:\n  - x\nd: 1\n",
            "/a/c",
            json!(1),
            "a:\n  b:\n  - x\n  c: 1\nd: 1\n",
        ),
        ("a:\n  b:\nd: 1\n", "/a/c", json!(null), "a:\n  b:\n  c: null\nd: 1\n"),
        (
            "\"a\": 1\n\"b\": 2\n",
            "/c",
            json!("d"),
            "\"a\": 1\n\"b\": 2\n\"c\": d\n",
        ),
        ("a: 1\n", "/nvidia.com~1gpu", json!(1), "a: 1\nnvidia.com/gpu: 1\n"),
        ("a: 1\n", "/on", json!("off"), "a: 1\n\"on\": \"off\"\n"),
    ]);
}

#[test]
fn parents_are_built_in_the_indentation_of_the_document() {
    sets(&[
        (
            "a:\n   b:\n      c: 1\n",
            "/d/e/f",
            json!(1),
            "a:\n   b:\n      c: 1\nd:\n   e:\n      f: 1\n",
        ),
        ("a: 1\n", "/d/0/name", json!("x"), "a: 1\nd:\n  - name: x\n"),
        ("a:\n- 1\n", "/d/0/b/0", json!("x"), "a:\n- 1\nd:\n- b:\n  - x\n"),
        (
            "spec:\n  containers:\n  - name: a\n",
            "/spec/tolerations",
            json!([{"key": "k", "operator": "Exists"}, {"key": "l", "values": ["a", "1"]}]),
            "spec:\n  containers:\n  - name: a\n  tolerations:\n  - key: k\n    operator: Exists\n  - key: l\n    values:\n    - a\n    - \"1\"\n",
        ),
        (
            "a: 1\n",
            "/b",
            json!({"text": "x\nu\n", "name": "m"}),
            "a: 1\nb:\n  name: m\n  text: |\n    x\n    u\n",
        ),
    ]);
}

#[test]
fn what_is_empty_becomes_a_block() {
    sets(&[
        ("a: {}\nb: 1\n", "/a/c", json!(1), "a:\n  c: 1\nb: 1\n"),
        ("a: {} # why\n", "/a/c/d", json!(1), "a: # why\n  c:\n    d: 1\n"),
        ("a:\nb: 1\n", "/a/c", json!(1), "a:\n  c: 1\nb: 1\n"),
        ("a: # why\nb: 1\n", "/a", json!(1), "a: 1 # why\nb: 1\n"),
        ("a:  \nb: 1\n", "/a", json!(1), "a: 1\nb: 1\n"),
        ("a: ~\n", "/a/c", json!(1), "a:\n  c: 1\n"),
        ("a: []\n", "/a/0", json!("x"), "a:\n  - x\n"),
        ("b:\n- 1\na: []\n", "/a/0", json!("x"), "b:\n- 1\na:\n- x\n"),
        ("a: &x {}\n", "/a/c", json!(1), "a: &x\n  c: 1\n"),
        ("- {}\n- x\n", "/0/a", json!(1), "- a: 1\n- x\n"),
        ("- {} # c\n", "/0", json!({"a": 1, "b": 2}), "- a: 1 # c\n  b: 2\n"),
        ("- &x {}\n", "/0/a", json!(1), "- &x\n  a: 1\n"),
        ("-\n- x\n", "/0/a", json!(1), "- a: 1\n- x\n"),
        ("- []\n", "/0/0", json!("u"), "- - u\n"),
        ("a:\n  {}\n", "/a/b", json!([1]), "a:\n  b:\n    - 1\n"),
        ("a", "", json!({"a": [1]}), "a:\n  - 1"),
    ]);
    assert_eq!(set("---\n", "/a/b", json!(1)).as_deref(), Ok("---\na:\n  b: 1\n"));
    assert_eq!(set("---\n# c\n", "/a", json!(1)).as_deref(), Ok("---\na: 1\n# c\n"));
}

#[test]
fn an_element_is_written_as_its_siblings_are() {
    sets(&[
        (
            "a:\n- b # c\n# tail\nd: 1\n",
            "/a/1",
            json!("x"),
            "a:\n- b # c\n- x\n# tail\nd: 1\n",
        ),
        ("a:\n  -   b\n", "/a/1", json!("x"), "a:\n  -   b\n  -   x\n"),
        (
            "a:\n  -   b: 1\n      c: 2\n",
            "/a/1",
            json!({"b": 1, "c": [2]}),
            "a:\n  -   b: 1\n      c: 2\n  -   b: 1\n      c:\n        -   2\n",
        ),
        ("a:\n- \"b\"\n", "/a/1", json!("x"), "a:\n- \"b\"\n- \"x\"\n"),
        ("a:\n- 'b'\n", "/a/1", json!("x"), "a:\n- 'b'\n- 'x'\n"),
        ("a:\n- {b: 1}\n", "/a/1", json!({"b": "x"}), "a:\n- {b: 1}\n- {b: x}\n"),
        ("a:\n- --x=1\n", "/a/1", json!("--u=2"), "a:\n- --x=1\n- --u=2\n"),
        ("- - a\n  - b\n- c\n", "/0/2", json!("x"), "- - a\n  - b\n  - x\n- c\n"),
        ("a:\n-\n  b: 1\n", "/a/1", json!({"b": 2}), "a:\n-\n  b: 1\n- b: 2\n"),
        ("a:\n- b", "/a/1", json!("x"), "a:\n- b\n- x"),
    ]);
}

#[test]
fn a_list_that_is_set_changes_only_where_it_differs() {
    let args = "args:\n# the model\n- --model=a # big\n- --b\n# context\n- --len=1\n";
    sets(&[
        (
            args,
            "/args",
            json!(["--model=a", "--new", "--b", "--len=1"]),
            "args:\n# the model\n- --model=a # big\n- --new\n- --b\n# context\n- --len=1\n",
        ),
        (
            args,
            "/args",
            json!(["--model=a", "--b", "--len=2", "--x", "--u"]),
            "args:\n# the model\n- --model=a # big\n- --b\n# context\n- --len=2\n- --x\n- --u\n",
        ),
        (
            args,
            "/args",
            json!(["--model=a", "--len=1"]),
            "args:\n# the model\n- --model=a # big\n# context\n- --len=1\n",
        ),
        (
            args,
            "/args",
            json!(["--0", "--1", "--model=a", "--b", "--len=1"]),
            "args:\n- --0\n- --1\n# the model\n- --model=a # big\n- --b\n# context\n- --len=1\n",
        ),
        (
            "env:\n- name: A\n  value: a # a\n- name: B\n  value: b\n",
            "/env",
            json!([{"name": "M", "value": "1"}, {"name": "A", "value": "a"}, {"name": "B", "value": "c"}]),
            "env:\n- name: M\n  value: \"1\"\n- name: A\n  value: a # a\n- name: B\n  value: c\n",
        ),
        ("- - a\n  - b\n", "/0", json!(["x", "a", "b"]), "- - x\n  - a\n  - b\n"),
    ]);
}

#[test]
fn blocks_take_the_place_of_others_and_give_it() {
    sets(&[
        (
            "a: # c\n  b: 1\n  # d\n  e: 2 # f\ng: 1\n",
            "/a",
            json!("x"),
            "a: x # c\ng: 1\n",
        ),
        (
            "a: # c\n  b: 1\ng: 1\n",
            "/a",
            json!(["x", {"u": 1, "z": 2}]),
            "a: # c\n  - x\n  - u: 1\n    z: 2\ng: 1\n",
        ),
        (
            "a:\n- b: 1\n  c: 2 # x\n- d\n",
            "/a/0",
            json!("e"),
            "a:\n- e # x\n- d\n",
        ),
        (
            "a:\n- b: 1\n  c: 2\n- d\n",
            "/a/0",
            json!([1, 2]),
            "a:\n- - 1\n  - 2\n- d\n",
        ),
        ("a:\n  b: 1\nc: 2\n", "/a", json!("x\nu\n"), "a: |\n  x\n  u\nc: 2\n"),
        (
            "a: 5 # c\nb: 1\n",
            "/a",
            json!({"x": {"u": 1}}),
            "a: # c\n  x:\n    u: 1\nb: 1\n",
        ),
        ("a: |\n  x\n\nb: 1\n", "/a", json!({"x": 1}), "a:\n  x: 1\n\nb: 1\n"),
        (
            "- |\n  x\n- b\n",
            "/0",
            json!({"x": 1, "u": 2}),
            "- u: 2\n  x: 1\n- b\n",
        ),
        ("a:\n  b: 1\n", "/a", json!({}), "a: {}\n"),
        ("a:\n- b\n", "/a", json!([]), "a: []\n"),
    ]);
}

#[test]
fn edits_are_made_one_after_the_other() {
    let text = "spec: # s\n  replicas: 3\n  template:\n    x: 1\n";
    let edits = [
        change("/spec/replicas", None),
        change("/spec/template/u", Some(json!({}))),
        change("/spec/template/u/z", Some(json!(1))),
        change("/metadata/labels/a.b~1c", Some(json!("1"))),
    ];
    let after = "spec: # s\n  template:\n    x: 1\n    u:\n      z: 1\nmetadata:\n  labels:\n    a.b/c: \"1\"\n";
    assert_eq!(edit(text, 0, &edits).as_deref(), Ok(after));
    assert_eq!(edit(after, 0, &edits).as_deref(), Ok(after));
}
