//! Nodes that were spot capacity: from when to when each was seen, and how its time ended.

use jiff::Timestamp;

/// How the time of a spot node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotEnd {
    /// It is still there at the window's end.
    There,
    /// It went away under pods that went on elsewhere. A node that was emptied on purpose looks the same, so that these are the
    /// interruptions at most.
    Taken {
        /// When the first of those pods ran again.
        back: Timestamp,
    },
    /// It went away, and no pod of it was seen to go on elsewhere: nobody needed it, as far as is known.
    LetGo,
}

/// A node's time as spot capacity, within the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotNode {
    /// Its name.
    pub name: String,
    /// Its instance type.
    pub instance_type: Option<String>,
    /// From when; of a node that is gone, from when the first pod was seen on it.
    pub from: Timestamp,
    /// Until when; of a node that is gone, until when the last pod was seen on it.
    pub to: Timestamp,
    /// How it ended.
    pub end: SpotEnd,
}
