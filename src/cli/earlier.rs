//! An earlier plan that a new one is compared with.

use std::path::{Path, PathBuf};

use super::exit::Usage;
use super::files::read;
use crate::engine::{Scope, since};
use crate::finops::realised::measure;
use crate::model::plan::Plan;
use crate::report;

/// A plan in a file, which an earlier run wrote.
#[derive(Debug)]
pub(super) struct Earlier {
    path: PathBuf,
    /// What it says.
    pub(super) plan: Plan,
}

impl Earlier {
    pub(super) fn read(path: &Path) -> Result<Self, Usage> {
        let wrong = |why: &dyn std::fmt::Display| wrong(path, why);
        let text = String::from_utf8(read(path)?).map_err(|_| wrong(&"it is not UTF-8 text"))?;
        let plan = report::json::read(&text).map_err(|why| wrong(&why))?;
        Ok(Self {
            path: path.to_owned(),
            plan,
        })
    }

    /// Tells in a plan what became of the changes of this one, and what those saved that were made.
    pub(super) fn compare(&self, plan: &mut Plan, scope: &Scope) -> Result<(), Usage> {
        let mut told = since(&self.plan, plan, scope).map_err(|why| wrong(&self.path, &why))?;
        measure(&mut told, &self.plan, plan);
        plan.since = Some(told);
        Ok(())
    }
}

fn wrong(path: &Path, why: &dyn std::fmt::Display) -> Usage {
    // `--previous` and `--compare` are one: neither is blamed, as either may have been typed.
    Usage(format!("the earlier plan {}: {why}", path.display()))
}
