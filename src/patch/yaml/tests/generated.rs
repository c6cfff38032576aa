//! Documents in many styles, edited at random: the values come to what is meant, and every line and comment elsewhere stays.

use std::ops::Range;

use proptest::prelude::*;

use super::*;

/// How the values of a document are written.
#[derive(Debug, Clone)]
enum Written {
    /// What stands behind the key or dash, and lines a step further in.
    Lines(&'static str, &'static [&'static str]),
    Map(Vec<(Written, Comments)>),
    Seq(Vec<(Written, Comments)>),
}

/// What stands around a member.
#[derive(Debug, Clone, Copy)]
struct Comments {
    blank: bool,
    above: bool,
    beside: bool,
}

const LEAVES: [(&str, &[&str]); 26] = [
    ("1", &[]),
    ("x", &[]),
    ("\"yes\"", &[]),
    ("'it''s'", &[]),
    ("1.5", &[]),
    ("on", &[]),
    ("~", &[]),
    ("", &[]),
    ("a b#c", &[]),
    ("http://a:80/b", &[]),
    ("\"é\\n # no\"", &[]),
    ("{}", &[]),
    ("[]", &[]),
    ("{a: 1, b: [x, \"y\"], c: {}}", &[]),
    ("{ a: x }", &[]),
    ("[1, 'q, r', [2]]", &[]),
    ("{\"a\":1,\"b\":[true]}", &[]),
    ("{", &["a: 1, # k", "b: 2", "}"]),
    ("[", &["\"a\",", "b: c,", "]"]),
    ("|", &["l1", "  l2"]),
    ("|-", &["# no comment", "- x"]),
    (">-", &["folded", "text"]),
    ("|+", &["kept", ""]),
    ("plain", &["goes on"]),
    ("\"quoted", &["goes on\""]),
    ("!!str 5", &[]),
];

const KEYS: [&str; 7] = ["a", "b-c", "nvidia.com/gpu", "\"q\"", "'k 1'", "name", "é"];

fn written() -> impl Strategy<Value = Written> {
    let leaf = prop::sample::select(LEAVES.to_vec()).prop_map(|(head, lines)| Written::Lines(head, lines));
    leaf.prop_recursive(4, 40, 5, |inner| {
        let comments = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(blank, above, beside)| Comments {
            blank,
            above,
            beside,
        });
        let members = prop::collection::vec((inner, comments), 1..5);
        prop_oneof![members.clone().prop_map(Written::Map), members.prop_map(Written::Seq)]
    })
}

/// A text that is being written, its lines without breaks, and the lines of every place.
#[derive(Default)]
struct Sheet {
    lines: Vec<String>,
    places: Vec<(Pointer, Range<usize>)>,
    step: usize,
    dash: usize,
}

impl Sheet {
    fn comment(&self, sign: &str) -> String {
        format!("{sign}# c{} \"{{x: -", self.lines.len())
    }

    /// Writes what follows a key or dash in this column, whose line is the last.
    fn value(&mut self, at: &Pointer, value: &Written, column: usize, beside: bool, in_item: bool) {
        let first = self.lines.len() - 1;
        match value {
            Written::Lines(head, more) => {
                let comment = if beside && !matches!(*head, "plain" | "\"quoted" | "{" | "[") {
                    self.comment(" ")
                } else {
                    String::new()
                };
                let space = if head.is_empty() { "" } else { " " };
                self.lines[first] += &format!("{space}{head}{comment}");
                for line in *more {
                    let indent = if line.is_empty() { 0 } else { column + self.step.max(2) };
                    self.lines.push(format!("{:indent$}{line}", ""));
                }
            }
            Written::Map(members) | Written::Seq(members) => {
                let seq = matches!(value, Written::Seq(_));
                // The first member may stand beside the dash.
                let compact = in_item && !members[0].1.blank && !members[0].1.above;
                if !compact && beside {
                    let comment = self.comment(" ");
                    self.lines[first] += &comment;
                }
                let column = match (in_item, seq) {
                    (true, _) => column + 2,
                    (false, true) => column + self.dash,
                    (false, false) => column + self.step,
                };
                self.members(at, members, column, seq, compact);
            }
        }
        let end = self.lines.len();
        self.places.push((at.clone(), first..end));
    }

