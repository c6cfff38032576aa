//! What must not leave the cluster in a recording: tokens, keys and passwords in command lines.
//!
//! Blanking errs towards hiding too much. What it keeps on purpose are counts of tokens (`--max-num-batched-tokens 8192`)
//! and the tokenizer's name: they say what a server runs.

/// What stands in place of a secret.
const BLANK: &str = "…";

/// What in the name of a flag or variable makes its value secret.
const SECRET_NAMES: [&str; 11] = [
    "token",
    "key",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "authorization",
    "cookie",
    "signature",
    "pwd",
];

/// How well-known tokens begin, whatever they stand behind.
const SECRET_PREFIXES: [&str; 9] = [
    "hf_",
    "sk-",
    "ghp_",
    "github_pat_",
    "glpat-",
    "nvapi-",
    "AKIA",
    "ASIA",
    "eyJ",
];

/// The shortest rest of a well-known token, so that `hf_transfer` is none.
const SECRET_REST: usize = 16;

/// The arguments of a command line with the values of secrets blanked, and the user-info of URLs.
pub(super) fn command_line<'a>(arguments: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut hiding = Hiding::Nothing;
    arguments.into_iter().map(|text| argument(text, &mut hiding)).collect()
}

/// Whether a line of a command seems to hold a secret.
pub fn holds_secret(line: &str) -> bool {
    argument(line, &mut Hiding::Nothing) != line
}

/// The value of an environment variable, as far as it may be told; `None` where its name says that it is secret.
pub(super) fn variable(name: &str, value: &str) -> Option<String> {
    match naming(name) {
        Naming::Plain => Some(visible(value)),
        Naming::Tokens if is_count(value) => Some(value.to_owned()),
        Naming::Tokens | Naming::Secret => None,
    }
}

/// A setting of some object, as far as it may be told. A query is no command line: what it compares has names that look secret.
pub(super) fn setting(name: &str, value: &str) -> String {
    match variable(name, value) {
        None => BLANK.to_owned(),
        Some(value) if matches!(name, "query" | "formula") => value,
        Some(value) => command_line([&value]).concat(),
    }
}

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Naming {
    Plain,
    /// It says no more than `token`: a number is a count, anything else is secret.
    Tokens,
    Secret,
}

fn naming(name: &str) -> Naming {
    let name = name.to_ascii_lowercase().replace("tokeniz", "");
    let found: Vec<&&str> = SECRET_NAMES.iter().filter(|secret| name.contains(**secret)).collect();
    match found[..] {
        // Too short to be looked for anywhere: PGPASS, and the signature of a storage URL.
        [] if name.ends_with("pass") || name == "sig" => Naming::Secret,
        [] => Naming::Plain,
        [&"token"] => Naming::Tokens,
        _ => Naming::Secret,
    }
}

/// What is to be hidden of the words to come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hiding {
    Nothing,
    /// The value of what was named.
    Value(Naming),
    /// All words up to the one that ends with this quote.
    Quoted(char),
}

/// One argument, which may be a command line of its own (`sh -c`).
fn argument(text: &str, hiding: &mut Hiding) -> String {
    // An argument of its own may hold blanks and be one secret still.
    if let Hiding::Value(naming) = *hiding
        && text.contains(char::is_whitespace)
    {
        *hiding = Hiding::Nothing;
        return value(text, naming);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let (blanks, words) = rest.split_at(start);
        let (first, tail) = words.split_at(words.find(char::is_whitespace).unwrap_or(words.len()));
        out.push_str(blanks);
        if !first.is_empty() {
            out.push_str(&word(first, hiding));
        }
        rest = tail;
    }
    if matches!(hiding, Hiding::Quoted(_)) {
        *hiding = Hiding::Nothing;
    }
    out
}

fn word(text: &str, hiding: &mut Hiding) -> String {
    let is_flag = text
        .strip_prefix("--")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    match *hiding {
        Hiding::Quoted(quote) => {
            if text.trim_end_matches([';', ',', '}', ')']).ends_with(quote) {
                *hiding = Hiding::Nothing;
            }
            BLANK.to_owned()
        }
        Hiding::Value(_) if is_scheme(text) => text.to_owned(),
        // `--api-key --model x` is a flag without its value.
        Hiding::Value(naming) if !is_flag => {
            *hiding = open_quote(text).map_or(Hiding::Nothing, Hiding::Quoted);
            value(text, naming)
        }
        Hiding::Value(_) | Hiding::Nothing => {
            *hiding = Hiding::Nothing;
            plain_word(text, hiding)
        }
    }
}

/// A word outside of any secret, which may name one or hold one: `--name`, `name=value`, `"name":"value"`.
fn plain_word(text: &str, hiding: &mut Hiding) -> String {
    if is_scheme(text) {
        *hiding = Hiding::Value(Naming::Secret);
        return text.to_owned();
    }
    let names = text
        .match_indices(['=', ':'])
        .map(|(at, _)| (at, name_before(text, at)));
    let secret = names
        .map(|(at, name)| (at, naming(name)))
        .find(|(_, naming)| *naming != Naming::Plain);
    if let Some((at, naming)) = secret {
        let (shown, hidden) = text.split_at(at + 1);
        if hidden.is_empty() || is_scheme(hidden) {
            *hiding = Hiding::Value(naming);
            return text.to_owned();
        }
        *hiding = open_quote(hidden).map_or(Hiding::Nothing, Hiding::Quoted);
        return visible(shown) + &value(hidden, naming);
    }
    let is_name = text.starts_with('-') && !text.contains(['=', ':']);
    if is_name && naming(text) != Naming::Plain {
        *hiding = Hiding::Value(naming(text));
    }
    visible(text)
}

