//! Searches whose answer is known.