    fn members(&mut self, at: &Pointer, members: &[(Written, Comments)], column: usize, seq: bool, compact: bool) {
        for (index, (value, comments)) in members.iter().enumerate() {
            let compact = compact && index == 0;
            if comments.blank && !compact {
                self.lines.push(String::new());
            }
            if comments.above && !compact {
                let comment = self.comment("");
                self.lines.push(format!("{:column$}{comment}", ""));
            }
            let key = KEYS[(index + column) % KEYS.len()];
            let (mark, step) = match seq {
                true => ("-".to_owned(), Step::Index(index)),
                false => (format!("{key}:"), Step::Key(key.trim_matches(['"', '\'']).to_owned())),
            };
            match self.lines.last_mut() {
                Some(last) if compact => *last += &format!(" {mark}"),
                _ => self.lines.push(format!("{:column$}{mark}", "")),
            }
            let at = Pointer(at.0.iter().cloned().chain([step]).collect());
            self.value(&at, value, column, comments.beside, seq);
        }
    }
}

#[derive(Clone)]
struct Case {
    text: String,
    places: Vec<(Pointer, Range<usize>)>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} which is\n{}", self.text, self.text)
    }
}

fn case() -> impl Strategy<Value = Case> {
    let members = written().prop_filter("a document holds something", |root| !matches!(root, Written::Lines(..)));
    let style = (2..5_usize, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (members, style).prop_map(|(root, (step, inset, windows, last, head))| {
        let dash = if inset { step } else { 0 };
        let mut sheet = Sheet {
            step,
            dash,
            ..Sheet::default()
        };
        if head {
            sheet.lines.extend(["# head".to_owned(), "---".to_owned()]);
        }
        let seq = matches!(root, Written::Seq(_));
        if let Written::Map(members) | Written::Seq(members) = &root {
            sheet.members(&Pointer::default(), members, 0, seq, false);
        }
        let newline = if windows { "\r\n" } else { "\n" };
        let mut text = sheet.lines.join(newline);
        // Without its last line break a block scalar says something else.
        if last || text.contains('|') {
            text += newline;
        }
        Case {
            text,
            places: sheet.places,
        }
    })
}

fn values() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(7),
        json!(2.5),
        json!(false),
        json!(null),
        json!("plain"),
        json!("no"),
        json!("0x1f"),
        json!("a: b # c"),
        json!("two\nlines\n"),
        json!(" odd \n\n"),
        json!({}),
        json!([]),
        json!({"m": {"o": [1, "2"]}, "nvidia.com/gpu": "1", "name": "z"}),
        json!(["--a=1", {"b": [], "c": "x\nw"}, [1, [2]]]),
    ])
}

/// The comments of these lines.
fn comments(lines: &[&str]) -> Vec<String> {
    let comment = |line: &&str| {
        let (head, _) = line.split_once(" \"{x: -")?;
        Some(head[head.rfind("# c")?..].to_owned())
    };
    lines.iter().filter_map(comment).collect()
}

/// Whatever is outside of the lines that an edit is about is there as it was.
fn elsewhere_unchanged(before: &str, after: &str, about: &Range<usize>) -> Result<(), TestCaseError> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
    // Blank lines below a block scalar that keeps them are its own.
    let kept = |line: &&&str| before.contains("|+") && line.trim().is_empty();
    let end = about.end + old[about.end..].iter().take_while(kept).count();
    let behind = old.len() - end;
    prop_assert!(
        new.len() >= about.start + behind,
        "lines are gone from\n{before}\n{after}"
    );
    prop_assert_eq!(&old[..about.start], &new[..about.start]);
    prop_assert_eq!(&old[end..], &new[new.len() - behind..]);
    Ok(())
}

fn made(case: &Case, edit: &Edit) -> Result<String, TestCaseError> {
    let after = super::edit(&case.text, 0, std::slice::from_ref(edit));
    let after = after.map_err(|error| TestCaseError::fail(format!("{edit:?}: {error}\n{}", case.text)))?;
    let again = super::edit(&after, 0, std::slice::from_ref(edit));
    prop_assert_eq!(again.as_ref(), Ok(&after), "made again");
    prop_assert!(
        !case.text.contains('\r') || !after.replace("\r\n", "").contains('\n'),
        "{after:?}"
    );
    let bare = |text: &str| !text.ends_with('\n');
    prop_assert_eq!(bare(&case.text), bare(&after), "the end of {:?}", &after);
    Ok(after)
}