/// What stands before the separator at `at`, back to the separator before that.
fn name_before(text: &str, at: usize) -> &str {
    let before = &text[..at];
    before.rsplit(['=', ':', ',', ';', '&', '?']).next().unwrap_or(before)
}

/// The word that announces a token in a header, after which the token comes.
fn is_scheme(text: &str) -> bool {
    let text = text.trim_start_matches(['"', '\'']);
    text.eq_ignore_ascii_case("bearer") || text.eq_ignore_ascii_case("basic")
}

/// The quote that a text opens and does not close.
fn open_quote(text: &str) -> Option<char> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    (!text[1..].contains(quote)).then_some(quote)
}

fn value(text: &str, naming: Naming) -> String {
    if naming == Naming::Tokens && is_count(text) {
        return text.to_owned();
    }
    BLANK.to_owned()
}

fn is_count(text: &str) -> bool {
    let bare = text.trim_matches(['"', '\'', ',', ';', '}', ')']);
    (1..=9).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text without the user-info of its URLs and without what looks like a well-known token.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, authority) = rest.split_at(at + 3);
        out.push_str(before);
        let end = authority
            .find(['/', '?', '#', '"', '\'', ' '])
            .unwrap_or(authority.len());
        if let Some(user) = authority[..end].rfind('@') {
            out.push_str(BLANK);
            rest = &authority[user..];
        } else {
            rest = authority;
        }
    }
    out.push_str(rest);
    without_tokens(&out)
}

fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut at_start = true;
    while let Some(c) = rest.chars().next() {
        let prefix = SECRET_PREFIXES.iter().find(|prefix| rest.starts_with(**prefix));
        if let Some(prefix) = prefix.filter(|_| at_start) {
            let tail = &rest[prefix.len()..];
            let end = tail
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
                .unwrap_or(tail.len());
            let digits = tail[..end].bytes().filter(u8::is_ascii_digit).count();
            if end >= SECRET_REST && digits > 0 {
                out.push_str(BLANK);
                rest = &tail[end..];
                continue;
            }
        }
        at_start = !c.is_ascii_alphanumeric();
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(arguments: &[&str]) -> Vec<String> {
        let owned: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        command_line(&owned)
    }

    #[test]
    fn values_of_secret_flags_are_blanked() {
        assert_eq!(
            blanked(&["--api-key=abc", "--api-key", "abc", "--model", "m"]),
            ["--api-key=…", "--api-key", "…", "--model", "m"]
        );
        assert_eq!(blanked(&["--hf-token", "-abc", "x"]), ["--hf-token", "…", "x"]);
        assert_eq!(blanked(&["--db-password", "one two"]), ["--db-password", "…"]);
        assert_eq!(blanked(&["--api-key", "--model", "m"]), ["--api-key", "--model", "m"]);
        assert_eq!(blanked(&["--password", "12345"]), ["--password", "…"]);
        assert_eq!(blanked(&["--aws-secret-access-key=a=b"]), ["--aws-secret-access-key=…"]);
    }

    #[test]
    fn token_counts_and_tokenizers_are_kept() {
        let kept = [
            "vllm",
            "serve",
            "org/model:tag",
            "--max-num-batched-tokens",
            "8192",
            "--max-total-tokens=4096",
            "--tokenizer",
            "org/tokenizer",
            "--tokenizer-mode=auto",
            "--override-generation-config",
            "{\"max_new_tokens\": 512}",
            "--enable-prefix-caching",
        ];
        assert_eq!(blanked(&kept), kept);
    }

    #[test]
    fn a_shell_command_is_read_word_by_word() {
        assert_eq!(
            blanked(&[
                "sh",
                "-c",
                "export HF_TOKEN=abc;\n vllm serve m --api-key k --port 80 && X_SECRET='a b c' run"
            ]),
            [
                "sh",
                "-c",
                "export HF_TOKEN=…\n vllm serve m --api-key … --port 80 && X_SECRET=… … … run"
            ]
        );
    }

    #[test]
    fn headers_urls_and_known_tokens_are_blanked() {
        assert_eq!(
            blanked(&["-H", "Authorization: Bearer abc"]),
            ["-H", "Authorization: Bearer …"]
        );
        assert_eq!(blanked(&["Bearer", "abc"]), ["Bearer", "…"]);
        assert_eq!(
            blanked(&["--url=https://me:word@host:80/path"]),
            ["--url=https://…@host:80/path"]
        );
        assert_eq!(blanked(&["s3://bucket/a?token=abc&x=1"]), ["s3://bucket/a?token=…"]);
        assert_eq!(
            blanked(&["hf_aBcDeFgHiJkLmNoPqR12", "hf_transfer"]),
            ["…", "hf_transfer"]
        );
        assert_eq!(
            blanked(&["--config", "{\"model\":\"m\",\"api_key\":\"abc\"}"]),
            ["--config", "{\"model\":\"m\",\"api_key\":…"]
        );
        assert_eq!(
            blanked(&["{\"api_key\": \"a b\", \"n\": 1}"]),
            ["{\"api_key\": … … \"n\": 1}"]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_secret_never_shows(before in "[a-z -]{0,12}", secret in "[A-Z]{12,20}") {
            let line = [before, "--api-key".to_owned(), secret.clone(), format!("--hf-token={secret}")];
            let out = command_line(&line).join(" ");
            proptest::prop_assert!(!out.contains(&secret), "{out}");
        }
    }
}
