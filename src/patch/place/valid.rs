//! What is put into manifests must be taken where it goes: autoscalers and pools of nodes are read as the API server, KEDA's admission
//! and Karpenter read them.

use serde_json::Value;

use super::pen::Pen;
use super::{OnItsWay, karpenter, refuse};
use crate::patch::emit::Refusal;
use crate::patch::index::Spot;
use crate::patch::podspec::at;
use crate::patch::yaml;
use crate::replay::{hpa, keda};

/// Whether an object of a kind that we know would be taken.
///
/// # Errors
/// With all that is wrong with it.
pub(super) fn valid(object: &Value) -> Result<(), Refusal> {
    let refused = match object.get("kind").and_then(Value::as_str) {
        Some("ScaledObject") => keda::spec::of(object).err(),
        Some("NodePool") => karpenter::taken(object).err(),
        Some("HorizontalPodAutoscaler") => hpa::manifest::of(object, false).err(),
        _ => None,
    };
    refused.map_or(Ok(()), |faults| {
        Err(refuse(
            "not-valid",
            format!("what would be written would be refused: {faults}"),
        ))
    })
}

impl Pen<'_, '_> {
    /// Whether an autoscaler would be taken as it is written by now. One whose patches change it is read without them.
    pub(super) fn is_valid(&self, of: &OnItsWay<'_>) -> Result<(), Refusal> {
        let Spot {
            file,
            document,
            at: place,
        } = &of.place.object.spot;
        let text = self.text(file).unwrap_or_default();
        let documents = yaml::documents(&text).map_err(|why| refuse("not-editable", format!("{file}: {why}")))?;
        let object = documents.get(*document).and_then(|document| at(document, place));
        object.map_or(Ok(()), valid)
    }
}