fn parent(case: &Case, at: &Pointer) -> Range<usize> {
    let mut up = at.clone();
    up.0.pop();
    let all = 0..case.text.split('\n').count();
    case.places
        .iter()
        .find(|(place, _)| *place == up)
        .map_or(all, |(_, lines)| lines.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_value_is_set_in_its_own_lines(case in case(), place in any::<prop::sample::Index>(), value in values()) {
        let (at, lines) = place.get(&case.places).clone();
        let tagged = case.text.split('\n').skip(lines.start).take(lines.len()).any(|line| line.contains("!!str"));
        prop_assume!(!tagged || value.is_string());
        let after = made(&case, &Edit { at: at.clone(), change: Change::Set(value.clone()) })?;
        let now = documents(&after).unwrap();
        prop_assert_eq!(values::at(&now[0], &at), Some(&value));
        let kept = comments(&after.split('\n').collect::<Vec<_>>());
        for comment in comments(&case.text.split('\n').collect::<Vec<_>>()[..=lines.start]) {
            // One that stands above or beside stays, be the value what it may.
            let inside = case.text.split('\n').nth(lines.start).is_some_and(|line| line.trim_start().starts_with("- ") && line.contains(&comment));
            prop_assert!(inside || kept.contains(&comment), "{comment} is gone:\n{}\n{after}", case.text);
        }
        elsewhere_unchanged(&case.text, &after, &lines)?;
    }

    #[test]
    fn a_member_goes_and_what_is_around_it_stays(case in case(), place in any::<prop::sample::Index>()) {
        // Blank lines below a member that goes would be kept by what is above it: that is refused.
        let case = Case { text: case.text.replace("|+", "|"), ..case };
        let root = &documents(&case.text).unwrap()[0];
        let above = |at: &Pointer| Pointer(at.0[..at.0.len() - 1].to_vec());
        let inner = |at: &Pointer| {
            let siblings = values::at(root, &above(at)).and_then(Value::as_array).map_or(0, Vec::len);
            matches!(at.0.last(), Some(Step::Index(index)) if index + 1 < siblings)
        };
        let places: Vec<_> = case.places.iter().filter(|(at, _)| !inner(at)).collect();
        let (at, lines) = (*place.get(&places)).clone();
        let up = above(&at);
        let after = made(&case, &Edit { at: at.clone(), change: Change::Remove })?;
        let gone = changed(root, &documents(&after).unwrap()[0]);
        prop_assert!(gone.iter().all(|place| *place == at || *place == up), "{gone:?}");
        elsewhere_unchanged(&case.text, &after, &parent(&case, &at))?;
        let (old, new): (Vec<&str>, Vec<&str>) = (case.text.split('\n').collect(), after.split('\n').collect());
        let kept = comments(&new);
        for (line, text) in old.iter().enumerate().filter(|(line, _)| !lines.contains(line)) {
            let attached = line + 1 == lines.start && text.trim_start().starts_with('#');
            for comment in comments(&[text]) {
                prop_assert!(attached || kept.contains(&comment), "{comment} is gone:\n{}\n{after}", case.text);
            }
        }
    }

    #[test]
    fn a_member_is_added_and_all_lines_stay(case in case(), place in any::<prop::sample::Index>(), value in values()) {
        let (at, lines) = place.get(&case.places).clone();
        let root = &documents(&case.text).unwrap()[0];
        let new = match values::at(root, &at) {
            Some(Value::Array(items)) => at.then(items.len()),
            Some(Value::Object(_) | Value::Null) => at.then("gpuwise.io/new"),
            _ => return Ok(()),
        };
        let after = made(&case, &Edit { at: new.clone(), change: Change::Set(value) })?;
        let found = changed(root, &documents(&after).unwrap()[0]);
        prop_assert!(found.iter().all(|place| *place == new || *place == at), "{found:?}");
        elsewhere_unchanged(&case.text, &after, &lines)?;
        let before: Vec<&str> = case.text.split('\n').collect();
        let (old, kept) = (comments(&before), comments(&after.split('\n').collect::<Vec<_>>()));
        prop_assert_eq!(old, kept, "comments of\n{}\n{}", case.text, after);
    }

    #[test]
    fn many_edits_come_to_what_they_say(case in case(), edits in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(values())), 1..5)) {
        let edits: Vec<Edit> = edits.into_iter().map(|(place, value)| Edit {
            at: place.get(&case.places).0.clone(),
            change: value.map_or(Change::Remove, Change::Set),
        }).collect();
        // Elements move when others go, and a place is gone with what held it: then it is refused, and that is all.
        if let Ok(after) = super::edit(&case.text, 0, &edits) {
            prop_assert_eq!(super::edit(&after, 0, &edits), Ok(after.clone()));
            prop_assert_eq!(documents(&after).unwrap().len(), 1);
        }
    }

    #[test]
    fn no_text_makes_it_fall(text in "[-?:,\\[\\]{}#&*!|>'\"%@` ~a\\n\\r\\té.<0]{0,60}", at in "(/[a0-])?(/[a0-])?", value in values()) {
        let Ok(before) = documents(&text) else { return Ok(()) };
        for document in 0..before.len() {
            for change in [Change::Set(value.clone()), Change::Remove] {
                let edit = Edit { at: at.parse().unwrap(), change };
                if let Ok(after) = super::edit(&text, document, std::slice::from_ref(&edit)) {
                    let now = documents(&after).unwrap();
                    prop_assert_eq!(now.len(), before.len());
                    prop_assert_eq!(super::edit(&after, document, &[edit]), Ok(after));
                }
            }
        }
    }
}
