//! Kustomizations: what they gather, how they rename it, and what they change of it on the way.

mod chains;
mod patches;
mod effective;

use serde_json::Value;

pub use self::chains::{Chain, Chains};
pub use self::effective::{Effective, OnTheWay, effective, mapped};
pub use self::patches::{Meant, PatchOf, Source, touches};

/// What one kustomization file says, as far as it bears on where an edit belongs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kustomization {
    /// Its file.
    pub file: String,
    /// Namespace that everything in it gets.
    pub namespace: Option<String>,
    /// What names begin with.
    pub name_prefix: String,
    /// What names end in.
    pub name_suffix: String,
    /// Files and folders that it gathers.
    pub resources: Vec<String>,
    /// Patches in the order in which they are made.
    pub patches: Vec<PatchOf>,
    /// `replicas`: names and their place in the list.
    pub replicas: Vec<(String, u64)>,
    /// Whether it is a component, which is applied in the middle of others.
    pub component: bool,
    /// Whether it writes annotations on everything.
    pub annotates: bool,
    /// Fields that change objects in ways that are not followed here.
    pub opaque: Vec<String>,
}

/// Fields that change objects, or make some, in ways that are not followed.
const OPAQUE: [&str; 11] = [
    "components",
    "configurations",
    "openapi",
    "patchesJson6902",
    "helmCharts",
    "helmChartInflationGenerator",
    "generators",
    "transformers",
    "replacements",
    "vars",
    "crds",
];

impl Kustomization {
    /// Read from its document; `None` for what is no mapping.
    pub fn of(document: &Value) -> Option<Self> {
        let fields = document.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let all = |name: &str| fields.get(name).and_then(Value::as_array).into_iter().flatten();
        let paths = ["resources", "bases"].into_iter().flat_map(all);
        let replicas = all("replicas")
            .filter_map(|one| Some((one.get("name")?.as_str()?.to_owned(), one.get("count")?.as_u64()?)));
        Some(Self {
            file: String::new(),
            namespace: text("namespace").filter(|name| !name.is_empty()),
            name_prefix: text("namePrefix").unwrap_or_default(),
            name_suffix: text("nameSuffix").unwrap_or_default(),
            resources: paths.filter_map(Value::as_str).map(str::to_owned).collect(),
            patches: patches::of(document),
            replicas: replicas.collect(),
            component: text("kind").is_some_and(|kind| kind == "Component"),
            annotates: fields.contains_key("commonAnnotations"),
            opaque: OPAQUE
                .iter()
                .filter(|name| {
                    fields
                        .get(**name)
                        .is_some_and(|value| *value != Value::Null && *value != Value::Array(Vec::new()))
                })
                .map(|name| (*name).to_owned())
                .collect(),
        })
    }
}
