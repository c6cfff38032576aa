//! Patterns of paths as CODEOWNERS files have them, which GitHub reads as `.gitignore` does, and GitLab as `fnmatch` does.

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Most of `.gitignore`; no character ranges, no negation, no escaped `#`.
    GitHub,
    /// `fnmatch` over the whole path; what does not begin at the root begins anywhere.
    GitLab,
}

/// Which paths are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `**`: any number of folders.
    Deep,
    /// The name of a folder or file.
    Name(Vec<Token>),
}

/// What of the path the parts must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All of it.
    All,
    /// All of it, or a folder that holds it.
    AllOrAbove,
    /// A folder that holds it.
    Above,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`.
    Some,
    /// `?`.
    One,
    /// `[a-z]`; whether those or all others are meant.
    Of(Vec<(char, char)>, bool),
    Exactly(char),
}

/// A file of unknown name in a folder: what no name but `*` matches.
const SOME_FILE: &str = "\0";

impl Pattern {
    /// Reads a pattern; the reason where it means nothing.
    pub(super) fn read(text: &str, dialect: Dialect) -> Result<Self, &'static str> {
        let (inner, is_folder) = match text.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (text, false),
        };
        let (inner, rooted) = match inner.strip_prefix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let names: Vec<&str> = inner.split('/').collect();
        if names.iter().any(|name| name.is_empty()) {
            return Err("the pattern has an empty name between slashes");
        }
        let is_rooted = rooted || (dialect == Dialect::GitHub && names.len() > 1);
        let mut parts = if is_rooted { Vec::new() } else { vec![Part::Deep] };
        let last = names.len() - 1;
        let mut end = match dialect {
            _ if is_folder => End::Above,
            Dialect::GitLab => End::All,
            // `docs/*` is what lies in `docs`, and nothing below that; `*` alone is everything.
            Dialect::GitHub if names[last] == "*" && is_rooted => End::All,
            Dialect::GitHub => End::AllOrAbove,
        };
        for (at, name) in names.iter().enumerate() {
            match *name {
                "**" if at < last || is_folder => {
                    parts.push(Part::Deep);
                    // `docs/**/` is the folders in `docs`, and not `docs` itself.
                    if at == last && dialect == Dialect::GitHub {
                        parts.push(Part::Name(vec![Token::Some]));
                    }
                }
                "**" if dialect == Dialect::GitHub => end = End::Above,
                name => parts.push(Part::Name(tokens(name, dialect)?)),
            }
        }
        Ok(Self { parts, end })
    }

    /// Whether a path is meant, given from the root of the repository; one that ends with a slash is a file in that folder.
    pub(super) fn means(&self, path: &str) -> bool {
        let mut names: Vec<&str> = path.split('/').collect();
        if let Some(last) = names.last_mut().filter(|last| last.is_empty()) {
            *last = SOME_FILE;
        }
        // How many names of the path the parts so far may have taken.
        let mut taken = vec![false; names.len() + 1];
        taken[0] = true;
        for part in &self.parts {
            match part {
                Part::Deep => {
                    let first = taken.iter().position(|is| *is).unwrap_or(taken.len());
                    taken[first..].fill(true);
                }
                Part::Name(tokens) => {
                    for at in (0..names.len()).rev() {
                        taken[at + 1] = taken[at] && is_name(tokens, names[at]);
                    }
                    taken[0] = false;
                }
            }
        }
        let above = &taken[..names.len()];
        match self.end {
            End::All => taken[names.len()],
            End::AllOrAbove => taken.contains(&true),
            End::Above => above.contains(&true),
        }
    }
}

fn tokens(name: &str, dialect: Dialect) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' if tokens.last() == Some(&Token::Some) => continue,
            '*' => Token::Some,
            '?' => Token::One,
            '\\' => Token::Exactly(rest.next().ok_or("the pattern ends with a backslash")?),
            '[' if dialect == Dialect::GitLab => of(&mut rest)?,
            '[' | ']' if dialect == Dialect::GitHub => return Err("GitHub knows no character ranges"),
            c => Token::Exactly(c),
        });
    }
    Ok(tokens)
}

/// What follows `[`.
fn of(rest: &mut std::str::Chars<'_>) -> Result<Token, &'static str> {
    const OPEN: &str = "a bracket of the pattern is not closed";
    let mut inner: Vec<char> = Vec::new();
    loop {
        match rest.next().ok_or(OPEN)? {
            ']' if !inner.is_empty() => break,
            '\\' => inner.push(rest.next().ok_or(OPEN)?),
            c => inner.push(c),
        }
    }
    let (inner, meant) = match inner.split_first() {
        Some(('!' | '^', others)) if !others.is_empty() => (others, false),
        _ => (&inner[..], true),
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < inner.len() {
        let is_range = at + 2 < inner.len() && inner[at + 1] == '-';
        ranges.push((inner[at], inner[if is_range { at + 2 } else { at }]));
        at += if is_range { 3 } else { 1 };
    }
    Ok(Token::Of(ranges, meant))
}

/// Whether a name is meant; in time of at most its length times that of the pattern.
fn is_name(tokens: &[Token], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut token, mut at) = (0, 0);
    // The last `*`, and what it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Some) => {
                star = Some((token, at));
                token += 1;
            }
            Some(one) if is_char(one, name[at]) => (token, at) = (token + 1, at + 1),
            _ => match &mut star {
                Some((place, taken)) => {
                    *taken += 1;
                    (token, at) = (*place + 1, *taken);
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|left| *left == Token::Some)
}

fn is_char(token: &Token, c: char) -> bool {
    match token {
        Token::Some => false,
        Token::One => c != '\0',
        Token::Exactly(own) => *own == c,
        Token::Of(ranges, meant) => c != '\0' && ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) == *meant,
    }
}
