//! Money for people: where it goes, whether budgets hold, what was unusual, what to be alerted of, and what changes bring. Pure:
//! the same plan, ledger and policy give the same answer.

pub mod composition;
pub mod alerts;
