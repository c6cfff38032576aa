//! The whole story of one workload: what it is, what it costs, how busy it was, and what every lever says of it.

mod find;
mod facts;
mod verdicts;
#[cfg(test)]
mod tests;

pub use find::NoSuchWorkload;

use crate::model::plan::Plan;

use super::names::Names;

/// The story of the workload of this name: its id, `cluster/namespace/name`, `namespace/name`, or its bare name where no
/// other has it.
///
/// # Errors
/// Where no workload has the name, or several have.
pub fn why(plan: &Plan, name: &str) -> Result<String, NoSuchWorkload> {
    let workload = find::find(plan, name)?;
    let names = Names::new(plan);
    let facts = facts::facts(plan, &names, workload);
    let verdicts = verdicts::verdicts(plan, workload);
    Ok(format!("{facts}\n{verdicts}"))
}
