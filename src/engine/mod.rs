//! Candidates and policy to a plan: ask, compose, price, guard, choose and realise, rank. Pure: the same snapshot and policy give
//! the same plan.

mod scope;
mod changed;
mod ask;
mod compose;
mod effect;
mod price;
mod packing;
mod groups;
mod placement;
mod bill;
mod credit;
mod nights;
mod realise;
mod guard;
mod told;
mod remembered;
mod choose;
mod experiments;
mod proved;
mod shapes;
mod live;
mod rows;
mod serving;
mod arrivals;
mod served;
mod spans;
mod history;
mod coverage;
mod since;
mod prices;
mod checkup;

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::policy::codeowners::Codeowners;
use crate::policy::decisions::{self, Decision};
use crate::policy::located::Located;
use crate::policy::section::Section;
use crate::policy::{Mistakes, Policy, layered, schema};
use crate::recommenders::offers::Offers;
use crate::recommenders::{Prompts, Recommender, World, all};
use coverage::Figures;
use remembered::Remembered;

pub use crate::policy::selector::{BadSelector, Selector};
pub use ask::Heard;
pub use checkup::checkup;
pub use prices::WorkHours;
pub use scope::Scope;
pub use since::{NotComparable, since};

/// A policy with the levers that it sets, ready to judge.
pub struct Judge {
    policy: Policy,
    decisions: Vec<Decision>,
    levers: Vec<Box<dyn Recommender>>,
    catalog: Catalog,
    remembered: Remembered,
    prompts: Prompts,
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
        Self::with_prices(files, &[], catalog)
    }

    /// The same with price sheets laid over the policy's `prices`.
    ///
    /// # Errors
    /// As [`Judge::new`].
    pub fn with_prices(
        files: &[(String, String)],
        sheets: &[(String, String)],
        catalog: Catalog,
    ) -> Result<Self, Mistakes> {
        let root: Located = layered(files, sheets)?;
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
            decisions: Vec::new(),
            levers,
            catalog,
            remembered: Remembered::default(),
            prompts: Prompts::new(),
        })
    }

    /// The JSON Schema of a policy, as it is read here.
    pub fn schema(catalog: Catalog) -> serde_json::Value {
        let exemplar = ("exemplar".to_owned(), schema::EXEMPLAR.to_owned());
        schema::schema_of(|| drop(Self::new(&[exemplar], catalog)))
    }

    /// With what owners decided: files, each a name and its text.
    ///
    /// # Errors
    /// Everything that is wrong in them, each with its place.
    pub fn with_decisions(mut self, files: &[(String, String)]) -> Result<Self, Mistakes> {
        let levers: Vec<&str> = self.levers.iter().map(|lever| lever.id()).collect();
        self.decisions = decisions::read(files, &levers)?;
        Ok(self)
    }

    /// With the CODEOWNERS file that the policy names: the file as it is to be quoted, and its text.
    #[must_use]
    pub fn with_codeowners(mut self, file: &str, text: &str) -> Self {
        self.policy.attribution.codeowners = Some(Codeowners::read(file, text));
        self
    }

    /// With prompts that came, as hashes of their blocks.
    #[must_use]
    pub fn with_prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = prompts;
        self
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

    /// What this earlier plan chose stays chosen where nothing else saves a tenth more.
    #[must_use]
    pub fn remembering(mut self, earlier: &Plan) -> Self {
        self.remembered = Remembered::of(earlier);
        self
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

    /// Opens a hearing: `outline` is the cluster without its history, `scope` what is asked about.
    pub fn hearing<'a>(&'a self, outline: &'a Snapshot, scope: &'a Scope) -> Hearing<'a> {
        Hearing {
            judge: self,
            offers: Offers::of(outline, &self.catalog, &self.policy.objectives),
            outline,
            scope,
        }
    }
}

/// Workloads are heard part by part, each while its history is in memory; the plan is made of what was said.
#[derive(Debug)]
pub struct Hearing<'a> {
    judge: &'a Judge,
    outline: &'a Snapshot,
    scope: &'a Scope,
    offers: Offers,
}

impl Hearing<'_> {
    fn world<'w>(&'w self, snapshot: &'w Snapshot) -> World<'w> {
        World {
            snapshot,
            catalog: &self.judge.catalog,
            objectives: &self.judge.policy.objectives,
            offers: &self.offers,
            prompts: &self.judge.prompts,
        }
    }

    /// Every lever is asked about this workload; then its history is let go.
    pub fn hear(&self, workload: Workload, progress: &dyn Progress) -> Heard {
        progress.advance(1);
        ask::hear(&self.judge.levers, workload, &self.world(self.outline), self.scope)
    }

    /// The plan of what was heard. `whole` makes the snapshot of its workloads.
    pub fn plan(self, all: Vec<Heard>, whole: impl FnOnce(Vec<Workload>) -> Snapshot) -> Plan {
        let (mut said, mut figures) = (BTreeMap::new(), BTreeMap::new());
        let mut workloads = Vec::new();
        for heard in all {
            let (workload, seen, own) = heard.split();
            said.insert(workload.id.clone(), own);
            figures.insert(workload.id.clone(), seen);
            workloads.push(workload);
        }
        let snapshot = whole(workloads);
        // In the order of the snapshot, by which all that follows finds them.
        let ids = || snapshot.workloads.iter().map(|workload| &workload.id);
        let figures: Vec<Figures> = ids().map(|id| figures.remove(id).unwrap_or_default()).collect();
        let mut answers = ask::answers(ids().map(|id| said.remove(id).unwrap_or_default()).collect());
        let world = self.world(&snapshot);
        compose::compose(&mut answers);
        let priced = price::price(&mut answers, &world);
        let Judge { policy, decisions, .. } = self.judge;
        let permitted = guard::guard(priced, policy, decisions, &snapshot);
        let chosen = choose::choose(permitted, &mut answers, &snapshot, &self.offers, &self.judge.remembered);
        let mut plan = rows::plan(chosen, &answers, figures, &world, self.scope);
        let zone = guard::zone(policy);
        guard::Decisions::new(decisions, snapshot.grid.window.end, &zone).mark(&mut plan, &snapshot);
        plan.notes.extend(told::notes(policy, &snapshot));
        plan
    }
}
