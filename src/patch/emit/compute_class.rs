//! A ComputeClass of a workload's own, where GKE makes nodes by the class that its pods choose: the class once more, with spot nodes
//! before the like ones that are on demand. The class that is there stays as it is, as others choose it, too.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{About, Beside, Refusal, Wish, own_pool, set};
use crate::model::scenario::Move;
use crate::patch::podspec::{at, under};
use crate::patch::written::{Written, text};
use crate::patch::yaml::{Pointer, Step};

/// The label by which pods choose a class.
const CLASS: &str = "cloud.google.com/compute-class";

/// Whether a place is where a pod spec chooses its class.
pub(super) fn is_chosen_at(place: &Pointer) -> bool {
    place.0.last() == Some(&Step::Key(CLASS.to_owned()))
}

fn refuse(why: String) -> Refusal {
    Refusal::new("nodes-unknown", why)
}

/// What its pods choose now, and with which spot nodes they may come.
///
/// # Errors
/// Where its class surely has none of them, and none can be made after it.
pub(super) fn spot(about: About<'_>, pods: &BTreeSet<Pointer>, wish: &mut Wish) -> Result<(), Refusal> {
    let change = about.row.moves.iter().find_map(|change| match change {
        Move::UseSpot {
            instance_type, gpus, ..
        } => Some((instance_type.as_str(), *gpus)),
        _ => None,
    });
    let Some((instance_type, gpus)) = change else {
        return Ok(());
    };
    let place = |pod: &Pointer| under(pod, &["nodeSelector", CLASS]);
    let affinity = |pod: &Pointer| at(about.object, &under(pod, &["affinity", "nodeAffinity"])).map(Value::to_string);
    if pods.iter().filter_map(affinity).any(|text| text.contains(CLASS)) {
        return Err(refuse(format!(
            "its affinity is about {CLASS}, and what that leaves is for its owner to say"
        )));
    }
    let chosen: BTreeSet<&str> = pods
        .iter()
        .filter_map(|pod| at(about.object, &place(pod))?.as_str())
        .collect();
    let mut all = chosen.iter();
    let (Some(name), None) = (all.next(), all.next()) else {
        return match chosen.is_empty() {
            true => {
                wish.notes.push(
                    "a node pool of spot VMs with these GPUs must be there: GKE makes none for what is only preferred"
                        .to_owned(),
                );
                Ok(())
            }
            false => Err(refuse(format!("its pods choose several classes by {CLASS}"))),
        };
    };
    let class = about.of_kind("ComputeClass").find(|class| class.name == **name);
    let class = class.ok_or_else(|| {
        refuse(format!(
            "it chooses nodes by ComputeClass {name}, which is not among the files: where none of its priorities has `spot: true`, GKE makes \
             no spot node for it"
        ))
    })?;
    let own = match rule(about, class, (instance_type, gpus)) {
        Ok(own) => own,
        Err(None) => return Ok(()),
        Err(Some(why)) => return Err(refuse(format!("it chooses nodes by {}, {why}", class.told()))),
    };
    let new = name_of(about);
    wish.beside.push(Beside {
        after: class.spot.clone(),
        name: new.clone(),
        object: object(class, &new, own),
    });
    for pod in pods {
        wish.own.push(set(place(pod), new.as_str()));
    }
    told(class, &new, own, about, wish);
    Ok(())
}

fn told(class: &Written, new: &str, own: usize, about: About<'_>, wish: &mut Wish) {
    wish.notes.push(format!(
        "ComputeClass {new} is new, made after {}, which stays as it is for whoever else chooses it: as priority {} it has spot nodes like \
         those that are on demand in the next; it must be in the cluster before its pods choose it",
        class.told(),
        own + 1,
    ));
    let back = class.object.pointer("/spec/activeMigration/optimizeRulePriority");
    if back != Some(&Value::Bool(true)) {
        wish.notes.push(
            "pods that came onto on-demand nodes stay there until they are replaced: `activeMigration.optimizeRulePriority` of its class is off"
                .to_owned(),
        );
    }
    if about
        .live
        .strict_daemons
        .as_ref()
        .is_none_or(|strict| !strict.is_empty())
    {
        wish.notes.push(format!(
            "its nodes have the taint {CLASS}={new}: DaemonSets that name another value of it do not come onto them"
        ));
    }
}

