//! A scalar in the place of another.

use super::*;

#[test]
fn only_the_value_changes() {
    sets(&[
        ("a: 1\n", "/a", json!(2), "a: 2\n"),
        ("a: 1", "/a", json!(2), "a: 2"),
        ("a:   1   # why\nb: 2\n", "/a", json!(20), "a:   20   # why\nb: 2\n"),
        ("a: x # 'y'\n", "/a", json!("z"), "a: z # 'y'\n"),
        (
            "a:\n  b:\n  - c: 1\n    d: é # ü\n",
            "/a/b/0/d",
            json!("ö"),
            "a:\n  b:\n  - c: 1\n    d: ö # ü\n",
        ),
        ("- a\n- b # c\n", "/1", json!("d"), "- a\n- d # c\n"),
        ("- - a\n  - b\n", "/0/1", json!("d"), "- - a\n  - d\n"),
        ("a:\n  b\n", "/a", json!("c"), "a:\n  c\n"),
        ("a: b\n  c\n  d # e\nf: g\n", "/a", json!("x"), "a: x # e\nf: g\n"),
        ("a: true\n", "/a", json!(null), "a: null\n"),
        ("a: 4\n", "/a", json!(true), "a: true\n"),
        ("? a\n: b\n", "/a", json!("c"), "? a\n: c\n"),
        ("a: !!str 5 # c\n", "/a", json!("6"), "a: !!str \"6\" # c\n"),
        ("a: &x 5\n", "/a", json!(6), "a: &x 6\n"),
        (
            "nvidia.com/gpu: 1\nnvidia: {com/gpu: 2}\n",
            "/nvidia.com~1gpu",
            json!(4),
            "nvidia.com/gpu: 4\nnvidia: {com/gpu: 2}\n",
        ),
        ("a: 1\n...\n", "/a", json!(2), "a: 2\n...\n"),
    ]);
}

#[test]
fn quotes_stay_and_come_where_they_must() {
    sets(&[
        ("a: \"x\"\n", "/a", json!("u"), "a: \"u\"\n"),
        ("a: 'x'\n", "/a", json!("it's"), "a: 'it''s'\n"),
        ("a: 'x'\n", "/a", json!(3), "a: 3\n"),
        ("a: \"3\"\n", "/a", json!("4"), "a: \"4\"\n"),
        ("a: x\n", "/a", json!("yes"), "a: \"yes\"\n"),
        ("a: x\n", "/a", json!("0x1f"), "a: \"0x1f\"\n"),
        ("a: x\n", "/a", json!("1e3"), "a: \"1e3\"\n"),
        ("a: x\n", "/a", json!("2001-01-01"), "a: \"2001-01-01\"\n"),
        ("a: x\n", "/a", json!("b: c"), "a: \"b: c\"\n"),
        ("a: x\n", "/a", json!(""), "a: \"\"\n"),
        ("a: yes\n", "/a", json!("yes"), "a: \"yes\"\n"),
        ("a: v1.2.3\n", "/a", json!("1.2.4"), "a: 1.2.4\n"),
        ("a: [x, 'u']\n", "/a/0", json!("b, c"), "a: [\"b, c\", 'u']\n"),
    ]);
}

#[test]
fn nothing_changes_where_it_is_so_already() {
    for (text, at, value) in [
        ("a:   0x10 # sixteen\n", "/a", json!(16)),
        ("mode: 0644\n", "/mode", json!(420)),
        ("a: {b:   [1, 2]}\n", "/a", json!({"b": [1, 2]})),
        ("a: *x\nb: 1\n", "/b", json!(1)),
        ("a: &x 1\nb: *x\n", "/b", json!(1)),
    ] {
        if text.contains("*x") && !text.contains("&x") {
            continue;
        }
        assert_eq!(set(text, at, value).as_deref(), Ok(text));
    }
    for at in ["/b", "/b/c", "/a/b", "/9"] {
        assert_eq!(remove("a: 1\n", at).as_deref(), Ok("a: 1\n"));
    }
}

#[test]
fn block_scalars_keep_their_indentation_and_their_kind() {
    sets(&[
        (
            "a: |  # how\n    one\n    two\n\nb: 1\n",
            "/a",
            json!("one\nthree\n  four\n"),
            "a: |  # how\n    one\n    three\n      four\n\nb: 1\n",
        ),
        ("a: |\n  x\n", "/a", json!("u"), "a: |-\n  u\n"),
        ("a: |\n  x", "/a", json!("u\n"), "a: |\n  u"),
        ("a: >-\n  x\n  u\nb: 1\n", "/a", json!("z w"), "a: >-\n  z w\nb: 1\n"),
        ("a: >\n  x\n", "/a", json!("z\nw\n"), "a: |\n  z\n  w\n"),
        ("a: |+\n  x\n\n\nb: 1\n", "/a", json!("u\n"), "a: |\n  u\nb: 1\n"),
        ("a: |\n  x\n\nb: 1\n", "/a", json!(5), "a: 5\n\nb: 1\n"),
        ("- |\n x\n- b\n", "/0", json!("u\nz\n"), "- |\n u\n z\n- b\n"),
        ("a: x # c\n", "/a", json!("u\nz"), "a: |- # c\n  u\n  z\n"),
        ("a: x\n", "/a", json!("u\n z \n"), "a: \"u\\n z \\n\"\n"),
        ("a: \"x\"\n", "/a", json!(" u\nz"), "a: \" u\\nz\"\n"),
        ("- x\n", "/0", json!("u\nz"), "- |-\n  u\n  z\n"),
    ]);
}

#[test]
fn texts_are_written_in_one_line_where_lines_could_be_misread() {
    sets(&[
        // Readers disagree on lines that end with the file.
        ("a: 1\nb: x", "/b", json!("y\nz\n"), "a: 1\nb: \"y\\nz\\n\""),
        // The comment below would be a line of the text.
        (
            "a:\n  b: x\n      # far in\n",
            "/a/b",
            json!("y\nz"),
            "a:\n  b: \"y\\nz\"\n      # far in\n",
        ),
    ]);
    let open = "a: 1\nb: |\n  x";
    assert!(matches!(set(open, "/c", json!(1)), Err(YamlError::Refused(_))));
    assert_eq!(set(open, "/a", json!(2)).as_deref(), Ok("a: 2\nb: |\n  x"));
    assert_eq!(set("b: |-\n  x", "/b", json!("y\n")).as_deref(), Ok("b: \"y\\n\""));
    assert_eq!(set("b: |-\n  x", "/c", json!(1)).as_deref(), Ok("b: |-\n  x\nc: 1"));
}
