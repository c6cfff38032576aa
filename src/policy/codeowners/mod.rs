//! CODEOWNERS files, of GitHub and of GitLab: who owns a path of a repository.

mod pattern;
#[cfg(test)]
mod tests;

use pattern::{Dialect, Pattern};

/// The largest file that is read, in bytes: GitHub loads none that is larger.
pub const LARGEST: u64 = 3 * 1024 * 1024;

/// A file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codeowners {
    /// The file as it was named.
    pub file: String,
    /// Lines that mean nothing, and why.
    pub skipped: Vec<(u64, String)>,
    rules: Vec<Rule>,
    /// How many sections there are, the first without a name.
    sections: usize,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Within a section the last line that means a path counts; each section names owners of its own.
    section: usize,
    pattern: Pattern,
    /// Whether what it means is nobody's in its section, whatever other lines say.
    except: bool,
    owners: Vec<String>,
    line: u64,
}

/// Who owns a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owners {
    /// As the file names them, such as `@org/team`; never empty.
    pub names: Vec<String>,
    /// The lines that say so.
    pub lines: Vec<u64>,
}

impl Codeowners {
    /// Reads a file. What means nothing is skipped and told, as those who host repositories skip it.
    pub fn read(file: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let in_folder = file.split(['/', '\\']).any(|part| part == ".gitlab");
        let is_gitlab = in_folder || text.lines().any(|line| heading(line.trim()).is_some());
        let dialect = if is_gitlab { Dialect::GitLab } else { Dialect::GitHub };
        let mut names = vec![String::new()];
        let (mut section, mut default) = (0, Vec::new());
        let mut read = Self {
            file: file.to_owned(),
            skipped: Vec::new(),
            rules: Vec::new(),
            sections: 1,
        };
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Some((name, owners)) = heading(text).filter(|_| is_gitlab) {
                let known = names.iter().position(|known| *known == name);
                section = known.unwrap_or(names.len());
                if known.is_none() {
                    names.push(name);
                }
                default = owners_in(&owners).map(str::to_owned).collect();
                continue;
            }
            match rule(text, dialect) {
                Ok(rule) => read.rules.push(Rule {
                    section,
                    line,
                    owners: if rule.owners.is_empty() {
                        default.clone()
                    } else {
                        rule.owners
                    },
                    ..rule
                }),
                Err(why) => read.skipped.push((line, why)),
            }
        }
        read.sections = names.len();
        read
    }

    /// Who owns a path, given from the root of the repository; `None` where nobody does.
    pub fn owners(&self, path: &str) -> Option<Owners> {
        let mut found: Vec<Option<&Rule>> = vec![None; self.sections];
        let mut excepted = vec![false; self.sections];
        for rule in self.rules.iter().rev() {
            let open = rule.except || found[rule.section].is_none();
            if open && !excepted[rule.section] && rule.pattern.means(path) {
                excepted[rule.section] |= rule.except;
                found[rule.section] = found[rule.section].or(Some(rule));
            }
        }
        let counts = found.into_iter().zip(excepted).filter(|(_, excepted)| !excepted);
        let mut owners = Owners {
            names: Vec::new(),
            lines: Vec::new(),
        };
        for rule in counts
            .filter_map(|(rule, _)| rule)
            .filter(|rule| !rule.owners.is_empty())
        {
            owners.lines.push(rule.line);
            for name in &rule.owners {
                if !owners.names.contains(name) {
                    owners.names.push(name.clone());
                }
            }
        }
        (!owners.names.is_empty()).then_some(owners)
    }
}

/// A line that is no comment and no heading; its section and number are not told yet.
fn rule(text: &str, dialect: Dialect) -> Result<Rule, String> {
    let (text, except) = match (text.strip_prefix('!'), dialect) {
        (Some(inner), Dialect::GitLab) => (inner, true),
        (Some(_), Dialect::GitHub) => return Err("GitHub knows no patterns that except".to_owned()),
        (None, _) => (text, false),
    };
    if text.starts_with("\\#") && dialect == Dialect::GitHub {
        return Err("GitHub knows no escaped `#`".to_owned());
    }
    let (pattern, rest) = words(text);
    let pattern = Pattern::read(pattern, dialect)?;
    let strangers = |word: &&&str| !is_owner(word);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let owners = match dialect {
        Dialect::GitHub => {
            let comment = words.iter().position(|word| word.starts_with('#'));
            let words = &words[..comment.unwrap_or(words.len())];
            if let Some(stranger) = words.iter().find(strangers) {
                return Err(format!(
                    "`{stranger}` is no owner; one is such as @name, @org/team or an address"
                ));
            }
            words.to_vec()
        }
        // GitLab reads owners wherever they stand.
        Dialect::GitLab => words.into_iter().filter(|word| is_owner(word)).collect(),
    };
    Ok(Rule {
        section: 0,
        pattern,
        except,
        owners: owners.into_iter().map(str::to_owned).collect(),
        line: 0,
    })
}

/// The pattern, which ends at the first space that is not escaped, and what follows.
fn words(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && !escaped {
            return text.split_at(at);
        }
        escaped = c == '\\' && !escaped;
    }
    (text, "")
}

/// The name of the section that a line opens, and what follows: `[Name]`, `^[Name]`, `[Name][2] @owner`.
fn heading(text: &str) -> Option<(String, String)> {
    let (name, mut rest) = text
        .strip_prefix('^')
        .unwrap_or(text)
        .strip_prefix('[')?
        .split_once(']')?;
    if let Some((approvals, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_number = !approvals.is_empty() && approvals.chars().all(|c| c.is_ascii_digit());
        rest = is_number.then_some(behind)?;
    }
    let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
    let name = name.trim().to_lowercase();
    (ends && !name.is_empty()).then(|| (name, rest.to_owned()))
}

fn owners_in(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().filter(|word| is_owner(word))
}

/// `@name`, `@org/team`, `@@role`, or an address.
fn is_owner(word: &str) -> bool {
    match word.split_once('@') {
        Some(("", name)) => !name.is_empty() && name != "@",
        Some((_, domain)) => domain.contains('.'),
        None => false,
    }
}
