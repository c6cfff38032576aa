//! What the owner wants and permits: objectives that levers see, permissions that only the guard sees, and each lever's
//! settings. Files are laid over the shipped defaults, later ones over earlier ones; all mistakes are told at once.

pub mod located;
pub mod section;
mod commitments;
pub mod price_sheet;
pub mod price_book;
pub mod selector;
pub mod moment;
pub mod freeze;
pub mod scope;
pub mod which;
pub mod rules;
pub mod codeowners;
pub mod attribution;
pub mod overrides;
pub mod latency;
pub mod checkpoints;
pub mod gateway;
pub mod helm_values;
pub mod manifests;
pub mod permissions;
pub mod patches;
pub mod budgets;
pub mod returns;
pub mod alerts;
pub mod decisions;
pub mod schema;
pub mod shown;

use crate::catalog::Catalog;
use crate::model::gpu::{GpuKind, GpuModel};
use alerts::Alerts;
use attribution::Attribution;
use budgets::Budget;
use checkpoints::CheckpointFacts;
use gateway::GatewayFacts;
use latency::LatencyObjectives;
use located::{Located, Mistake, Place, Value, overlay, parse};
use manifests::ManifestFacts;
use patches::Patches;
use permissions::Permissions;

use price_sheet::{PriceSheet, as_policy};
use returns::Effort;
use section::Section;

/// The defaults, with every key that exists and what it means.
pub const DEFAULT: &str = include_str!("../../policies/default.yaml");

/// The name under which the defaults are quoted.
pub const DEFAULT_NAME: &str = "policies/default.yaml";

/// Policies that ship beside the defaults: the name by which each is chosen, its file, and its text.
pub const PRESETS: [(&str, &str, &str); 3] = [
    ("default", DEFAULT_NAME, DEFAULT),
    (
        "cautious",
        "policies/cautious.yaml",
        include_str!("../../policies/cautious.yaml"),
    ),
    (
        "aggressive",
        "policies/aggressive.yaml",
        include_str!("../../policies/aggressive.yaml"),
    ),
];

/// What levers see.
#[derive(Debug, Clone, PartialEq)]
pub struct Objectives {
    /// GPUs and slices that workloads may be moved to; `None` means those that the cluster has.
    pub approved_gpus: Option<Vec<GpuKind>>,
    /// The time zone in which hours of the week are meant.
    pub timezone: String,
    /// What requests may take.
    pub latency: LatencyObjectives,
    /// What owners tell of checkpoints.
    pub checkpoints: CheckpointFacts,
    /// What owners tell of gateways.
    pub gateway: GatewayFacts,
    /// Where owners say that manifests are.
    pub manifests: ManifestFacts,
    /// What nodes cost by contract.
    pub prices: PriceSheet,
}

/// A policy without the settings of levers, which they read themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whose workloads are.
    pub attribution: Attribution,
    /// What levers see.
    pub objectives: Objectives,
    /// What only the guard sees.
    pub permissions: Permissions,
    /// How patches are made.
    pub patches: Patches,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// What changes take.
    pub returns: Effort,
    /// When somebody is told without asking.
    pub alerts: Alerts,
}

/// All that is wrong in the policy files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Mistakes(pub Vec<Mistake>);

