//! Small ledgers, by hand.
