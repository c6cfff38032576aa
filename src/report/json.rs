//! The plan as JSON: the interface that scripts build on.

use crate::model::plan::Plan;

/// The plan as indented JSON with a newline at its end; the same plan gives the same bytes.
///
/// # Errors
/// None that a plan can cause; the type says what the serializer may return.
pub fn json(plan: &Plan) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(plan)?;
    text.push('\n');
    Ok(text)
}
