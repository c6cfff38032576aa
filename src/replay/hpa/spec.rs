//! A HorizontalPodAutoscaler's behaviour as its owner writes it and as the API server completes it.

use serde::{Deserialize, Serialize};

use super::quantity::Quantity;

/// `spec.behavior`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// How it scales up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<Rules>,
    /// How it scales down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<Rules>,
}

/// The rules of one direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// Seconds of recommendations among which the gentlest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stabilization_window_seconds: Option<i64>,
    /// Which of several policies counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<Select>,
    /// How much may change, and how fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<Policy>>,
    /// What change of a metric's ratio is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Quantity>,
}

/// Which of several policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Select {
    /// The one that lets most change.
    Max,
    /// The one that lets least change.
    Min,
    /// None: nothing changes in this direction.
    Disabled,
}

/// How much may change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// What the value counts.
    pub r#type: PolicyType,
    /// How much.
    pub value: i32,
    /// The period.
    pub period_seconds: i64,
}

/// What a policy's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyType {
    /// Pods.
    Pods,
    /// Percent of the replicas at the period's start.
    Percent,
}

impl Behavior {
    /// With everything that the API server fills in. The window of scaling down stays open: that is the controller's.
    #[must_use]
    pub fn defaulted(self) -> Self {
        let policy = |r#type, value| Policy {
            r#type,
            value,
            period_seconds: 15,
        };
        let complete = |rules: Option<Rules>, window: Option<i64>, policies: Vec<Policy>| {
            let rules = rules.unwrap_or_default();
            Rules {
                stabilization_window_seconds: rules.stabilization_window_seconds.or(window),
                select_policy: rules.select_policy.or(Some(Select::Max)),
                policies: rules.policies.or(Some(policies)),
                tolerance: rules.tolerance,
            }
        };
        let (pods, percent) = (policy(PolicyType::Pods, 4), policy(PolicyType::Percent, 100));
        Self {
            scale_up: Some(complete(self.scale_up, Some(0), vec![pods, percent])),
            scale_down: Some(complete(self.scale_down, None, vec![percent])),
        }
    }
}