fn name_of(about: About<'_>) -> String {
    let name = own_pool::named(about, "spot");
    let taken = |name: &str| about.of_kind("ComputeClass").any(|class| class.name == name);
    let numbered = (2..100).map(|number| own_pool::cut(&format!("{name}-{number}")));
    let mut all = std::iter::once(name.clone()).chain(numbered);
    all.find(|name| !taken(name)).unwrap_or(name)
}

/// The place of the rule that makes its nodes; `None` where a spot rule of like nodes comes before it already.
fn rule(about: About<'_>, class: &Written, (instance_type, gpus): (&str, u32)) -> Result<usize, Option<String>> {
    let rules: Vec<&Value> = class.list("/spec/priorities").collect();
    let is_spot = |rule: &&Value| rule.get("spot") == Some(&Value::Bool(true));
    let like = |rule: &&Value| gives(about, rule, (instance_type, gpus));
    let Some(own) = rules.iter().position(|rule| like(rule) && !is_spot(rule)) else {
        return match rules.iter().any(|rule| like(rule) && is_spot(rule)) {
            true => Err(None),
            false => Err(Some(format!("none of whose priorities surely makes {instance_type}"))),
        };
    };
    if rules[..own].iter().any(|rule| like(rule) && is_spot(rule)) {
        return Err(None);
    }
    if let Some(what) = &class.changed_by {
        return Err(Some(format!("and none is made after it, as {what}")));
    }
    let creates = class.object.pointer("/spec/nodePoolAutoCreation/enabled");
    if creates != Some(&Value::Bool(true)) {
        return Err(Some(
            "for which GKE makes no node pools (`nodePoolAutoCreation`): a pool of spot VMs for it is for its owner to make".to_owned(),
        ));
    }
    match rules.iter().any(|rule| rule.get("reservations").is_some()) {
        true => Err(Some(
            "which has reservations: they are paid for, and come first".to_owned(),
        )),
        false => Ok(own),
    }
}

/// Whether a rule surely makes such nodes.
fn gives(about: About<'_>, rule: &Value, (instance_type, gpus): (&str, u32)) -> bool {
    if rule.get("nodepools").is_some() || rule.get("flexStart").is_some() {
        return false;
    }
    let family = instance_type.split_once('-').map(|(family, _)| family);
    let accelerators = about.live.nodes.get("cloud.google.com/gke-accelerator");
    let gpu = rule.get("gpu").map(|gpu| {
        let kind = accelerators.is_some_and(|all| all.len() == 1 && all.contains(text(gpu, "type")));
        kind && gpu.get("count").and_then(Value::as_u64) == Some(u64::from(gpus))
    });
    match (text(rule, "machineType"), text(rule, "machineFamily")) {
        ("", "") => gpu == Some(true),
        ("", own) => Some(own) == family && gpu != Some(false),
        (own, _) => own == instance_type,
    }
}

fn object(class: &Written, name: &str, own: usize) -> Value {
    let mut spec = class.object.get("spec").cloned().unwrap_or_default();
    if let Some(Value::Array(rules)) = spec.get_mut("priorities") {
        let mut first = rules.get(own).cloned().unwrap_or_default();
        if let Some(fields) = first.as_object_mut() {
            fields.insert("spot".to_owned(), json!(true));
        }
        rules.insert(own.min(rules.len()), first);
    }
    json!({
        "apiVersion": class.object.get("apiVersion"), "kind": "ComputeClass", "metadata": {"name": name}, "spec": spec,
    })
}
