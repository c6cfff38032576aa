//! The files that arguments name: policies, price sheets, decisions, and what a policy names in turn.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use jiff::tz::TimeZone;

use super::exit::Usage;
use crate::catalog::Catalog;
use crate::engine::Judge;
use crate::policy::codeowners::LARGEST;
use crate::policy::located::{Mistake, Place};
use crate::policy::{Mistakes, PRESETS};

/// Each file's name and text.
pub(super) fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Usage> {
    let text = |path: &PathBuf| {
        let text = String::from_utf8(read(path)?)
            .map_err(|_| Usage(format!("{} is not UTF-8 text; save it as such", path.display())))?;
        Ok((path.display().to_string(), text))
    };
    paths.iter().map(text).collect()
}

/// The same of policies, among which a preset goes by its bare name; a file of such a name is given as `./cautious`.
pub(super) fn policies(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Usage> {
    let one = |path: &PathBuf| {
        let preset = PRESETS.iter().find(|(name, ..)| path.as_os_str() == *name);
        match preset {
            Some((_, file, text)) => Ok(vec![((*file).to_owned(), (*text).to_owned())]),
            None => texts(std::slice::from_ref(path)),
        }
    };
    let found: Result<Vec<_>, Usage> = paths.iter().map(one).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// A judge by these policy files and price sheets.
pub(super) fn judge(policies: &[PathBuf], sheets: &[PathBuf]) -> anyhow::Result<Judge> {
    let judge = Judge::with_prices(&self::policies(policies)?, &texts(sheets)?, Catalog::shipped()?)?;
    Ok(match &judge.policy().attribution.codeowners_at {
        Some((file, place)) => {
            let (file, text) = codeowners(file, place)?;
            judge.with_codeowners(&file, &text)
        }
        None => judge,
    })
}

/// The CODEOWNERS file that a policy names, relative to itself, and its text.
fn codeowners(file: &str, place: &Place) -> Result<(String, String), Mistakes> {
    let beside = Path::new(&place.file).parent().unwrap_or(Path::new(""));
    let path = beside.join(file);
    let wrong = |what: String| {
        Mistakes(vec![Mistake {
            place: place.clone(),
            what: format!("{}: {what}", path.display()),
        }])
    };
    let mut bytes = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|cause| wrong(format!("it cannot be read: {cause}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(format!("it is larger than {} MiB", LARGEST / (1024 * 1024))));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
    Ok((shortest(&path).display().to_string(), text))
}

/// A path without the steps up that it takes back.
fn shortest(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let steps_back =
            part == Component::ParentDir && matches!(short.components().next_back(), Some(Component::Normal(_)));
        if steps_back {
            short.pop();
        } else {
            short.push(part);
        }
    }
    short
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Usage> {
    std::fs::read(path).map_err(|cause| Usage(format!("cannot read {}: {cause}", path.display())))
}

/// A time zone by its name.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone; give one such as Europe/Berlin"))
}
