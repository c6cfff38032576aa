//! Workloads that a chart makes, edited through a file of values: an object is filled in with what the file says, and each edit of it
//! goes back to where that stands. What the chart makes of other values nobody here knows, so that nothing else is touched.

mod back;
mod gathered;

use serde_json::{Map, Value, json};

use super::emit::{Refusal, resource};
use super::podspec::{at, element, under};
use super::yaml::{self, Pointer, Step};
use crate::model::gpu::gpu_resource;
use crate::model::helm_values::{ValuesFile, steps};
use crate::model::plan::{Plan, Row, WorkloadRow};
use crate::model::scenario::Move;
use crate::model::tree::Tree;
use crate::policy::helm_values::ValuesRow;
use crate::policy::patches::Patches;

const REPLICAS: &str = "/spec/replicas";

/// The container that stands for the one that the chart makes.
const CONTAINER: &str = "server";

fn refuse(code: &'static str, why: impl Into<String>) -> Refusal {
    Refusal { code, why: why.into() }
}

/// The file of values that holds a workload's settings, where somebody tells: its owner first.
pub(super) fn of<'v>(workload: &'v WorkloadRow, settings: &'v Patches) -> Option<&'v ValuesFile> {
    let own = workload.live.as_ref().and_then(|live| live.values.as_ref());
    let means = |row: &&ValuesRow| row.means(&workload.cluster, &workload.namespace, &workload.name);
    own.or_else(|| settings.values.iter().find(means).map(|row| &row.file))
}

/// A setting: where it is in the object, where in the file, and under which key of the policy.
#[derive(Debug, Clone)]
struct Link {
    key: String,
    object: Pointer,
    file: Pointer,
    /// The place as the policy has it.
    told: String,
    /// What the file says there; `None` where it does not have the place.
    value: Option<Value>,
    /// The flag that the chart makes of it.
    flag: Option<String>,
    /// Of an amount: whether requests, or limits, beside it say the same once more.
    twin: bool,
}

/// An object filled in with what a file of values says.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    /// The object.
    pub(super) object: Value,
    /// Where the file is.
    pub(super) file: String,
    /// Its document, from 0.
    pub(super) document: usize,
    links: Vec<Link>,
}

/// Fills in the object of a workload.
///
/// # Errors
/// Where the file is not there, or says otherwise than can be read.
pub(super) fn fill(tree: &Tree, plan: &Plan, row: &Row, own: &WorkloadRow, with: &Patches) -> Result<Filled, Refusal> {
    let values = of(own, with).ok_or_else(|| refuse("no-manifest", "no file of values is told for it"))?;
    let Some((path, file)) = file_of(tree, values).and_then(|path| Some((path.clone(), tree.files.get(&path)?))) else {
        return Err(refuse(
            "no-manifest",
            format!(
                "its settings are said to be in {}, which is not among the files that were read",
                values.file
            ),
        ));
    };
    let documents = yaml::documents(&file.text).map_err(|why| refuse("unreadable", format!("{path}: {why}")))?;
    let (document, content) = document_of(&documents, values).map_err(|knowing| {
        refuse(
            "not-editable",
            format!(
                "{path} has {} documents, of which {knowing} have the places that are told: one must",
                documents.len()
            ),
        )
    })?;
    shared((tree, plan), (own, values), &documents, with)?;
    let mut filled = Filled {
        object: object_of(own),
        file: path,
        document,
        links: Vec::new(),
    };
    filled.settings(values, content, row)?;
    Ok(filled)
}

/// The file, as it is called in the tree.
fn file_of(tree: &Tree, values: &ValuesFile) -> Option<String> {
    let is_there = |path: &String| tree.files.contains_key(path);
    let there = || tree.origin.path(&values.file).filter(is_there);
    Some(&values.file).filter(|path| is_there(path)).cloned().or_else(there)
}

/// The one document of a file that has a row's places, and its number; how many have them where that is not one.
fn document_of<'d>(documents: &'d [Value], values: &ValuesFile) -> Result<(usize, &'d Value), usize> {
    let places: Vec<Vec<String>> = values.places().filter_map(|place| steps(place)).collect();
    let knows = |document: &&(usize, &Value)| places.iter().any(|place| resolved(document.1, place).1.is_some());
    let all: Vec<(usize, &Value)> = documents.iter().enumerate().collect();
    let knowing: Vec<&(usize, &Value)> = all.iter().filter(knows).collect();
    match (&knowing[..], &all[..]) {
        ([one], _) => Ok(**one),
        ([], [one]) => Ok(*one),
        _ => Err(knowing.len()),
    }
}

