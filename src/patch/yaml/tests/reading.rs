//! Streams as values.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_document_counts() {
    for (text, values) in [
        ("", vec![]),
        ("# nothing\n", vec![]),
        ("---\n", vec![json!(null)]),
        ("a: 1\n", vec![json!({"a": 1})]),
        (
            "a: 1\n---\n# empty\n---\nb: 2\n",
            vec![json!({"a": 1}), json!(null), json!({"b": 2})],
        ),
        ("---\na: 1\n---\n~\n...\n", vec![json!({"a": 1}), json!(null)]),
        (
            "%YAML 1.1\n---\na: yes\n...\n# x\n---\nb: 0644\n",
            vec![json!({"a": true}), json!({"b": 420})],
        ),
        (
            "\u{feff}a: 1\r\n---\r\nb: |\r\n  x\r\n",
            vec![json!({"a": 1}), json!({"b": "x\n"})],
        ),
        ("a: |\n  ---\n  x\n", vec![json!({"a": "---\nx\n"})]),
    ] {
        assert_eq!(documents(text), Ok(values), "{text:?}");
    }
    let many: String = (0..3_000).map(|n| format!("---\nn: {n}\n")).collect();
    assert_eq!(documents(&many).unwrap()[2_999], json!({"n": 2_999}));
    let comments = format!("a:\n{}  b: 1\n", "  # c\n".repeat(500));
    assert_eq!(documents(&comments), Ok(vec![json!({"a": {"b": 1}})]));
}

#[test]
fn what_is_no_manifest_is_refused_with_its_place() {
    for (text, line, column) in [
        ("a: 1\na: 2\n", 2, 1),
        ("a: 1\n b: 2\n", 2, 3),
        ("a: [1\n", 1, 4),
        ("a: *x\n", 1, 4),
    ] {
        let error = documents(text).unwrap_err();
        let YamlError::Syntax {
            line: l,
            column: c,
            what,
        } = &error
        else {
            panic!("{text:?}: {error}");
        };
        assert_eq!((*l, *c), (line, column), "{text:?}: {what}");
        assert!(!what.contains("line "), "{what}");
    }
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let alias = format!("*a{}", n - 1);
        bomb += &format!("a{n}: &a{n} [{}]\n", vec![alias; 10].join(", "));
    }
    assert!(matches!(documents(&bomb), Err(YamlError::Syntax { .. })));
    let large = " ".repeat(MOST_BYTES + 1);
    assert!(matches!(documents(&large), Err(YamlError::TooLarge { .. })));
    assert!(documents(&"[".repeat(100_000)).is_err());
    assert!(documents(&"- ".repeat(10_000)).is_err());
}

#[test]
fn a_template_is_told_from_what_only_looks_like_one() {
    for (text, line) in [
        ("a: 1\nb: {{ .Values.b }}\n", 2),
        ("# {{ not this }}\n{{- if .Values.x }}\na: 1\n{{- end }}\n", 2),
        ("a: \"{{ .Release.Name }}-x\"\n", 1),
        ("a: 1\nb: '{{- include \"x\" . }}'\n", 2),
    ] {
        assert_eq!(documents(text), Err(YamlError::Template { line }), "{text}");
        assert_eq!(set(text, "/a", json!(2)), Err(YamlError::Template { line }), "{text}");
    }
    for text in [
        "a: \"{{ $labels.pod }} is down\"\n",
        "a: '{{inputs.parameters.x}}'\n",
        "a: |\n  {{ .Values.x }}\n  y\n",
        "a: 1 # {{ .Values.x }}\n",
    ] {
        assert!(documents(text).is_ok(), "{text}");
    }
}

#[test]
fn differences_are_named_at_the_deepest_place() {
    let pointers = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<BTreeSet<Pointer>>()
    };
    let before = json!({"a": {"b": [1, 2, {"c": 1}], "d": 1}, "e": null});
    for (after, places) in [
        (before.clone(), pointers(&[])),
        (
            json!({"a": {"b": [1, 3, {"c": 2}], "d": 1}, "e": null}),
            pointers(&["/a/b/1", "/a/b/2/c"]),
        ),
        (
            json!({"a": {"b": [1], "d": {}}, "f": null}),
            pointers(&["/a/b/1", "/a/b/2", "/a/d", "/e", "/f"]),
        ),
        (json!([]), pointers(&[""])),
    ] {
        assert_eq!(changed(&before, &after), places);
    }
}