/// The defaults with these files laid over them, each a name and its text: policies, then price sheets.
///
/// # Errors
/// The files that are no YAML.
pub fn layered(files: &[(String, String)], sheets: &[(String, String)]) -> Result<Located, Mistakes> {
    let mut mistakes = Vec::new();
    let mut layers = Vec::new();
    let shipped = (DEFAULT_NAME.to_owned(), DEFAULT.to_owned());
    let policies = std::iter::once(&shipped).chain(files).map(|file| (file, false));
    for ((name, text), is_sheet) in policies.chain(sheets.iter().map(|file| (file, true))) {
        match parse(name, text) {
            _ if is_empty(text) => {}
            // Read as a policy, everything would be missing in it.
            Ok(layer) if !matches!(layer.value, Value::Map(_) | Value::Null) => {
                let seems = match layer.value {
                    Value::List(_) if !is_sheet => "; a list of decisions is given with --decisions",
                    _ => "",
                };
                let what = format!(
                    "a policy or price sheet is a map of keys, not {}{seems}",
                    layer.value.kind()
                );
                mistakes.push(Mistake {
                    place: layer.place,
                    what,
                });
            }
            Ok(layer) if is_sheet => layers.push(as_policy(layer)),
            Ok(layer) => layers.push(layer),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes));
    }
    let nothing = Located {
        value: Value::Null,
        place: Place {
            file: DEFAULT_NAME.to_owned(),
            line: 1,
            column: 1,
        },
    };
    Ok(layers.into_iter().reduce(overlay).unwrap_or(nothing))
}

