//! What stands in one place and means others, too.

use super::*;

const SHARED: &str = "a: &x # base\n  n: 1\n  m: {k: 1}\nb: *x\nc:\n  <<: *x\n  own: 2\nd: &y 5\ne: [*y, {f: &z 1}]\n";

#[test]
fn what_others_share_is_not_edited_and_it_is_said_where() {
    for (at, line) in [
        ("/a/n", 1),
        ("/a/m/k", 1),
        ("/a/new", 1),
        ("/b/n", 4),
        ("/b", 4),
        ("/c/n", 6),
        ("/c/m/k", 6),
        ("/d", 8),
        ("/e/0", 9),
    ] {
        let error = set(SHARED, at, json!(7)).unwrap_err();
        let path = at.parse().unwrap();
        assert!(
            matches!(&error, YamlError::Shared { at, line: found, .. } if *at == path && *found == line),
            "{at}: {error}"
        );
        assert!(
            error.to_string().starts_with(&format!("{at}, line {line}: ")),
            "{error}"
        );
    }
    for at in ["/a", "/a/n", "/d", "/b/n", "/c/n"] {
        assert!(matches!(remove(SHARED, at), Err(YamlError::Shared { .. })), "{at}");
    }
}

#[test]
fn what_is_alone_beside_what_is_shared_is_edited() {
    for (at, value, line, new) in [
        ("/c/own", json!(3), "  own: 2", "  own: 3"),
        ("/c/more", json!(3), "  own: 2\n", "  own: 2\n  more: 3\n"),
        ("/e/1/f", json!(2), "&z 1", "&z 2"),
        ("/g", json!(1), "1}]\n", "1}]\ng: 1\n"),
    ] {
        assert_eq!(set(SHARED, at, value), Ok(SHARED.replace(line, new)), "{at}");
    }
    assert_eq!(remove(SHARED, "/b"), Ok(SHARED.replace("b: *x\n", "")));
    assert_eq!(remove("a: {b: &x 1, c: *x}\nd: 1\n", "/a").as_deref(), Ok("d: 1\n"));
}

#[test]
fn a_tag_that_would_lie_and_a_path_that_leads_nowhere_are_refused() {
    for (text, at, value) in [
        ("a: !!int 5\n", "/a", json!("x")),
        ("a: !mine 5\n", "/a", json!(6)),
        ("a: 5\n", "/a/b", json!(1)),
        ("a: [1]\n", "/a/5", json!(1)),
        ("a: [1]\n", "/a/x", json!(1)),
        ("a: 1\n", "/b/1", json!(1)),
    ] {
        assert!(
            matches!(set(text, at, value), Err(YamlError::NoPlace { .. })),
            "{at} of {text}"
        );
    }
    assert_eq!(
        edit("a: 1\n", 1, &[]),
        Err(YamlError::NoDocument { document: 1, of: 1 })
    );
    assert_eq!(edit("# a\n", 0, &[]), Err(YamlError::NoDocument { document: 0, of: 0 }));
}
