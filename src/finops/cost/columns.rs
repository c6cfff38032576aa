//! The columns of a cost report. They are apart from each other: what is in one is in no other, and together they are the total.

use serde::Serialize;

use crate::model::amount::Amount;

/// What money was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Columns {
    /// GPUs that were held, less what is `unused` of them. On a GPU node it is a GPU's part of the whole node, CPUs and memory
    /// included.
    pub gpu: Amount,
    /// GPUs that were held and did nothing: their cost times the share of the time in which they were not busy. No cost source
    /// calls it idle.
    pub unused: Amount,
    /// CPUs and memory of nodes without GPUs.
    pub compute: Amount,
    /// Volumes.
    pub storage: Amount,
    /// Traffic and load balancers.
    pub network: Amount,
    /// Control planes, what is shared out, what comes from outside the cluster.
    pub other: Amount,
    /// The part of nodes that nobody held.
    pub idle: Amount,
}

impl Columns {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// Their names, as JSON and CSV have them.
    pub const NAMES: [&'static str; Self::COUNT] = ["gpu", "unused", "compute", "storage", "network", "other", "idle"];

    /// All of them, in this order.
    pub fn all(self) -> [Amount; Self::COUNT] {
        [
            self.gpu,
            self.unused,
            self.compute,
            self.storage,
            self.network,
            self.other,
            self.idle,
        ]
    }

    /// From all of them.
    pub fn from_all(all: [Amount; Self::COUNT]) -> Self {
        let [gpu, unused, compute, storage, network, other, idle] = all;
        Self {
            gpu,
            unused,
            compute,
            storage,
            network,
            other,
            idle,
        }
    }

    /// The total.
    pub fn total(self) -> Amount {
        self.all().into_iter().sum()
    }

    /// One of them alone.
    pub fn only(self, at: usize) -> Self {
        let mut all = [Amount::ZERO; Self::COUNT];
        if let (Some(to), Some(from)) = (all.get_mut(at), self.all().get(at)) {
            *to = *from;
        }
        Self::from_all(all)
    }
}

impl std::ops::AddAssign for Columns {
    fn add_assign(&mut self, other: Self) {
        let (ours, theirs) = (self.all(), other.all());
        *self = Self::from_all(std::array::from_fn(|at| ours[at] + theirs[at]));
    }
}
