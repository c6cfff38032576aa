//! The report of a small ledger, in every form.