/// Where two workloads are told to have the same value, or one of them what holds the other's, a change of one would change the other.
fn shared(
    (tree, plan): (&Tree, &Plan),
    (own, values): (&WorkloadRow, &ValuesFile),
    documents: &[Value],
    with: &Patches,
) -> Result<(), Refusal> {
    let path = file_of(tree, values);
    let (number, content) = document_of(documents, values).unwrap_or((0, &Value::Null));
    let places = |of: &ValuesFile| -> Vec<Pointer> {
        let all = of.places().filter_map(|place| steps(place));
        all.map(|place| resolved(content, &place).0).collect()
    };
    let mine = places(values);
    let same = |other: &&WorkloadRow| {
        let theirs = of(other, with).filter(|theirs| file_of(tree, theirs) == path);
        // A row whose document cannot be told may mean this one.
        let theirs = theirs.filter(|theirs| document_of(documents, theirs).map_or(true, |(one, _)| one == number));
        let meet = |place: Pointer| {
            let met = |own: &Pointer| own.0.starts_with(&place.0) || place.0.starts_with(&own.0);
            mine.iter().any(met)
        };
        theirs.is_some_and(|theirs| places(theirs).into_iter().any(meet))
    };
    let mut others = plan.workloads.iter().filter(|other| other.id != own.id);
    match others.find(same) {
        Some(other) => Err(refuse(
            "several-workloads",
            format!(
                "{} has the same places of {} for its settings: a change would be one of both",
                other.id, values.file
            ),
        )),
        None => Ok(()),
    }
}

fn object_of(own: &WorkloadRow) -> Value {
    let api_version = if own.group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{}/v1", own.group)
    };
    json!({
        "apiVersion": api_version, "kind": own.kind, "metadata": {"name": own.name, "namespace": own.namespace},
        "spec": {"template": {"spec": {"containers": [{"name": CONTAINER, "args": []}]}}},
    })
}

/// The place in a document, with elements of lists by their numbers, and what stands there.
fn resolved<'d>(document: &'d Value, place: &[String]) -> (Pointer, Option<&'d Value>) {
    let (mut here, mut pointer) = (Some(document), Pointer::default());
    for key in place {
        let index = here.and_then(Value::as_array).and_then(|_| key.parse::<usize>().ok());
        let step = index.map_or_else(|| Step::from(key.as_str()), Step::from);
        pointer = pointer.then(step.clone());
        here = here.and_then(|value| at(value, &Pointer(vec![step])));
    }
    (pointer, here)
}

/// Whether an amount in limits is in the requests beside them as well, or the other way round.
fn has_twin(document: &Value, amount: &Pointer) -> bool {
    let [parents @ .., Step::Key(side), name] = &amount.0[..] else {
        return false;
    };
    let other = match side.as_str() {
        "limits" => "requests",
        "requests" => "limits",
        _ => return false,
    };
    let twin = Pointer(
        parents
            .iter()
            .cloned()
            .chain([Step::from(other), name.clone()])
            .collect(),
    );
    at(document, &twin).is_some()
}

impl Filled {
    fn link(&mut self, key: &str, object: Pointer, told: &str, document: &Value) -> Option<Value> {
        let (file, value) = resolved(document, &steps(told)?);
        self.links.push(Link {
            key: key.to_owned(),
            object,
            file,
            told: told.to_owned(),
            value: value.cloned(),
            flag: None,
            twin: false,
        });
        value.filter(|value| !value.is_null()).cloned()
    }

