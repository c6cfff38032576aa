//! The plan as JSON: the interface that scripts build on, and that a later plan is compared with.

use serde::{Deserialize, Serialize};
use serde_json::Serializer;

use super::lines::Lines;
use super::safe;
use crate::model::plan::{API_VERSION, KIND, Plan};

/// Why a text is no plan.
#[derive(Debug, thiserror::Error)]
pub enum NotAPlan {
    /// It is not JSON, or not a plan's.
    #[error("it is no plan as `gpuwise analyze --format json` prints it: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is another version's, or another thing.
    #[error(
        "it says `{api_version}` `{kind}`, and what can be read here is `{API_VERSION}` `{KIND}`: make one with this version"
    )]
    Other {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
}

/// The plan that [`json`] wrote.
///
/// # Errors
/// When the text is not that.
pub fn read(text: &str) -> Result<Plan, NotAPlan> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "apiVersion")]
        api_version: String,
        kind: String,
    }
    let Head { api_version, kind } = serde_json::from_str(text)?;
    if (api_version.as_str(), kind.as_str()) != (API_VERSION, KIND) {
        return Err(NotAPlan::Other { api_version, kind });
    }
    Ok(serde_json::from_str(text)?)
}

/// The plan as indented JSON with a newline at its end; the same plan gives the same bytes.
///
/// # Errors
/// None that a plan can cause; the type says what the serializer may return.
pub fn json(plan: &Plan) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    plan.serialize(&mut Serializer::with_formatter(&mut bytes, Lines::default()))?;
    bytes.push(b'\n');
    Ok(safe::json(&String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::sample;
    use super::*;

    /// The fields of the published interface, by where they stand.
    const FIELDS: [(&str, &str); 17] = [
        (
            "",
            "apiVersion kind window timezone currency coverage spend workloads accepted experiments held_back kept unknown saving",
        ),
        ("/window", "start end"),
        (
            "/coverage",
            "gpus gpus_with_metrics workloads samples spend_judged spend_unknown spend_out_of_scope gaps",
        ),
        ("/coverage/gaps/0", "what why fix monthly"),
        ("/spend", "monthly unallocated_monthly price_basis by_category"),
        ("/spend/by_category", "gpu storage network other"),
        (
            "/workloads/0",
            "id cluster group kind namespace name owner owner_because class class_confidence class_because runs gpus gpu \
             capacity_type monthly price gpu_busy memory_gib serving",
        ),
        ("/workloads/0/price", "source as_of"),
        ("/workloads/0/gpu_busy", "p50 p95 p99 coverage signal"),
        ("/workloads/0/memory_gib", "need_max reserved_max"),
        (
            "/accepted/0",
            "id levers subject title from to moves saving service proof replay confidence risk evidence needs_human rollback \
             decision pull_request",
        ),
        (
            "/accepted/0/saving",
            "monthly leaves_bill_monthly frees_capacity_monthly frees_gpus alone_monthly",
        ),
        ("/held_back/0/held_by", "rule where until"),
        ("/experiments/0", "experiment"),
        ("/kept/0", "lever subject reason because"),
        ("/unknown/0", "lever subject reason missing fix"),
        (
            "/saving",
            "monthly leaves_bill_monthly frees_capacity_monthly overlap_monthly",
        ),
    ];

    #[test]
    fn every_field_of_the_interface_is_there() {
        let text = json(&sample::plan()).unwrap();
        let plan: Value = serde_json::from_str(&text).unwrap();
        for (place, fields) in FIELDS {
            let object = plan.pointer(place).and_then(Value::as_object).unwrap();
            let there: BTreeSet<&str> = object.keys().map(String::as_str).collect();
            for field in fields.split_whitespace() {
                assert!(there.contains(field), "`{field}` is missing at `{place}`");
            }
        }
        assert_eq!(plan["accepted"][0]["moves"][0]["type"], "use-gpu");
        assert!(plan["accepted"][0].get("held_by").is_none());
    }

    #[test]
    fn how_a_workload_served_is_in_it() {
        let mut plan = sample::plan();
        plan.workloads[0].serving = Some(sample::serving());
        let text = json(&plan).unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        let serving = &told["workloads"][0]["serving"];
        assert_eq!(serving["time_to_first_token_seconds"]["p99"], 1.25);
        assert!(
            serving["request_latency_seconds"]["p99"].is_null() && serving["inter_token_latency_seconds"].is_null()
        );
        assert_eq!(read(&text).unwrap(), plan);
        // A plan from before there were any.
        let before = text.replace("\"serving\"", "\"something\"");
        assert!(read(&before).unwrap().workloads[0].serving.is_none());
    }

    #[test]
    fn it_is_stable_and_reads_back() {
        let plan = sample::plan();
        let text = json(&plan).unwrap();
        assert_eq!(text, json(&plan.clone()).unwrap());
        assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
        assert_eq!(read(&text).unwrap(), plan);
    }

    #[test]
    fn what_is_no_plan_says_what_it_is() {
        let told = |text: &str| read(text).unwrap_err().to_string();
        assert!(told("<html>").contains("line 1 column 1"));
        assert!(told(r#"{"apiVersion": "v1", "kind": "Pod"}"#).contains("`v1` `Pod`"));
        assert!(told(r#"{"apiVersion": "gpuwise/v1alpha1", "kind": "Plan"}"#).contains("missing field"));
    }

    #[test]
    fn unknown_is_null() {
        let plan: Value = serde_json::from_str(&json(&sample::unpriced()).unwrap()).unwrap();
        assert!(plan["spend"].is_null());
        assert!(plan["workloads"][0]["monthly"].is_null());
        assert!(plan["saving"]["monthly"]["mid"].is_null());
    }
}
