//! `spec.behavior` as the API server takes it.

use serde_json::Value;

use crate::replay::fields::{Faults, Fields};
use crate::replay::hpa::spec::{Behavior, Policy, PolicyType, Rules, Select};

const MOST_WINDOW_SECONDS: i32 = 3_600;
const MOST_PERIOD_SECONDS: i32 = 1_800;

/// The behaviour below a field of that name, completed; `None` where there is none.
pub fn read(of: &Fields<'_>, faults: &mut Faults) -> Option<Behavior> {
    let behavior = of.object("behavior", &["scaleUp", "scaleDown"], faults);
    let own = Behavior {
        scale_up: rules(&behavior, "scaleUp", faults),
        scale_down: rules(&behavior, "scaleDown", faults),
    };
    behavior.is_there().then(|| own.defaulted())
}

fn rules(of: &Fields<'_>, field: &str, faults: &mut Faults) -> Option<Rules> {
    let known = ["stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance"];
    let rules = of.object(field, &known, faults);
    let window = rules.whole("stabilizationWindowSeconds", faults);
    let place = rules.path("stabilizationWindowSeconds");
    match window {
        Some(window) if window < 0 => faults.invalid(place, window, "must be greater than or equal to zero"),
        Some(window) if window > MOST_WINDOW_SECONDS => {
            let why = format!("must be less than or equal to {MOST_WINDOW_SECONDS}");
            faults.invalid(place, window, &why);
        }
        _ => {}
    }
    let select = rules.text("selectPolicy", faults).and_then(|word| {
        let select = match word {
            "Max" => Some(Select::Max),
            "Min" => Some(Select::Min),
            "Disabled" => Some(Select::Disabled),
            _ => None,
        };
        if select.is_none() {
            faults.unsupported(rules.path("selectPolicy"), word, &["Disabled", "Max", "Min"]);
        }
        select
    });
    let policies = rules.list("policies", faults).map(|items| {
        if items.is_empty() {
            faults.required(rules.path("policies"), "must specify at least one Policy");
        }
        let all = items.into_iter().map(|(path, item)| policy(&path, item, faults));
        all.collect::<Vec<Option<Policy>>>().into_iter().flatten().collect()
    });
    let tolerance = rules.quantity("tolerance", faults);
    if let Some(below) = tolerance.as_ref().filter(|tolerance| tolerance.sign() < 0) {
        let why = "must be greater than or equal to 0";
        faults.invalid(rules.path("tolerance"), below.to_string(), why);
    }
    rules.is_there().then(|| Rules {
        stabilization_window_seconds: window.map(i64::from),
        select_policy: select,
        policies,
        tolerance,
    })
}

fn policy(path: &str, item: &Value, faults: &mut Faults) -> Option<Policy> {
    let policy = Fields::read(Some(item), path, &["type", "value", "periodSeconds"], faults);
    let word = policy.text("type", faults).unwrap_or("");
    let kind = match word {
        "Pods" => Some(PolicyType::Pods),
        "Percent" => Some(PolicyType::Percent),
        _ => {
            faults.unsupported(policy.path("type"), word, &["Percent", "Pods"]);
            None
        }
    };
    let above_zero = |field: &str, faults: &mut Faults| {
        let before = faults.0.len();
        let number = policy.whole(field, faults).unwrap_or(0);
        if number <= 0 && faults.0.len() == before {
            faults.invalid(policy.path(field), number, "must be greater than zero");
        }
        number
    };
    let value = above_zero("value", faults);
    let period = above_zero("periodSeconds", faults);
    if period > MOST_PERIOD_SECONDS {
        let why = format!("must be less than or equal to {MOST_PERIOD_SECONDS}");
        faults.invalid(policy.path("periodSeconds"), period, &why);
    }
    Some(Policy {
        r#type: kind?,
        value,
        period_seconds: i64::from(period),
    })
}
