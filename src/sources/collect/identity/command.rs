//! Command lines as containers have them: plain arguments, shell scripts, options in all their spellings.

use crate::model::cluster::{Container, Labels};

/// One command of a container, its variables put in.
#[derive(Default)]
pub(in crate::sources::collect) struct Command {
    words: Vec<String>,
}

/// What an option was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sources::collect) enum Given {
    /// A value that can be read.
    Value(String),
    /// A variable whose value is not known here.
    Unknown(String),
}

impl Given {
    pub(in crate::sources::collect) fn new(word: &str) -> Self {
        let word = word.trim();
        if word.contains('$') || word.contains("{{") || word.is_empty() {
            Self::Unknown(word.to_owned())
        } else {
            Self::Value(word.to_owned())
        }
    }
}

/// The commands of a container: its argument list, or the parts of the script that a shell in it runs.
pub(in crate::sources::collect) fn commands(container: &Container) -> Vec<Command> {
    let shell = container.args.first().is_some_and(|first| {
        let name = base_name(first);
        matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh")
    });
    let script = container.args.iter().position(|word| {
        let flags = word.strip_prefix('-').unwrap_or_default();
        !flags.is_empty() && flags.ends_with('c') && flags.chars().all(|c| c.is_ascii_alphabetic())
    });
    let mut variables = container.env.clone();
    match script.filter(|_| shell).and_then(|at| container.args.get(at + 1)) {
        Some(script) => split(script)
            .into_iter()
            .filter_map(|words| command(words, &mut variables))
            .collect(),
        None => command(container.args.clone(), &mut variables).into_iter().collect(),
    }
}

/// A command without its leading assignments, which fill the variables for those that follow.
fn command(words: Vec<String>, variables: &mut Labels) -> Option<Command> {
    let mut rest = Vec::new();
    for word in words {
        let assigns = rest.is_empty().then(|| word.split_once('=')).flatten();
        match assigns.filter(|(name, _)| is_name(name)) {
            Some((name, value)) => {
                let value = expand(value, variables);
                variables.insert(name.to_owned(), value);
            }
            None if rest.is_empty() && matches!(word.as_str(), "export" | "env" | "exec" | "nohup") => {}
            None => rest.push(expand(&word, variables)),
        }
    }
    (!rest.is_empty()).then_some(Command { words: rest })
}

impl Command {
    /// Its words.
    pub(in crate::sources::collect) fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether it begins with this program.
    pub(in crate::sources::collect) fn starts(&self, program: &str) -> bool {
        self.words.first().is_some_and(|word| base_name(word) == program)
    }

    /// Whether one of its words is this program, with or without its folder.
    pub(in crate::sources::collect) fn runs(&self, program: &str) -> bool {
        self.words.iter().any(|word| base_name(word) == program)
    }

    /// Whether this program is followed by this subcommand.
    pub(in crate::sources::collect) fn runs_sub(&self, program: &str, sub: &str) -> bool {
        self.after(program)
            .is_some_and(|rest| rest.first().is_some_and(|word| word == sub))
    }

    /// Whether a word begins so: a Python module, say.
    pub(in crate::sources::collect) fn mentions(&self, prefix: &str) -> bool {
        self.words.iter().any(|word| word.starts_with(prefix))
    }

    /// The word that follows a program, or its subcommand where one of these stands there, unless it is an option.
    pub(in crate::sources::collect) fn positional(&self, program: &str, subs: &[&str]) -> Option<Given> {
        let rest = self.after(program)?;
        let at = usize::from(subs.contains(&rest.first()?.as_str()));
        let word = rest.get(at)?;
        (!word.starts_with('-')).then(|| Given::new(word))
    }

    /// The first word, unless it is an option.
    pub(in crate::sources::collect) fn first(&self) -> Option<&str> {
        self.words
            .first()
            .map(String::as_str)
            .filter(|word| !word.starts_with('-'))
    }

    /// What an option was given last, under any of its names: `--name value`, `--name=value`, dashes or underscores.
    pub(in crate::sources::collect) fn option(&self, names: &[&str]) -> Option<Given> {
        let mut found = None;
        for (at, word) in self.words.iter().enumerate() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.as_str(), None),
            };
            if !names.contains(&spelled(name).as_str()) {
                continue;
            }
            let next = || self.words.get(at + 1).filter(|next| !next.starts_with("--"));
            if let Some(value) = inline.or_else(|| next().map(String::as_str)) {
                found = Some(Given::new(value));
            }
        }
        found
    }

    /// Whether a switch or option stands there, with a value or without.
    pub(in crate::sources::collect) fn has(&self, names: &[&str]) -> bool {
        self.words
            .iter()
            .any(|word| names.contains(&spelled(word.split_once('=').map_or(word, |(name, _)| name)).as_str()))
    }

    fn after(&self, program: &str) -> Option<&[String]> {
        let at = self.words.iter().position(|word| base_name(word) == program)?;
        self.words.get(at + 1..)
    }
}

/// An option's name with dashes, as all these servers' parsers read it.
fn spelled(name: &str) -> String {
    match name.strip_prefix("--") {
        Some(long) => format!("--{}", long.replace('_', "-")),
        None => name.to_owned(),
    }
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_name(text: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(starts) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A word with the variables that are known put in: `$NAME`, `${NAME}` and Kubernetes' `$(NAME)`. Others stay, so that
/// whoever reads the word sees that it is not known.
fn expand(word: &str, variables: &Labels) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let close = match after.chars().next() {
            Some('{') => after.find('}'),
            Some('(') => after.find(')'),
            _ => None,
        };
        let (name, tail) = match close {
            Some(close) => (&after[1..close], &after[close + 1..]),
            None => after.split_at(
                after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len()),
            ),
        };
        match variables.get(name).filter(|_| is_name(name)) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[before.len()..rest.len() - tail.len()]),
        }
        rest = tail;
    }
    out + rest
}

/// A shell script as the words of its commands. Quotes hold words together and are gone; what cannot be told (loops,
/// substitutions) yields commands in which nothing is recognised, or a word with a `$` in it.
fn split(script: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let mut word: Option<String> = None;
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let quoted: String = letters.by_ref().take_while(|c| *c != '\'').collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            '"' => {
                let into = word.get_or_insert_default();
                while let Some(inner) = letters.next().filter(|c| *c != '"') {
                    let escaped = inner == '\\' && letters.peek().is_some_and(|c| matches!(c, '"' | '\\' | '$' | '\n'));
                    into.extend(if escaped { letters.next() } else { Some(inner) });
                }
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            '$' if letters.peek() == Some(&'(') => {
                // What a substitution prints is not known, and its blanks are not the command's.
                let into = word.get_or_insert_default();
                into.push('$');
                for inner in letters.by_ref() {
                    into.push(inner);
                    if inner == ')' {
                        break;
                    }
                }
            }
            '#' if word.is_none() => while letters.next_if(|c| *c != '\n').is_some() {},
            '\n' | ';' | '|' | '&' => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}
