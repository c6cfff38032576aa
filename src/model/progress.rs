//! How long work tells that it is alive, without knowing who listens.

/// Told as long work goes on. Implementations must be quick: they are called from inner loops.
pub trait Progress: Send + Sync {
    /// A new stage begins; `total` units of work lie ahead where that is known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// `done` more units of the current stage are finished.
    fn advance(&self, done: u64);
    /// Something that was decided on the way, worth a line even where nobody watches.
    fn note(&self, _said: &str) {}
    /// What was asked of a server in all.
    fn asked(&self, _server: &str, _load: Load) {}
}

/// What a server was asked, and what it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Samples.
    pub samples: u64,
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _name: &str, _total: Option<u64>) {}
    fn advance(&self, _done: u64) {}
}