/// Whether a file has comments only, which changes nothing.
fn is_empty(text: &str) -> bool {
    text.lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

impl Policy {
    /// Reads everything but `levers` from the root section.
    pub fn read(root: &mut Section<'_>, catalog: &Catalog, mistakes: &mut Vec<Mistake>) -> Self {
        let mut section = root.section("permissions", mistakes);
        let permissions = Permissions::read(&mut section, &root.keys_of("levers"), mistakes);
        section.finish(mistakes);
        let mut objectives = root.section("objectives", mistakes);
        let approved = objectives.texts("approved_gpus", mistakes);
        let timezone = timezone(&mut objectives, mistakes);
        let latency = LatencyObjectives::read(&mut objectives, permissions.overrides.allows("latency"), mistakes);
        objectives.finish(mistakes);
        let mut section = root.section("attribution", mistakes);
        let attribution = Attribution::read(&mut section, &permissions.overrides, mistakes);
        section.finish(mistakes);
        let mut section = root.section("patches", mistakes);
        let patches = Patches::read(&mut section, mistakes);
        section.finish(mistakes);
        let mut section = root.section("returns", mistakes);
        let returns = Effort::read(&mut section, mistakes);
        section.finish(mistakes);
        let mut section = root.section("alerts", mistakes);
        let alerts = Alerts::read(&mut section, mistakes);
        section.finish(mistakes);
        let mut prices = root.section("prices", mistakes);
        let sheet = PriceSheet::read(&mut prices, catalog, mistakes);
        prices.finish(mistakes);
        let budgets = budgets::budgets(root, mistakes);
        let approved: Vec<GpuKind> = approved
            .iter()
            .filter_map(|(name, place)| approved_gpu(name, place, catalog, mistakes))
            .collect();
        Self {
            attribution,
            objectives: Objectives {
                approved_gpus: (!approved.is_empty()).then_some(approved),
                timezone,
                latency,
                checkpoints: CheckpointFacts::new(&permissions.overrides),
                gateway: GatewayFacts::new(&permissions.overrides),
                manifests: ManifestFacts::new(&permissions.overrides),
                prices: sheet,
            },
            permissions,
            patches,
            budgets,
            returns,
            alerts,
        }
    }
}

fn timezone(objectives: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> String {
    let (name, place) = objectives.text("timezone", mistakes);
    if !name.is_empty() && jiff::tz::TimeZone::get(&name).is_err() {
        let what = format!("`{name}` is no time zone; give one such as Europe/Berlin");
        mistakes.push(Mistake { place, what });
    }
    name
}

/// `L40S`, or `A100-80GB/3g.40gb` for a slice.
fn approved_gpu(name: &str, place: &Place, catalog: &Catalog, mistakes: &mut Vec<Mistake>) -> Option<GpuKind> {
    let (board, mig) = match name.split_once('/') {
        Some((board, profile)) => (board, Some(profile.to_owned())),
        None => (name, None),
    };
    let Some(model) = catalog.model_named(board) else {
        let known: Vec<&str> = catalog.gpus().iter().map(|spec| spec.model.0.as_str()).collect();
        let what = format!(
            "`{board}` is no GPU that the catalogue knows; it knows {}",
            known.join(", ")
        );
        mistakes.push(Mistake {
            place: place.clone(),
            what,
        });
        return None;
    };
    if let Some(profile) = &mig
        && !catalog.mig_profiles(model).any(|row| row.profile == *profile)
    {
        let known: Vec<&str> = catalog.mig_profiles(model).map(|row| row.profile.as_str()).collect();
        let what = format!("`{profile}` is no MIG profile of {model}; it has {}", known.join(", "));
        mistakes.push(Mistake {
            place: place.clone(),
            what,
        });
        return None;
    }
    Some(GpuKind {
        model: GpuModel(model.0.clone()),
        mig,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of(text: &str) -> Vec<String> {
        let root = match layered(&[("mine.yaml".to_owned(), text.to_owned())], &[]) {
            Ok(root) => root,
            Err(Mistakes(mistakes)) => return mistakes.iter().map(ToString::to_string).collect(),
        };
        let mut mistakes = Vec::new();
        let mut section = Section::open("", &root, &mut mistakes);
        Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes);
        let _ = section.section("levers", &mut mistakes);
        section.finish(&mut mistakes);
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(mistakes_of(""), Vec::<String>::new());
        assert_eq!(mistakes_of("# nothing of mine\n"), Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_places() {
        let text = "objectives:\n  aproved_gpus: [L40S]\n  approved_gpus: [L40X, A100-80GB/9g.1gb]\n  timezone: Mars\n\
                    permissions:\n  least_monthly_saving: cheap\nlimits: {}\nreturns: {engineer_hourley: 200}\n";
        let told = mistakes_of(text);
        let expected = [
            "mine.yaml:2:3: unknown key `objectives.aproved_gpus`; did you mean `approved_gpus`?",
            "mine.yaml:3:19: `L40X` is no GPU",
            "mine.yaml:3:25: `9g.1gb` is no MIG profile",
            "mine.yaml:4:13: `Mars` is no time zone",
            "mine.yaml:6:25: `permissions.least_monthly_saving` must be a number",
            "mine.yaml:7:1: unknown key `limits`",
            "mine.yaml:8:11: unknown key `returns.engineer_hourley`; did you mean `engineer_hourly`?",
        ];
        for expected in expected {
            assert!(
                told.iter().any(|line| line.starts_with(expected)),
                "{expected}\nnot in\n{}",
                told.join("\n")
            );
        }
        assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
    }

    #[test]
    fn a_price_sheet_tells_all_its_mistakes_at_once() {
        let text = "currency: euro\nrows:\n  - instance_type: p5.48xlarge\n    hourly: 40\n    until: 2026-01-01\n  \
                    - instance_type: p5.48xlarge\n    hourly: 35\n    from: 2025-12-01\n  - gpu: L40X\n    hourly: free\n  \
                    - gpu: L4\n    instance_type: g6.xlarge\n    hourly: 1\n  - hourly: 1\n    from: someday\n  \
                    - gpu: L4\n    hourly: 0.5\n    capacity_type: cheap\n    regoin: x\n";
        let sheet = [("prices.yaml".to_owned(), text.to_owned())];
        let root = layered(&[], &sheet).unwrap();
        let mut mistakes = Vec::new();
        let mut section = Section::open("", &root, &mut mistakes);
        Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes);
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let expected = [
            "prices.yaml:1:11: `prices.currency` is `euro`",
            "prices.yaml:6:5: this row prices the same as the one at prices.yaml:3:5 for some time",
            "prices.yaml:9:10: `L40X` is no GPU",
            "prices.yaml:10:13: `prices.rows.hourly` must be a number",
            "prices.yaml:11:5: a row prices an `instance_type` (the whole node) or a `gpu`",
            "prices.yaml:14:5: a row prices an `instance_type`",
            "prices.yaml:15:11: `someday` is no date",
            "prices.yaml:18:20: `cheap` is no capacity type",
            "prices.yaml:19:5: unknown key `prices.rows.regoin`; did you mean `region`?",
        ];
        for expected in expected {
            let is_told = told.iter().any(|line| line.starts_with(expected));
            assert!(is_told, "{expected}\nnot in\n{}", told.join("\n"));
        }
        assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
    }

    #[test]
    fn a_list_is_no_policy_and_is_told_once() {
        let told = mistakes_of("- workload: chat/guard\n  decision: reject\n");
        assert_eq!(
            told,
            [
                "mine.yaml:1:1: a policy or price sheet is a map of keys, not a list; a list of decisions is given with --decisions"
            ]
        );
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let told = mistakes_of("objectives:\n  timezone: [UTC\n");
        assert!(told.len() == 1 && told[0].starts_with("mine.yaml:"), "{told:?}");
    }
    #[test]
    fn permissions_that_cannot_be_meant_are_told_with_both_places() {
        let text = "permissions:\n  least_confidence: sure\n  most_changes: 2.5\n  least_serving_replicas: -1\n  scope:\n    \
                    namespaces: [prod, dev]\n    except_namespaces: [dev]\n    levers: [idle-gpu, idle-cpu]\n    selector: team=\n    \
                    except_selector: team=(a)\n  freezes:\n    - {name: end, from: 2027-01-04, until: 2026-12-18}\n    \
                    - {name: end, weekly: Friday}\n    - {name: both, weekly: Fri 16:00 to Mon 08:00, until: 2026-12-18}\n    \
                    - {name: never}\n    - {until: tomorrow, timezone: Mars, colour: red}\n";
        let told = mistakes_of(text);
        let expected = [
            "mine.yaml:2:21: `sure` is no confidence; give low, medium or high",
            "mine.yaml:3:17: `permissions.most_changes` is 2.5; it must be a whole number",
            "mine.yaml:4:27: `permissions.least_serving_replicas` is -1; it must be from 0",
            "mine.yaml:7:25: `dev` is in `namespaces` at mine.yaml:6:24, and here in `except_namespaces`",
            "mine.yaml:8:24: `idle-cpu` is no lever; there are idle-gpu, unused-gpus, smaller-gpu, spot-migration",
            "mine.yaml:10:22: `team=(a)`: `(` can be no value of `team`",
            "mine.yaml:12:44: the freeze ends before it begins: `from` is 2027-01-04 at mine.yaml:12:25",
            "mine.yaml:13:27: `Friday` is no part of a week; give one such as Fri 16:00 to Mon 08:00",
            "mine.yaml:14:28: a freeze has `weekly`, or `from` and `until`, not both",
            "mine.yaml:15:7: a freeze needs `until`, or `weekly`",
            "mine.yaml:16:7: `permissions.freezes.name` is missing",
            "mine.yaml:16:15: `tomorrow` is no time; give one such as 2026-12-20 or 2026-12-20 18:00",
            "mine.yaml:16:35: `Mars` is no time zone",
            "mine.yaml:16:41: unknown key `permissions.freezes.colour`",
        ];
        for expected in expected {
            assert!(
                told.iter().any(|line| line.starts_with(expected)),
                "{expected}\nnot in\n{}",
                told.join("\n")
            );
        }
        assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
        let nothing = "permissions:\n  frozen_namespaces: [prod]\n  scope: {namespaces: [prod], except_levers: [idle-gpu, unused-gpus, smaller-gpu, spot-migration, autoscaling, batching, caching, quantization, checkpointing]}\n";
        assert_eq!(
            mistakes_of(nothing),
            [
                "mine.yaml:3:24: `prod` is let in here, and nothing of it may be changed by mine.yaml:2:23",
                "mine.yaml:3:145: no lever is left that may change anything",
            ]
        );
        let twice =
            "permissions:\n  freezes:\n    - {name: end, until: 2027-01-01}\n    - {name: end, until: 2027-02-01}\n";
        assert_eq!(
            mistakes_of(twice),
            ["mine.yaml:4:7: `end` is the name of the freeze at mine.yaml:3:7, too"]
        );
    }
}