    fn settings(&mut self, values: &ValuesFile, document: &Value, row: &Row) -> Result<(), Refusal> {
        let root = Pointer::default();
        let replicas = under(&root, &["spec", "replicas"]);
        let pod = under(&root, &["spec", "template", "spec"]);
        let container = element(&under(&pod, &["containers"]), 0);
        if let Some(told) = &values.replicas {
            let value = self.link("replicas", replicas, told, document);
            if value.as_ref().is_some_and(|value| value.as_u64().is_none()) {
                return Err(self.odd(told, "replicas"));
            }
            self.put(&["spec", "replicas"], value);
        }
        for (key, field, told) in [
            ("node_selector", "nodeSelector", &values.node_selector),
            ("tolerations", "tolerations", &values.tolerations),
            ("affinity", "affinity", &values.affinity),
        ] {
            if let Some(told) = told {
                let value = self.link(key, under(&pod, &[field]), told, document);
                let fits = value.as_ref().is_none_or(|value| match key {
                    "tolerations" => value.is_array(),
                    _ => value.is_object(),
                });
                if !fits {
                    return Err(self.odd(told, field));
                }
                self.put(&["spec", "template", "spec", field], value);
            }
        }
        let mut server = Map::new();
        self.gpus(values, document, (row, &container), &mut server);
        self.arguments(values, document, &container, &mut server)?;
        if let Some(Value::Object(own)) = self.object.pointer_mut("/spec/template/spec/containers/0") {
            own.extend(server);
        }
        Ok(())
    }

    fn odd(&self, told: &str, what: &str) -> Refusal {
        let why = format!(
            "what stands at {told} of {} is no {what} as pods have them: mend the place",
            self.file
        );
        refuse("not-as-seen", why)
    }

    fn put(&mut self, place: &[&str], value: Option<Value>) {
        let (Some(value), Some((last, parents))) = (value, place.split_last()) else {
            return;
        };
        let parent = self.object.pointer_mut(&format!("/{}", parents.join("/")));
        if let Some(Value::Object(fields)) = parent {
            fields.insert((*last).to_owned(), value);
        }
    }

    /// What it asks of GPUs; where no place is told, what the plan saw, so that the container is known by it.
    fn gpus(
        &mut self,
        values: &ValuesFile,
        document: &Value,
        (row, container): (&Row, &Pointer),
        server: &mut Map<String, Value>,
    ) {
        if let Some(told) = &values.resources {
            let place = under(container, &["resources"]);
            let value = self.link("resources", place, told, document);
            server.insert("resources".to_owned(), value.unwrap_or_else(|| json!({})));
            return;
        }
        let (mut name, mut amount) = ("nvidia.com/gpu".to_owned(), json!(1));
        for change in &row.moves {
            match change {
                Move::RequestGpus { from, .. } => amount = json!(from),
                Move::UseGpu { from, .. } => name = resource(from),
                _ => {}
            }
        }
        if let Some(told) = &values.gpus {
            let last = steps(told).and_then(|steps| steps.into_iter().next_back());
            name = last.filter(|last| gpu_resource(last).is_some()).unwrap_or(name);
            let place = under(container, &["resources", "limits", &name]);
            amount = self.link("gpus", place, told, document).unwrap_or(Value::Null);
            if let Some(link) = self.links.last_mut() {
                link.twin = has_twin(document, &link.file);
            }
        }
        server.insert("resources".to_owned(), json!({"limits": {name: amount}}));
    }

    /// Its arguments, and before them the flags that the chart makes of values of their own.
    fn arguments(
        &mut self,
        values: &ValuesFile,
        document: &Value,
        container: &Pointer,
        server: &mut Map<String, Value>,
    ) -> Result<(), Refusal> {
        let mut flags: Vec<Value> = Vec::new();
        for (flag, told) in &values.flags {
            let place = element(&under(container, &["command"]), flags.len() + 1);
            let value = self.link("flags", place, told, document);
            if let Some(link) = self.links.last_mut() {
                link.flag = Some(flag.clone());
            }
            let text = match value {
                // The server is not told of it; what would be added to its arguments is set here instead.
                None => continue,
                Some(Value::String(text)) => text,
                Some(other) => other.to_string(),
            };
            flags.extend([json!(flag), json!(text)]);
        }
        server.insert("command".to_owned(), Value::Array(flags));
        let Some(told) = &values.args else { return Ok(()) };
        let list = under(container, &["args"]);
        let (_, value) = resolved(document, &steps(told).unwrap_or_default());
        match value {
            Some(Value::String(line)) => {
                self.link("args", element(&list, 0), told, document);
                server.insert("args".to_owned(), json!([line]));
            }
            Some(Value::Array(words)) if !words.iter().all(Value::is_string) => {
                return Err(refuse(
                    "not-as-seen",
                    format!(
                        "{told} of {} has elements that are no text, so that which words the server gets is not known",
                        self.file
                    ),
                ));
            }
            _ => {
                let value = self.link("args", list, told, document);
                server.insert("args".to_owned(), value.unwrap_or_else(|| json!([])));
            }
        }
        Ok(())
    }
}
