//! A policy as YAML again, every value with the place it comes from.

use super::located::{Located, Value};

/// The effective policy: what stands in it when all files are laid over each other.
pub fn shown(root: &Located) -> String {
    let mut text = String::new();
    section(root, 0, &mut text);
    text
}

fn section(node: &Located, depth: usize, text: &mut String) {
    let Value::Map(entries) = &node.value else { return };
    let indent = "  ".repeat(depth);
    for (key, place, value) in entries {
        let key = plain(key);
        match &value.value {
            Value::Map(inner) if !inner.is_empty() => {
                text.push_str(&format!("{indent}{key}:\n"));
                section(value, depth + 1, text);
            }
            Value::List(items)
                if items
                    .iter()
                    .any(|item| matches!(item.value, Value::Map(_) | Value::List(_))) =>
            {
                text.push_str(&format!("{indent}{key}:\n"));
                for item in items {
                    let place = &item.place;
                    text.push_str(&format!("{indent}  - {} # {}:{}\n", flow(item), place.file, place.line));
                }
            }
            _ => {
                let shown = flow(value);
                let gap = if shown.is_empty() { "" } else { " " };
                text.push_str(&format!("{indent}{key}:{gap}{shown} # {}:{}\n", place.file, place.line));
            }
        }
    }
}

/// On one line.
fn flow(node: &Located) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => plain(value),
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, _, value)| format!("{}: {}", plain(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text as it is where nothing could take it for something else, quoted otherwise.
fn plain(text: &str) -> String {
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let words = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf",
    ];
    if begins && text.chars().all(letters) && !words.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::located::{Place, parse};
    use super::super::{PRESETS, layered};
    use super::*;

    /// Without places.
    fn bare(node: Located) -> Located {
        let nowhere = || Place {
            file: String::new(),
            line: 0,
            column: 0,
        };
        let value = match node.value {
            Value::List(items) => Value::List(items.into_iter().map(bare).collect()),
            Value::Map(entries) => {
                let entries = entries.into_iter().map(|(key, _, value)| (key, nowhere(), bare(value)));
                Value::Map(entries.collect())
            }
            other => other,
        };
        Located {
            value,
            place: nowhere(),
        }
    }

    #[test]
    fn what_is_shown_reads_as_what_it_shows() {
        let odd = "permissions:\n  freezes:\n    - {name: \"a: b # c\", until: 2027-01-01, namespaces: [n, \"no\", '1', \"\"]}\n  \
                   rules:\n    - name: q\n      expression: |\n        workload.name != \"x\\ty\"\n          && true\n      message: 'it''s'\n";
        for (name, _, text) in PRESETS.into_iter().chain([("odd", "odd.yaml", odd)]) {
            let root = layered(&[(name.to_owned(), text.to_owned())], &[]).unwrap();
            let again = parse("shown", &shown(&root)).unwrap();
            assert_eq!(bare(again), bare(root), "{name}");
        }
    }

    #[test]
    fn every_value_names_the_file_and_line_that_says_so() {
        let text = "permissions:\n  least_monthly_saving: 50\n";
        let root = layered(&[("mine.yaml".to_owned(), text.to_owned())], &[]).unwrap();
        let shown = shown(&root);
        assert!(shown.contains("  least_monthly_saving: 50 # mine.yaml:2\n"), "{shown}");
        assert!(shown.contains("  timezone: UTC # policies/default.yaml:"), "{shown}");
        let values = shown.lines().filter(|line| !line.ends_with(':'));
        assert!(values.clone().all(|line| line.contains(" # ")), "{shown}");
    }
}
