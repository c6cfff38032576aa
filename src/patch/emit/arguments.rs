//! Arguments of model servers: flags in a list, in a shell line, or as environment.

use serde_json::Value;

use super::{About, Refusal, Wish, set};
use crate::model::serving::Precision;
use crate::patch::podspec::{at, element, gpu_containers, under};
use crate::patch::yaml::{Edit, Pointer, Step};

/// How a setting is told to a server.
#[derive(Debug, Clone, Copy)]
struct Flag {
    server: &'static str,
    /// The flag's names, the one that is written where there is none yet first.
    names: &'static [&'static str],
    /// Environment variables that the server reads for it.
    environment: &'static [&'static str],
}

const fn flag(server: &'static str, names: &'static [&'static str], environment: &'static [&'static str]) -> Flag {
    Flag {
        server,
        names,
        environment,
    }
}

const TENSOR_PARALLEL: [Flag; 3] = [
    flag(
        "vllm",
        &["--tensor-parallel-size", "-tp", "--tensor_parallel_size"],
        &[],
    ),
    flag("sglang", &["--tp-size", "--tp", "--tensor-parallel-size"], &[]),
    flag("tgi", &["--num-shard"], &["NUM_SHARD"]),
];
const BATCH_LIMIT: [Flag; 2] = [
    flag("vllm", &["--max-num-seqs", "--max_num_seqs"], &[]),
    flag("sglang", &["--max-running-requests"], &[]),
];
const QUANTIZE: [Flag; 3] = [
    flag("vllm", &["--quantization", "-q"], &[]),
    flag("sglang", &["--quantization"], &[]),
    flag("tgi", &["--quantize"], &["QUANTIZE"]),
];

/// A container's command line, with the place of its words.
struct Line {
    container: Pointer,
    /// Place and text of each word of `command` and `args`.
    words: Vec<(Pointer, String)>,
}

fn line(about: About<'_>) -> Result<Line, Refusal> {
    let containers = gpu_containers(about.object);
    let [container] = &containers[..] else {
        return Err(Refusal::new(
            "several-containers",
            format!(
                "{} containers of its manifest ask for GPUs, and which of them is the server is not told",
                containers.len()
            ),
        ));
    };
    let mut words = Vec::new();
    for field in ["command", "args"] {
        let list = under(&container.at, &[field]);
        let all = at(about.object, &list).and_then(Value::as_array).into_iter().flatten();
        let texts = all
            .enumerate()
            .filter_map(|(index, word)| Some((element(&list, index), word.as_str()?.to_owned())));
        words.extend(texts);
    }
    Ok(Line {
        container: container.at.clone(),
        words,
    })
}

/// Where a flag's value stands.
enum Told {
    /// `--flag=value`, or `--flag value` within one word: the whole word, and its parts around the value.
    Within {
        at: Pointer,
        before: String,
        value: String,
        after: String,
    },
    /// The word after it.
    Next { at: Pointer, value: String },
    /// An environment variable.
    Variable { at: Pointer, value: String },
}

impl Told {
    fn value(&self) -> &str {
        match self {
            Self::Within { value, .. } | Self::Next { value, .. } | Self::Variable { value, .. } => value,
        }
    }

    fn edit(self, to: &str) -> Edit {
        match self {
            Self::Within { at, before, after, .. } => set(at, format!("{before}{to}{after}")),
            Self::Next { at, .. } | Self::Variable { at, .. } => set(at, to),
        }
    }
}

/// Where a flag is told; it must be in one place, as of several only one counts.
fn find(about: About<'_>, line: &Line, flag: Flag) -> Result<Option<Told>, Refusal> {
    let mut found: Vec<Told> = Vec::new();
    for (index, (place, word)) in line.words.iter().enumerate() {
        for name in flag.names {
            if word == name {
                let next = line.words.get(index + 1);
                found.extend(next.map(|(at, value)| Told::Next {
                    at: at.clone(),
                    value: value.clone(),
                }));
            } else {
                found.extend(within(place, word, name));
            }
        }
    }
    let list = under(&line.container, &["env"]);
    let variables = at(about.object, &list).and_then(Value::as_array).into_iter().flatten();
    found.extend(variables.enumerate().filter_map(|(index, variable)| {
        let named = variable.get("name").and_then(Value::as_str)?;
        let value = variable.get("value").and_then(Value::as_str)?;
        flag.environment.contains(&named).then(|| Told::Variable {
            at: under(&element(&list, index), &["value"]),
            value: value.to_owned(),
        })
    }));
    let name = flag.names.first().copied().unwrap_or_default();
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(Refusal::new(
            "not-as-seen",
            format!("its manifest says {name} more than once: which of them counts is for its owner to say"),
        )),
    }
}

/// Places in a shell's text, or in a word, where this stands as a word of its own and not in a comment.
fn places<'w>(word: &'w str, name: &'w str) -> impl Iterator<Item = usize> + 'w {
    let alone = move |from: &usize| {
        let line = word[..*from].rfind('\n').map_or(0, |at| at + 1);
        let before = &word[line..*from];
        let after = word[from + name.len()..].chars().next();
        !before.trim_start().starts_with('#')
            && (before.is_empty() || before.ends_with([' ', '\t', '\'', '"']))
            && after.is_none_or(|c| c.is_whitespace() || "='\"\\;".contains(c))
    };
    word.match_indices(name).map(|(from, _)| from).filter(alone)
}

/// A flag with its value inside a word: of its own, or of a shell's text, in which short names may be those of anything.
fn within(place: &Pointer, word: &str, name: &str) -> Vec<Told> {
    let text = word.contains(char::is_whitespace);
    if text && !name.starts_with("--") {
        return Vec::new();
    }
    let told = |from: usize| {
        let rest = &word[from + name.len()..];
        let gap = rest.len() - rest.trim_start_matches([' ', '=', '\'', '"']).len();
        let ends = |c: char| c.is_whitespace() || "'\"\\;|&".contains(c);
        let value: String = rest[gap..].chars().take_while(|c| !ends(*c)).collect();
        let begins = from + name.len() + gap;
        (gap > 0 && !value.is_empty()).then(|| Told::Within {
            at: place.clone(),
            before: word[..begins].to_owned(),
            after: word[begins + value.len()..].to_owned(),
            value,
        })
    };
    places(word, name).filter_map(told).collect()
}

/// Whether its command line is one for a shell, in which a word of ours would go nowhere.
fn is_shell(line: &Line) -> bool {
    let shell = |word: &str| matches!(word.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash" | "zsh"));
    line.words
        .iter()
        .any(|(_, word)| shell(word) || word == "-c" || word.contains(char::is_whitespace))
}

fn of_server(about: About<'_>, flags: &[Flag], what: &str) -> Result<Flag, Refusal> {
    let server = about.live.server.as_deref().unwrap_or("a server that is not known");
    let own = flags.iter().find(|flag| flag.server == server);
    own.copied().ok_or_else(|| {
        Refusal::new(
            "for-its-owner",
            format!("how {server} is told {what} is not known here"),
        )
    })
}

/// Sets a flag, which must have the value that was seen, or not be there where it is a default.
fn tell(about: About<'_>, flag: Flag, (from, to): (Option<&str>, &str), wish: &mut Wish) -> Result<(), Refusal> {
    let line = line(about)?;
    let name = flag.names.first().copied().unwrap_or_default();
    if let Some(told) = find(about, &line, flag)? {
        if told.value() == to {
            return Ok(());
        }
        if from.is_some_and(|from| told.value() != from) {
            return Err(Refusal::new(
                "not-as-seen",
                format!(
                    "its manifest says {name} {}, and its pods run with {}",
                    told.value(),
                    from.unwrap_or_default()
                ),
            ));
        }
        wish.own.push(told.edit(to));
        return Ok(());
    }
    let list = under(&line.container, &["args"]);
    let Some(args) = at(about.object, &list)
        .and_then(Value::as_array)
        .filter(|_| !is_shell(&line))
    else {
        return Err(Refusal::new(
            "not-in-manifest",
            format!(
                "its manifest does not say {name}, and has no list of arguments to which it could be added: its owner adds `{name} {to}` where the server is started"
            ),
        ));
    };
    wish.own.push(set(element(&list, args.len()), format!("{name}={to}")));
    Ok(())
}

pub(super) fn tensor_parallel(about: About<'_>, (from, to): (u32, u32), wish: &mut Wish) -> Result<(), Refusal> {
    let flag = of_server(about, &TENSOR_PARALLEL, "over how many GPUs each layer is split")?;
    let from = from.to_string();
    tell(about, flag, (Some(&from), &to.to_string()), wish)
}

pub(super) fn batch_limit(about: About<'_>, (from, to): (u32, u32), wish: &mut Wish) -> Result<(), Refusal> {
    let flag = of_server(about, &BATCH_LIMIT, "how many requests it executes at once")?;
    let from = from.to_string();
    tell(about, flag, (Some(&from), &to.to_string()), wish)
}

pub(super) fn quantize(about: About<'_>, to: Precision, weight_only: bool, wish: &mut Wish) -> Result<(), Refusal> {
    let flag = of_server(about, &QUANTIZE, "how its weights are stored")?;
    if to != Precision::Fp8 {
        return Err(Refusal::new(
            "for-its-owner",
            format!("weights in {} need a checkpoint of their own", to.name()),
        ));
    }
    if let Some(told) = find(about, &line(about)?, flag)?.filter(|told| told.value() != to.name()) {
        return Err(Refusal::new(
            "not-as-seen",
            format!("its manifest stores weights in {} already", told.value()),
        ));
    }
    if weight_only {
        wish.notes
            .push("its GPUs have no FP8 arithmetic: the server stores weights so, and computes as before".to_owned());
    }
    tell(about, flag, (None, to.name()), wish)
}

/// Flags that turn prefix caches off, and what they are turned on by; nothing where that is the default and has no flag.
const CACHE_OFF: [(&str, Option<&str>); 3] = [
    ("--no-enable-prefix-caching", Some("--enable-prefix-caching")),
    ("--no-enable_prefix_caching", Some("--enable_prefix_caching")),
    ("--disable-radix-cache", None),
];

pub(super) fn cache_prefixes(about: About<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    let line = line(about)?;
    for (off, on) in CACHE_OFF {
        let has = |flag: &str| line.words.iter().any(|(_, word)| places(word, flag).next().is_some());
        if on.is_some_and(has) {
            return Ok(());
        }
        let all = line
            .words
            .iter()
            .flat_map(|(place, word)| places(word, off).map(move |from| (place, word, from)));
        let all: Vec<_> = all.collect();
        let [(place, word, from)] = all[..] else {
            if all.is_empty() {
                continue;
            }
            return Err(Refusal::new(
                "not-as-seen",
                format!("its manifest says {off} more than once"),
            ));
        };
        let (before, after) = (&word[..from], &word[from + off.len()..]);
        match (on, place.0.split_last()) {
            (Some(on), _) => wish.own.push(set(place.clone(), format!("{before}{on}{after}"))),
            (None, Some((Step::Index(index), list))) if word == off => {
                let list = Pointer(list.to_vec());
                let mut words = at(about.object, &list)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                words.remove(*index);
                wish.own.push(set(list, words));
            }
            (None, _) => wish
                .own
                .push(set(place.clone(), format!("{}{after}", before.trim_end_matches(' ')))),
        }
        return Ok(());
    }
    // SGLang keeps prefixes unless it is told not to: the manifest says so already.
    if about.live.server.as_deref() == Some("sglang") && !line.words.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        "not-in-manifest",
        "its manifest does not say that the prefix cache is off: whoever starts the server turns it on",
    ))
}
