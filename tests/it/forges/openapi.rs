//! Requests to the fake GitHub are held against GitHub's own description of its API (`github.json`, an extract).

use std::sync::LazyLock;

use serde_json::Value;

use super::hub::Ask;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("github.json")).unwrap());

/// Fails where a request is none of the described ones, or not as it is described.
pub(super) fn check(ask: &Ask) {
    let operations = DESCRIPTION["operations"].as_array().unwrap();
    let fits = |operation: &&Value| operation["method"] == *ask.method && is_at(&operation["path"], &ask.path);
    let Some(operation) = operations.iter().find(fits) else {
        panic!("GitHub describes no {} {}", ask.method, ask.target);
    };
    for (name, value) in &ask.query {
        // Lists without pages ignore them.
        if let Some(schema) = operation["query"].get(name) {
            let typed = value
                .parse::<u64>()
                .map_or_else(|_| Value::from(value.as_str()), Value::from);
            let wrong = mistake(schema, &typed, name);
            assert!(wrong.is_none(), "{}: {}", ask.target, wrong.unwrap());
        } else {
            assert!(
                matches!(name.as_str(), "page" | "per_page"),
                "{}: unknown field {name}",
                ask.target
            );
        }
    }
    match &operation["body"] {
        Value::Null => assert_eq!(ask.body, Value::Null, "{} {} takes no body", ask.method, ask.target),
        schema => {
            let wrong = mistake(schema, &ask.body, "body");
            assert!(wrong.is_none(), "{} {}: {}", ask.method, ask.target, wrong.unwrap());
        }
    }
}

/// Whether a path is this template's; a name in braces at its end may hold slashes.
fn is_at(template: &Value, path: &[String]) -> bool {
    let parts: Vec<&str> = template.as_str().unwrap().split('/').skip(1).collect();
    let open = parts.last().is_some_and(|last| *last == "{ref}");
    let long = if open {
        path.len() >= parts.len()
    } else {
        path.len() == parts.len()
    };
    long && parts
        .iter()
        .zip(path)
        .all(|(part, given)| part.starts_with('{') || part == given)
}

/// What is wrong with a value, for the part of JSON Schema that GitHub uses here. A field that is not described is wrong, too:
/// it would be ignored.
fn mistake(schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let all: Vec<String> = choices.iter().filter_map(|choice| mistake(choice, value, at)).collect();
        return (all.len() == choices.len()).then(|| all.join(" or "));
    }
    if value.is_null() && schema["nullable"] == true {
        return None;
    }
    let typed = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !typed {
        return Some(format!("{at} is no {}: {value}", schema["type"]));
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
        return Some(format!("{at} is none of {choices:?}: {value}"));
    }
    if let Some(items) = value.as_array() {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        if u64::try_from(items.len()).unwrap() < least {
            return Some(format!("{at} has fewer than {least}"));
        }
        return items.iter().find_map(|item| mistake(&schema["items"], item, at));
    }
    let fields = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required
        .filter_map(Value::as_str)
        .find(|name| !fields.contains_key(*name))
    {
        return Some(format!("{at} has no {missing}"));
    }
    fields
        .iter()
        .find_map(|(name, value)| match schema["properties"].get(name) {
            Some(schema) => mistake(schema, value, &format!("{at}.{name}")),
            None => Some(format!("{at} has an unknown field {name}")),
        })
}

#[test]
fn what_github_does_not_describe_is_found() {
    let ask = |method: &str, path: &str, body: Value| Ask {
        method: method.to_owned(),
        target: path.to_owned(),
        path: path.split('/').skip(1).map(str::to_owned).collect(),
        query: Default::default(),
        headers: Default::default(),
        body,
    };
    check(&ask(
        "GET",
        "/repos/acme/ml/git/ref/heads/gpuwise/prod/chat",
        Value::Null,
    ));
    check(&ask(
        "PATCH",
        "/repos/acme/ml/pulls/7",
        serde_json::json!({"state": "closed"}),
    ));
    for (method, path, body) in [
        ("GET", "/repos/acme/ml/git/refs/heads/main", Value::Null),
        ("PATCH", "/repos/acme/ml/pulls/7", serde_json::json!({"state": "close"})),
        ("PATCH", "/repos/acme/ml/pulls/7", serde_json::json!({"labels": []})),
        ("POST", "/repos/acme/ml/pulls", serde_json::json!({"head": "x"})),
        (
            "POST",
            "/repos/acme/ml/issues/7/labels",
            serde_json::json!({"labels": []}),
        ),
        (
            "POST",
            "/repos/acme/ml/issues/7/comments",
            serde_json::json!({"body": 7}),
        ),
    ] {
        let wrong = ask(method, path, body);
        assert!(std::panic::catch_unwind(|| check(&wrong)).is_err(), "{method} {path}");
    }
}
