//! What a container runs, as far as its command line tells.

use super::{Hint, Lasts, of, rows_of, words};
use crate::catalog::work::{Sign, Tells, WorkSign, WorkSigns};
use crate::model::cluster::Container;
use crate::model::workload::Class;
use crate::sources::collect::identity::command::{Command, commands};

/// A program that says this much of itself says all: names beside it are only names.
const SAYS_ALL: f64 = 0.75;

/// How much less a variable says than the option of its name.
const BY_VARIABLE: f64 = 0.9;

/// How much it says that what ends starts a server and goes on: it asks it and reads what comes back.
const ASKS: f64 = 0.7;

/// What goes on in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// A program whose work is known.
    Program(Class),
    /// A program of its own.
    Own,
    /// What others send it.
    Joins,
    /// Nothing: it is held open.
    Held,
    /// What its image starts.
    Silent,
}

/// The command lines of a workload, read.
pub(super) struct Run<'r> {
    pub(super) doing: Doing,
    commands: Vec<Command>,
    /// Names of variables, which entry points read as others read options: `NUM_EPOCHS` is `--num-epochs`.
    variables: Vec<String>,
    program: Option<&'r WorkSign>,
    /// What it starts to be asked by the rest of itself.
    beside: Option<&'r WorkSign>,
    rows: &'r WorkSigns,
}

/// What holds a shell script together.
const KEYWORDS: [&str; 9] = ["while", "do", "done", "true", "if", "then", "fi", "for", "else"];

/// What shell scripts do besides their work; what they do it to says nothing of the work.
const CHORES: [&str; 34] = [
    "echo", "printf", "cd", "set", "trap", "mkdir", "apt-get", "apt", "apk", "yum", "pip", "pip3", "wait", "chmod",
    "chown", "source", ".", "touch", "ls", "cp", "mv", "rm", "ln", "tar", "unzip", "git", "wget", "export", "ulimit",
    "date", "hostname", "test", "[", "exit",
];

/// What runs a program of one's own.
const RUNNERS: [&str; 12] = [
    "bash", "sh", "uv", "conda", "poetry", "pixi", "java", "julia", "Rscript", "perl", "node", "numactl",
];

impl<'r> Run<'r> {
    /// What these containers run, or have others run.
    pub(super) fn of(containers: &[&Container], told: &[String], lasts: Lasts, rows: &'r WorkSigns) -> Self {
        let mut all: Vec<Command> = containers.iter().flat_map(|container| commands(container)).collect();
        if !told.is_empty() {
            // What it is told is its work; its pods only wait for it.
            all = commands(&Container {
                args: told.to_vec(),
                ..Container::default()
            });
        }
        all.retain(|command| {
            let first = command.words().first();
            first.is_none_or(|first| !CHORES.contains(&base_name(first)))
        });
        let known = |command: &Command| program(command.words(), rows).or_else(|| code(command.words(), rows));
        let found: Vec<Option<&WorkSign>> = all.iter().map(known).collect();
        let joins = |row: &WorkSign| row.tells == Tells::Joins || (row.tells == Tells::Shell && lasts == Lasts::Ends);
        let works = |row: &&WorkSign| row.tells != Tells::Held && !joins(row);
        // Of several the last: an engine is built, and then served.
        let last = found.iter().rposition(|row| row.is_some_and(|row| works(&row)));
        let mut program = last.and_then(|at| found[at]);
        // What serves goes on: where something ends after it, it serves that.
        let serves = |row: &WorkSign| of(row.tells) == Some(Class::Inference);
        let does = |command: &Command| command.words().iter().any(|word| !KEYWORDS.contains(&word.as_str()));
        let is_more = |(command, row): (&Command, &Option<&WorkSign>)| row.map_or(does(command), |row| works(&row));
        let follows = |at: &usize| all.iter().zip(&found).skip(at + 1).any(is_more);
        let asked = last.filter(|at| lasts == Lasts::Ends && program.is_some_and(serves) && follows(at));
        let beside = asked.and_then(|_| program.take());
        let own = all
            .iter()
            .zip(&found)
            .any(|(command, found)| found.is_none() && is_own(command.words()));
        let known = program.filter(|row| row.tells != Tells::Launches && row.weight >= SAYS_ALL);
        let doing = match known.and_then(|row| of(row.tells)) {
            Some(class) => Doing::Program(class),
            None if own || program.is_some() || beside.is_some() => Doing::Own,
            None if found.iter().flatten().any(|row| joins(row)) => Doing::Joins,
            None if found.iter().flatten().any(|row| row.tells == Tells::Held)
                || all.iter().any(|one| is_bare_shell(one.words())) =>
            {
                Doing::Held
            }
            None => Doing::Silent,
        };
        if let Some(at) = asked {
            all.remove(at);
        }
        Self {
            doing,
            commands: all,
            variables: containers.iter().flat_map(|one| one.env.keys().cloned()).collect(),
            program,
            beside,
            rows,
        }
    }

