//! What may change and how fast: recommendations of a window, events of a period, and the limits that follow.

use super::spec::{PolicyType, Rules, Select};

/// What was recommended, and when, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommendation {
    /// When.
    pub at: i64,
    /// How many replicas.
    pub replicas: i32,
}

/// A change that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds.
    pub at: i64,
    /// By how many replicas.
    pub change: i32,
    /// Whether it was older than every period once; its slot may be used again.
    pub outdated: bool,
}

/// Changes in both directions, in slot order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Up.
    pub up: Vec<Event>,
    /// Down.
    pub down: Vec<Event>,
}

/// What a limit made of a number of replicas, with the reason as the condition `ScalingLimited` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Replicas.
    pub replicas: i32,
    /// Why.
    pub reason: &'static str,
}

const WITHIN: &str = "DesiredWithinRange";

/// As the controller's platform converts a float that may not fit.
pub(super) fn to_i32(value: f64) -> i32 {
    let fits = value > -2_147_483_649.0 && value < 2_147_483_648.0;
    if fits { value as i32 } else { i32::MIN }
}

fn since(events: &[Event], now: i64, period_seconds: i64) -> i32 {
    let recent = events.iter().filter(|event| event.at > now - period_seconds * 1_000);
    recent.fold(0_i32, |sum, event| sum.wrapping_add(event.change))
}

impl Events {
    /// The most replicas to which scaling up may go, before it is bounded by what is there.
    pub fn up_limit(&self, rules: &Rules, current: i32, now: i64) -> i32 {
        let limits = self.starts(rules, current, now).map(|(kind, value, start)| match kind {
            PolicyType::Pods => start.wrapping_add(value),
            PolicyType::Percent => to_i32((f64::from(start) * (1.0 + f64::from(value) / 100.0)).ceil()),
        });
        match rules.select_policy {
            Some(Select::Disabled) => current,
            Some(Select::Min) => limits.min().unwrap_or(i32::MAX),
            Some(Select::Max) | None => limits.max().unwrap_or(i32::MIN),
        }
    }

    /// The fewest replicas to which scaling down may go, before it is bounded by what is there.
    pub fn down_limit(&self, rules: &Rules, current: i32, now: i64) -> i32 {
        let limits = self.starts(rules, current, now).map(|(kind, value, start)| match kind {
            PolicyType::Pods => start.wrapping_sub(value),
            PolicyType::Percent => to_i32(f64::from(start) * (1.0 - f64::from(value) / 100.0)),
        });
        match rules.select_policy {
            Some(Select::Disabled) => current,
            Some(Select::Min) => limits.max().unwrap_or(i32::MIN),
            Some(Select::Max) | None => limits.min().unwrap_or(i32::MAX),
        }
    }

    /// Every policy with the replicas at its period's start.
    fn starts<'r>(
        &'r self,
        rules: &'r Rules,
        current: i32,
        now: i64,
    ) -> impl Iterator<Item = (PolicyType, i32, i32)> + 'r {
        rules.policies.iter().flatten().map(move |policy| {
            let added = since(&self.up, now, policy.period_seconds);
            let removed = since(&self.down, now, policy.period_seconds);
            let start = current.wrapping_sub(added).wrapping_add(removed);
            (policy.r#type, policy.value, start)
        })
    }

    /// Bounds what was stabilized by the limits of its direction.
    pub fn limited(
        &self,
        (up, down): (&Rules, &Rules),
        (current, desired): (i32, i32),
        (min, max): (i32, i32),
        now: i64,
    ) -> Limited {
        let within = Limited {
            replicas: desired,
            reason: WITHIN,
        };
        if desired > current {
            let limit = self.up_limit(up, current, now).max(current);
            let (replicas, reason) = if max > limit {
                (limit, "ScaleUpLimit")
            } else {
                (max, "TooManyReplicas")
            };
            return if desired > replicas {
                Limited { replicas, reason }
            } else {
                within
            };
        }
        if desired < current {
            let limit = self.down_limit(down, current, now).min(current);
            let (replicas, reason) = if min < limit {
                (limit, "ScaleDownLimit")
            } else {
                (min, "TooFewReplicas")
            };
            return if desired < replicas {
                Limited { replicas, reason }
            } else {
                within
            };
        }
        within
    }

    /// Remembers a change that was carried out.
    pub fn store(&mut self, (up, down): (&Rules, &Rules), (before, after): (i32, i32), now: i64) {
        let (events, rules, change) = if after > before {
            (&mut self.up, up, after.wrapping_sub(before))
        } else {
            (&mut self.down, down, before.wrapping_sub(after))
        };
        let longest = rules
            .policies
            .iter()
            .flatten()
            .map(|policy| policy.period_seconds)
            .max()
            .unwrap_or(0);
        for event in events.iter_mut() {
            event.outdated |= event.at < now - longest * 1_000;
        }
        let event = Event {
            at: now,
            change,
            outdated: false,
        };
        match events.iter().rposition(|event| event.outdated) {
            Some(slot) => events[slot] = event,
            None => events.push(event),
        }
    }
}

/// Without behaviour: between the bounds, and at most twice what is there or four.
pub fn limited_without_behavior(current: i32, desired: i32, (min, max): (i32, i32)) -> Limited {
    let at_once = to_i32((2.0 * f64::from(current)).max(4.0));
    let (most, reason) = if max > at_once {
        (at_once, "ScaleUpLimit")
    } else {
        (max, "TooManyReplicas")
    };
    if desired < min {
        Limited {
            replicas: min,
            reason: "TooFewReplicas",
        }
    } else if desired > most {
        Limited { replicas: most, reason }
    } else {
        Limited {
            replicas: desired,
            reason: WITHIN,
        }
    }
}

/// Without behaviour: the most that was recommended within the window. What is new takes the last slot that is older.
pub fn stabilized_without_behavior(
    history: &mut Vec<Recommendation>,
    window_seconds: i64,
    desired: i32,
    now: i64,
) -> i32 {
    let cutoff = now - window_seconds * 1_000;
    let recent = history.iter().filter(|one| one.at >= cutoff).map(|one| one.replicas);
    let most = recent.fold(desired, i32::max);
    remember(history, |one| one.at < cutoff, desired, now);
    most
}

/// With behaviour: what is there, raised to the least of the window for scaling up and lowered to the most of that for down.
pub fn stabilized(
    history: &mut Vec<Recommendation>,
    (up_seconds, down_seconds): (i64, i64),
    (current, desired): (i32, i32),
    now: i64,
) -> i32 {
    let (up_cutoff, down_cutoff) = (now - up_seconds * 1_000, now - down_seconds * 1_000);
    let (mut up, mut down) = (desired, desired);
    for one in history.iter() {
        if one.at > up_cutoff {
            up = up.min(one.replicas);
        }
        if one.at > down_cutoff {
            down = down.max(one.replicas);
        }
    }
    remember(history, |one| one.at < up_cutoff && one.at < down_cutoff, desired, now);
    let raised = if current < up { up } else { current };
    if raised > down { down } else { raised }
}

fn remember(history: &mut Vec<Recommendation>, is_old: impl Fn(&Recommendation) -> bool, replicas: i32, now: i64) {
    let new = Recommendation { at: now, replicas };
    match history.iter().rposition(is_old) {
        Some(slot) => history[slot] = new,
        None => history.push(new),
    }
}
