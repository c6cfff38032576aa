//! What has been committed to: capacity that is paid for until a day, used or not.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::gpu::GpuModel;
use super::units::{Hourly, Money};

/// What kind of commitment it is, in the words of those who sell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitmentKind {
    /// A spend an hour, for a lower price (AWS, Azure).
    SavingsPlan,
    /// Instances, for a lower price (AWS, Azure).
    ReservedInstances,
    /// Resources or a spend, for a lower price (Google).
    CommittedUse,
    /// Capacity that is held and paid for, used or not (On-Demand Capacity Reservations, reservations).
    CapacityReservation,
    /// Capacity that was bought for a time, and paid beforehand (Capacity Blocks, future reservations).
    CapacityBlock,
    /// Money that must be spent there, and is lost after its day.
    Credits,
}

impl CommitmentKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::SavingsPlan,
        Self::ReservedInstances,
        Self::CommittedUse,
        Self::CapacityReservation,
        Self::CapacityBlock,
        Self::Credits,
    ];

    /// Its name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::SavingsPlan => "savings-plan",
            Self::ReservedInstances => "reserved-instances",
            Self::CommittedUse => "committed-use",
            Self::CapacityReservation => "capacity-reservation",
            Self::CapacityBlock => "capacity-block",
            Self::Credits => "credits",
        }
    }
}

/// Which nodes it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers {
    /// Those of this instance type.
    InstanceType(String),
    /// Those with this GPU.
    Gpu(GpuModel),
}

/// A commitment.
#[derive(Debug, Clone, PartialEq)]
pub struct Commitment {
    /// What its owner calls it.
    pub name: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// Which nodes it covers.
    pub covers: Covers,
    /// Only in this region.
    pub region: Option<String>,
    /// How many nodes it covers; `None` for all of them.
    pub nodes: Option<u32>,
    /// What a node costs under it; `None` where nobody said.
    pub hourly: Option<Hourly>,
    /// What was left of credits at `from`; `None` where nobody said.
    pub amount: Option<Money>,
    /// Since when, at midnight UTC.
    pub from: Option<Timestamp>,
    /// Until when, not included.
    pub until: Timestamp,
    /// Where it stands, as `file:line`.
    pub place: String,
}

impl Commitment {
    /// Whether it is in force at a moment.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && at < self.until
    }

    /// The day on which it ends.
    pub fn until_day(&self) -> String {
        day(self.until)
    }

    /// Why what runs on its nodes does not leave the bill.
    pub fn in_words(&self) -> String {
        let (until, name) = (self.until_day(), &self.name);
        match self.kind {
            // They are as good as cash: what is not spent today is spent later.
            CommitmentKind::Credits => {
                format!("credits pay for its nodes until {until} ({name}), and what is not used makes them last longer")
            }
            _ => format!("its nodes are committed to until {until} ({name})"),
        }
    }
}

/// The day of a moment, in UTC.
pub fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}