    /// What the command lines say.
    pub(super) fn hints(&self, lasts: Lasts) -> Vec<Hint> {
        let mut hints = Vec::new();
        if matches!(self.doing, Doing::Held | Doing::Joins) {
            return hints;
        }
        let scripts = self.scripts(lasts);
        if let Some((row, class)) = self.program.and_then(|row| Some((row, of(row.tells)?))) {
            let mut others = scripts.iter().map(|hint| hint.class);
            // A launcher starts evaluations, too.
            let launches_another =
                row.tells == Tells::Launches && !scripts.is_empty() && others.all(|other| other != Class::Training);
            if !launches_another {
                hints.push(Hint::new(
                    class,
                    "program",
                    row.weight,
                    format!("it runs `{}`", shown(&row.text)),
                ));
            }
        }
        if let Some(row) = self.beside {
            let because = format!("it starts `{}` and asks it", shown(&row.text));
            hints.push(Hint::new(Class::Batch, "program", ASKS, because));
        }
        hints.extend(scripts);
        hints.extend(self.flags());
        hints.extend(self.settings());
        if let Doing::Program(class) = self.doing {
            hints.retain(|hint| hint.class == class);
        }
        hints
    }

    /// What is said by the names of scripts and modules.
    fn scripts(&self, lasts: Lasts) -> Vec<Hint> {
        let mut hints = Vec::new();
        for command in &self.commands {
            for name in script_names(command.words()) {
                let found = words::in_name(name, lasts, self.rows);
                hints.extend(found.into_iter().map(|(class, weight, word)| {
                    Hint::new(
                        class,
                        "script",
                        weight,
                        format!("`{word}` in the name of what it runs, `{name}`"),
                    )
                }));
            }
        }
        hints
    }

    fn flags(&self) -> Vec<Hint> {
        let mut hints = Vec::new();
        for word in self.commands.iter().flat_map(|command| command.words()) {
            let Some(name) = option_name(word) else { continue };
            for row in rows_of(self.rows, Sign::Flag).filter(|row| matches(&row.text, &name)) {
                hints.extend(
                    of(row.tells).map(|class| Hint::new(class, "option", row.weight, format!("its option `{name}`"))),
                );
            }
        }
        hints
    }

    /// What variables say that are settings of a training. Others' settings stand in those of whoever calls them, too.
    fn settings(&self) -> Vec<Hint> {
        let mut hints = Vec::new();
        for name in &self.variables {
            let option = format!("--{}", name.replace('_', "-").to_lowercase());
            let known = rows_of(self.rows, Sign::Flag).find(|row| row.text == option);
            if let Some(row) = known.filter(|row| row.tells == Tells::Training) {
                let because = format!("its variable {name}");
                hints.push(Hint::new(Class::Training, "option", row.weight * BY_VARIABLE, because));
            }
        }
        hints
    }
}

/// A shell that waits for somebody to type.
fn is_bare_shell(words: &[String]) -> bool {
    let [shell, rest @ ..] = words else {
        return false;
    };
    let is_shell = matches!(base_name(shell), "sh" | "bash" | "zsh");
    is_shell
        && rest
            .iter()
            .all(|word| matches!(word.as_str(), "-i" | "-l" | "-li" | "-il"))
}

fn shown(text: &str) -> &str {
    text.trim_end_matches(['*', '.'])
}

