//! Manifests: an edit changes what it says and nothing else, or is refused; made twice it is made once; nothing makes it fall.

#![no_main]

use gpuwise::patch::yaml::{Change, Edit, Pointer, changed, documents, edit};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

// A pointer, a value as JSON or none, and the manifests, form feeds between them.
fuzz_target!(|text: &str| {
    let mut parts = text.splitn(3, '\u{c}');
    let (Some(at), Some(value), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let (Ok(at), Ok(before)) = (at.parse::<Pointer>(), documents(text)) else {
        return;
    };
    assert_eq!(at.to_string().parse(), Ok(at.clone()));
    let change = serde_json::from_str::<Value>(value).map_or(Change::Remove, Change::Set);
    let edits = [Edit { at, change }];
    for document in 0..before.len() {
        let Ok(after) = edit(text, document, &edits) else {
            continue;
        };
        let now = documents(&after).expect("what was edited is read");
        assert_eq!(now.len(), before.len());
        for (number, (old, new)) in before.iter().zip(&now).enumerate() {
            let at = &edits[0].at.0;
            for place in changed(old, new) {
                let place: Vec<String> = place.0.iter().map(ToString::to_string).collect();
                let at: Vec<String> = at.iter().map(ToString::to_string).collect();
                let one_way = place.starts_with(&at) || at.starts_with(&place);
                assert!(
                    number == document && one_way,
                    "{place:?} of document {number} changed, too"
                );
            }
        }
        assert_eq!(edit(&after, document, &edits), Ok(after));
    }
});
