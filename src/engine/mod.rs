//! Candidates and policy to a plan: ask, price, guard, choose and realise, rank. Pure: the same snapshot and policy give
//! the same plan.

mod ask;
mod price;
mod placement;
mod realise;
mod guard;
mod choose;
mod rows;
mod coverage;
mod since;

use crate::catalog::Catalog;
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::policy::located::Located;
use crate::policy::section::Section;
use crate::policy::{Mistakes, Policy, layered};
use crate::recommenders::offers::Offers;
use crate::recommenders::{Recommender, World, all};

pub use since::{NotComparable, since};

/// Which workloads are asked about; empty lists ask about all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Only these namespaces.
    pub namespaces: Vec<String>,
    /// Only what these teams own.
    pub owners: Vec<String>,
}

impl Scope {
    /// Whether a workload is asked about.
    pub fn holds(&self, workload: &Workload) -> bool {
        self.covers(&workload.namespace, workload.owner.as_ref())
    }

    /// Whether a workload of this namespace and owner is asked about.
    fn covers(&self, namespace: &String, owner: Option<&String>) -> bool {
        let owned = self.owners.is_empty() || owner.is_some_and(|owner| self.owners.contains(owner));
        owned && (self.namespaces.is_empty() || self.namespaces.contains(namespace))
    }
}

/// A policy with the levers that it sets, ready to judge.
pub struct Judge {
    policy: Policy,
    levers: Vec<Box<dyn Recommender>>,
    catalog: Catalog,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let levers: Vec<&str> = self.levers.iter().map(|lever| lever.id()).collect();
        f.debug_struct("Judge")
            .field("policy", &self.policy)
            .field("levers", &levers)
            .finish_non_exhaustive()
    }
}

impl Judge {
    /// From policy files, each a name and its text, laid over the defaults.
    ///
    /// # Errors
    /// Everything that is wrong in them, each with its place.
    pub fn new(files: &[(String, String)], catalog: Catalog) -> Result<Self, Mistakes> {
        let root: Located = layered(files)?;
        let mut mistakes = Vec::new();
        let mut section = Section::open("", &root, &mut mistakes);
        let policy = Policy::read(&mut section, &catalog, &mut mistakes);
        let mut settings = section.section("levers", &mut mistakes);
        let levers = all(&mut settings, &mut mistakes);
        settings.finish(&mut mistakes);
        section.finish(&mut mistakes);
        if !mistakes.is_empty() {
            mistakes.sort();
            return Err(Mistakes(mistakes));
        }
        Ok(Self {
            policy,
            levers,
            catalog,
        })
    }

    /// Only these levers are asked.
    ///
    /// # Errors
    /// The first id that is no lever's, and those that are.
    pub fn only(mut self, ids: &[String]) -> Result<Self, String> {
        let known: Vec<&str> = self.levers.iter().map(|lever| lever.id()).collect();
        if let Some(stranger) = ids.iter().find(|id| !known.contains(&id.as_str())) {
            return Err(format!("`{stranger}` is no lever; there are {}", known.join(", ")));
        }
        if !ids.is_empty() {
            self.levers.retain(|lever| ids.iter().any(|id| id == lever.id()));
        }
        Ok(self)
    }

    /// Hours are meant in this time zone, whatever the policy says.
    ///
    /// # Errors
    /// When there is no such time zone.
    pub fn in_timezone(mut self, name: &str) -> Result<Self, String> {
        jiff::tz::TimeZone::get(name)
            .map_err(|_| format!("`{name}` is no time zone; give one such as Europe/Berlin"))?;
        name.clone_into(&mut self.policy.objectives.timezone);
        Ok(self)
    }

    /// What the policy says.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The facts it judges by.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The levers it asks.
    pub fn levers(&self) -> &[Box<dyn Recommender>] {
        &self.levers
    }

    /// Judges a snapshot: every workload in scope gets a verdict from every lever.
    pub fn analyze(&self, snapshot: &Snapshot, scope: &Scope, progress: &dyn Progress) -> Plan {
        let offers = Offers::of(snapshot, &self.catalog, &self.policy.objectives);
        let world = World {
            snapshot,
            catalog: &self.catalog,
            objectives: &self.policy.objectives,
            offers: &offers,
        };
        progress.stage("judging workloads", Some(snapshot.workloads.len() as u64));
        let mut answers = ask::ask(&self.levers, &world, scope, progress);
        let priced = price::price(&mut answers, &world);
        let permitted = guard::guard(priced, &self.policy.permissions, snapshot);
        let chosen = choose::choose(permitted, &mut answers, snapshot, &offers);
        rows::plan(chosen, &answers, &world, scope)
    }
}