/// Whether a text is what a row looks for.
pub(super) fn matches(wanted: &str, text: &str) -> bool {
    wanted
        .strip_suffix('*')
        .map_or(wanted == text, |start| text.starts_with(start))
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The program whose name stands last in a command, since a launcher stands before what it launches; of several that begin at
/// one word, the one that is told in most words.
fn program<'r>(words: &[String], rows: &'r WorkSigns) -> Option<&'r WorkSign> {
    let mut best: Option<(usize, usize, &WorkSign)> = None;
    for (at, word) in words.iter().enumerate() {
        let is_value = at > 0 && words[at - 1].starts_with("--") && !words[at - 1].contains('=');
        if is_value {
            continue;
        }
        let name = base_name(word);
        for row in rows_of(rows, Sign::Program) {
            let mut wanted = row.text.split(' ');
            let begins = wanted.next().is_some_and(|first| matches(first, name));
            let mut rest = words[at + 1..].iter();
            if begins && wanted.all(|wanted| rest.next().is_some_and(|word| matches(wanted, word))) {
                let is_better = best.is_none_or(|(known, length, _)| (known, length) < (at, row.text.len()));
                best = if is_better {
                    Some((at, row.text.len(), row))
                } else {
                    best
                };
            }
        }
    }
    best.map(|(_, _, row)| row)
}

/// What a program that stands in the command line itself does: the strongest of its signs.
fn code<'r>(words: &[String], rows: &'r WorkSigns) -> Option<&'r WorkSign> {
    let runs = words
        .first()
        .is_some_and(|first| base_name(first).starts_with("python"));
    let at = words.iter().position(|word| word == "-c").filter(|_| runs)?;
    let text = words.get(at + 1)?;
    let found = rows_of(rows, Sign::Code).filter(|row| text.contains(&row.text));
    found.max_by(|a, b| a.weight.total_cmp(&b.weight))
}

/// Whether a command is a program of one's own, and not options for what the image starts.
fn is_own(words: &[String]) -> bool {
    let Some(first) = words.first().map(String::as_str) else {
        return false;
    };
    let name = base_name(first);
    if KEYWORDS.contains(&name) || is_bare_shell(words) {
        return false;
    }
    let is_path = first.contains('/') && (first.starts_with(['/', '.']) || is_script(first));
    name.starts_with("python") || RUNNERS.contains(&name) || is_path || is_script(first)
}

fn is_script(word: &str) -> bool {
    let endings = [".py", ".sh", ".ipynb", ".R", ".jl", ".jar", ".pl"];
    endings.iter().any(|ending| word.ends_with(ending))
}

/// Options whose value says what a program is to do.
const TELL: [&str; 9] = [
    "--mode",
    "--task",
    "--stage",
    "--phase",
    "--action",
    "--step",
    "--command",
    "--job-type",
    "--function-to-execute",
];

fn tells(option: &str) -> bool {
    option_name(option).is_some_and(|name| TELL.contains(&name.as_str()))
}

/// Names of scripts, modules, programs and of what they are to do: not the values of other options.
fn script_names(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().enumerate().filter_map(|(at, word)| {
        let before = at.checked_sub(1).map(|before| words[before].as_str());
        if let Some((_, value)) = word.split_once('=').filter(|_| tells(word)) {
            return Some(value);
        }
        let is_value = before.is_some_and(|before| before.starts_with('-') && before != "-m" && !tells(before));
        let plain = !word.starts_with('-') && !word.contains(['=', '$']) && !word.contains("://");
        let named = is_script(word) && !word.contains('=');
        let is_class = word.matches('.').count() >= 2 && plain && at <= 1;
        let leads = at == 0 || before == Some("-m") || before.is_some_and(tells) || is_class;
        let first_after_runner = at <= 2 && plain && !is_value;
        (named || (plain && (leads || first_after_runner))).then(|| base_name(word))
    })
}

/// The name of an option, with dashes and in lower case, or the key of `key=value`; `None` for any other word.
fn option_name(word: &str) -> Option<String> {
    let name = word.split_once('=').map(|(name, _)| name);
    if word.starts_with("--") {
        return Some(name.unwrap_or(word).replace('_', "-").to_lowercase());
    }
    let key = name?.trim_start_matches(['+', '~']);
    key.contains('.').then(|| key.to_lowercase())
}
