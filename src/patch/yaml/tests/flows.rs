//! Flow collections and JSON.

use super::*;

#[test]
fn flow_maps_stay_flow_maps() {
    sets(&[
        (
            "r: {cpu: 8, memory: 64Gi} # c\n",
            "/r/memory",
            json!("32Gi"),
            "r: {cpu: 8, memory: 32Gi} # c\n",
        ),
        ("r: {cpu: 8}\n", "/r/gpu", json!("1"), "r: {cpu: 8, gpu: \"1\"}\n"),
        (
            "r: { cpu: 8 }\n",
            "/r/x",
            json!({"u": [1, "a b"]}),
            "r: { cpu: 8, x: { u: [1, a b] } }\n",
        ),
        ("r: {cpu: 8, }\n", "/r/x", json!(1), "r: {cpu: 8, x: 1, }\n"),
        ("r: {cpu: 8}\n", "/r/cpu", json!({"a": 1}), "r: {cpu: {a: 1}}\n"),
        ("r: {cpu: {}}\n", "/r/cpu/a", json!(1), "r: {cpu: {a: 1}}\n"),
        ("r: {cpu: , b}\n", "/r/cpu", json!(1), "r: {cpu: 1 , b}\n"),
        ("r: {cpu: , b}\n", "/r/b", json!(1), "r: {cpu: , b: 1}\n"),
        ("a: [x, u]\n", "/a/2", json!("z, w"), "a: [x, u, \"z, w\"]\n"),
        ("a: ['x', 'u']\n", "/a/2", json!("z"), "a: ['x', 'u', 'z']\n"),
        ("a: [\"x\"]\n", "/a/1", json!("z"), "a: [\"x\", \"z\"]\n"),
        ("a: [1, 3]\n", "/a", json!([1, 2, 3]), "a: [1, 2, 3]\n"),
        ("a: [1, 2, 3]\n", "/a", json!([1, 3]), "a: [1, 3]\n"),
        ("a: [1]\n", "/a", json!({"b": 1}), "a: {b: 1}\n"),
        ("a: {b: 1}\n", "/a", json!("c"), "a: c\n"),
        ("a: {b: x}\n", "/a/b", json!("l\nm"), "a: {b: \"l\\nm\"}\n"),
    ]);
}

#[test]
fn a_pair_without_braces_gets_them() {
    sets(&[
        ("a: [x, b: 1]\n", "/a/1/c", json!(2), "a: [x, {b: 1, c: 2}]\n"),
        ("a: [x, b: 1]\n", "/a/1/b", json!(2), "a: [x, b: 2]\n"),
        ("a: [b: 1, x]\n", "/a/0", json!("u"), "a: [u, x]\n"),
    ]);
    removes(&[("a: [x, b: 1]\n", "/a/1/b", "a: [x, {}]\n")]);
}

#[test]
fn members_in_lines_of_their_own_stay_so() {
    sets(&[
        (
            "r: {\n  cpu: 8, # c\n  memory: 1 # m\n}\n",
            "/r/gpu",
            json!(1),
            "r: {\n  cpu: 8, # c\n  memory: 1, # m\n  gpu: 1\n}\n",
        ),
        (
            "a: [\n  x,\n  u,  # c\n]\n",
            "/a/2",
            json!("z"),
            "a: [\n  x,\n  u,  # c\n  z,\n]\n",
        ),
        ("a: [\n  x,\n  u]\n", "/a/2", json!("z"), "a: [\n  x,\n  u,\n  z]\n"),
        (
            "a: [\n  x,\n  u\n]\n",
            "/a",
            json!(["w", "x", "u"]),
            "a: [\n  w,\n  x,\n  u\n]\n",
        ),
        ("a: [b,\n  c]\n", "/a", json!(["b"]), "a: [b]\n"),
    ]);
}

#[test]
fn json_stays_json() {
    let file =
        "{\n  \"kind\": \"Pod\",\n  \"spec\": {\n    \"replicas\": 1,\n    \"args\": [\n      \"a\"\n    ]\n  }\n}\n";
    for (at, value, line, new) in [
        ("/spec/replicas", json!(2), "\"replicas\": 1", "\"replicas\": 2"),
        (
            "/spec/args/1",
            json!("yes"),
            "      \"a\"\n",
            "      \"a\",\n      \"yes\"\n",
        ),
        (
            "/metadata",
            json!({"name": "x", "l": ["1"]}),
            "    ]\n  }\n",
            "    ]\n  },\n  \"metadata\": {\n    \"name\": \"x\",\n    \"l\": [\n      \"1\"\n    ]\n  }\n",
        ),
        (
            "/spec/args",
            json!({"x": null}),
            "[\n      \"a\"\n    ]",
            "{\n      \"x\": null\n    }",
        ),
    ] {
        let edited = set(file, at, value).unwrap();
        assert_eq!(edited, file.replace(line, new), "{at}");
        assert!(serde_json::from_str::<Value>(&edited).is_ok(), "{edited}");
    }
    assert_eq!(set("{}", "/a", json!("x")).as_deref(), Ok("{\"a\": \"x\"}"));
    assert_eq!(
        set("{\"a\":1}\n", "/b", json!([{}])).as_deref(),
        Ok("{\"a\":1, \"b\": [{}]}\n")
    );
    assert_eq!(
        set("{\n\t\"a\": 1\n}\n", "/b", json!(2)).as_deref(),
        Ok("{\n\t\"a\": 1,\n\t\"b\": 2\n}\n")
    );
    for at in ["/kind", "/spec", "/spec/replicas", "/spec/args"] {
        let edited = remove(file, at).unwrap();
        assert!(serde_json::from_str::<Value>(&edited).is_ok(), "{edited}");
    }
}

#[test]
fn members_of_flow_collections_go_with_their_commas() {
    removes(&[
        ("r: {a: 1, b: 2, c: 3}\n", "/r/a", "r: {b: 2, c: 3}\n"),
        ("r: {a: 1, b: 2, c: 3}\n", "/r/b", "r: {a: 1, c: 3}\n"),
        ("r: {a: 1, b: 2, c: 3}\n", "/r/c", "r: {a: 1, b: 2}\n"),
        ("r: { a: 1 }\n", "/r/a", "r: {}\n"),
        ("r: {\n  a: 1, # x\n  b: 2 # u\n}\n", "/r/a", "r: {\n  b: 2 # u\n}\n"),
        ("r: {\n  a: 1, # x\n  b: 2 # u\n}\n", "/r/b", "r: {\n  a: 1 # x\n}\n"),
        ("r: {\n  a: 1,\n  b: 2,\n}\n", "/r/b", "r: {\n  a: 1,\n}\n"),
        ("r: [a, b, ]\n", "/r/1", "r: [a, ]\n"),
    ]);
}
