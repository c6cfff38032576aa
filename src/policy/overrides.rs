//! What a workload's own annotations ask for, as far as the policy lets them: they forbid more, and never less.

use jiff::civil::DateTime;

use super::attribution::OWNER;
use super::checkpoints;
use super::gateway;
use super::helm_values;
use super::latency;
use super::located::{Mistake, Place};
use super::moment::moment;
use super::scope::PolicyScope;
use super::section::Section;
use crate::model::workload::Workload;

/// How every annotation of ours begins.
pub const PREFIX: &str = "gpuwise.dev/";

/// What may be asked for, behind the prefix; bounds on latencies come beside them, each by its own name.
pub const KEYS: [&str; 10] = [
    "ignore",
    "levers",
    "freeze-until",
    "owner",
    "min-replicas",
    "manifest",
    helm_values::VALUES,
    checkpoints::WRITE,
    checkpoints::INTERVAL,
    gateway::QUEUE,
];

/// What a policy calls all bounds on latencies.
const LATENCY: &str = "latency";

/// Which annotations count.
#[derive(Debug, Clone, PartialEq)]
pub struct Overrides {
    /// The keys that the policy allows.
    pub allowed: Vec<String>,
    /// Where that stands.
    pub place: Place,
    /// The ids of the levers that there are.
    levers: Vec<String>,
}

/// What one workload asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// To be left alone.
    pub ignore: bool,
    /// To be left alone by these levers.
    pub without_levers: Vec<String>,
    /// To be left alone until then, in the policy's time zone.
    pub freeze_until: Option<DateTime>,
    /// To keep as many replicas at every hour.
    pub min_replicas: u32,
}

/// An annotation that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The annotation.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Why.
    pub why: String,
}

impl Overrides {
    pub(super) fn read(section: &mut Section<'_>, levers: &[String], mistakes: &mut Vec<Mistake>) -> Self {
        let place = section.place_of("overrides");
        let keys = section.texts("overrides", mistakes);
        for (key, place) in keys
            .iter()
            .filter(|(key, _)| !KEYS.contains(&key.as_str()) && key != LATENCY)
        {
            mistakes.push(Mistake {
                place: place.clone(),
                what: format!("`{key}` can be no override; there are {}, {LATENCY}", KEYS.join(", ")),
            });
        }
        Self {
            allowed: keys.into_iter().map(|(key, _)| key).collect(),
            place,
            levers: levers.to_vec(),
        }
    }

    /// Whether the policy lets workloads ask for this.
    pub fn allows(&self, key: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == key)
    }

    /// What a workload asks for, and what of that has no effect. `replicas` are those that the policy keeps anyway.
    pub fn asked(&self, workload: &Workload, scope: &PolicyScope, replicas: u32) -> (Asked, Vec<Refused>) {
        let mut asked = Asked::default();
        let mut refused = Vec::new();
        for (annotation, value) in &workload.overrides {
            let key = annotation.strip_prefix(PREFIX).unwrap_or(annotation);
            let known = if latency::is_annotation(key) { LATENCY } else { key };
            let told = if known == key && !KEYS.contains(&key) {
                Err(format!(
                    "there is no such annotation; there are {}, and bounds such as ttft-p95",
                    KEYS.join(", ")
                ))
            } else if !self.allows(known) {
                Err(format!(
                    "the policy does not allow it ({}:{})",
                    self.place.file, self.place.line
                ))
            } else {
                self.one(key, value, scope, replicas, &mut asked)
            };
            if let Err(why) = told {
                refused.push(Refused {
                    key: annotation.clone(),
                    value: value.clone(),
                    why,
                });
            }
        }
        (asked, refused)
    }

    fn one(&self, key: &str, value: &str, scope: &PolicyScope, replicas: u32, asked: &mut Asked) -> Result<(), String> {
        match key {
            "ignore" => {
                asked.ignore = value
                    .parse()
                    .map_err(|_| "it must be \"true\" or \"false\"".to_owned())?;
            }
            "levers" => asked.without_levers = self.without(value, scope)?,
            "freeze-until" => {
                let until = moment(value).ok_or("it must be a time such as 2026-12-20 or 2026-12-20 18:00")?;
                asked.freeze_until = Some(until);
            }
            "min-replicas" => {
                let number: u32 = value.parse().map_err(|_| "it must be a whole number".to_owned())?;
                if number < replicas {
                    return Err(format!("it asks for less than the {replicas} that the policy keeps"));
                }
                asked.min_replicas = number;
            }
            checkpoints::WRITE | checkpoints::INTERVAL => drop(checkpoints::seconds(value)?),
            gateway::QUEUE => drop(gateway::checked(value)?),
            helm_values::VALUES => drop(helm_values::annotated(value)?),
            // Owners, manifests and bounds count where those are told, and not here.
            _ if PREFIX.len() + key.len() == OWNER.len() && value.is_empty() => return Err("it is empty".to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// The levers that `-idle-gpu,-smaller-gpu` leaves out, or all but those that `idle-gpu` lets in.
    fn without(&self, value: &str, scope: &PolicyScope) -> Result<Vec<String>, String> {
        let words: Vec<&str> = value.split([',', ' ']).filter(|word| !word.is_empty()).collect();
        let (minus, plain): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('-'));
        let named: Vec<&str> = words.iter().map(|word| word.trim_start_matches('-')).collect();
        if let Some(stranger) = named
            .iter()
            .find(|name| !self.levers.iter().any(|lever| lever == *name))
        {
            return Err(format!(
                "`{stranger}` is no lever; there are {}",
                self.levers.join(", ")
            ));
        }
        if words.is_empty() || !(minus.is_empty() || plain.is_empty()) {
            return Err(
                "it must name levers to leave out, such as -idle-gpu, or those to let in, such as idle-gpu".to_owned(),
            );
        }
        if let Some((lever, place)) = plain
            .iter()
            .find_map(|name| Some((name, scope.leaves_lever_out(name)?)))
        {
            return Err(format!(
                "it lets {lever} in, which the policy's scope leaves out ({}:{})",
                place.file, place.line
            ));
        }
        let outside = |lever: &&String| named.contains(&lever.as_str()) == plain.is_empty();
        Ok(self.levers.iter().filter(outside).cloned().collect())
    }
}
