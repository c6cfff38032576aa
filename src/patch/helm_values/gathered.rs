//! Files of values that are objects themselves, as releases of Flux are: kustomizations gather and patch those like any other.

use super::{Filled, refuse};
use crate::patch::emit::Refusal;
use crate::patch::kustomize::{Meant, effective, touches};
use crate::patch::place::Manifests;
use crate::patch::yaml::{self, Edit, Pointer};

impl Filled {
    /// That edits of the file are of this workload alone, and that nothing writes over them on their way.
    ///
    /// # Errors
    /// Where it goes several ways, or is patched on its way.
    pub(in crate::patch) fn alone(&self, manifests: &Manifests<'_>, edits: &[Edit]) -> Result<(), Refusal> {
        let here = manifests.index.objects.iter();
        let here = here.filter(|object| object.spot.file == self.file && object.spot.document == self.document);
        let of = |root: &Pointer| -> Vec<Pointer> {
            let rest = edits.iter().filter_map(|edit| edit.at.0.strip_prefix(&root.0[..]));
            rest.map(|rest| Pointer(rest.to_vec())).collect()
        };
        for (object, changed) in here.map(|object| (object, of(&object.spot.at))) {
            let ways = manifests.chains.from(&self.file);
            let chain = match &ways[..] {
                _ if changed.is_empty() => continue,
                [] => continue,
                [one] => one,
                [first, second, ..] => {
                    let last = |chain: &[String]| chain.last().cloned().unwrap_or_default();
                    return Err(refuse(
                        "shared",
                        format!(
                            "{} comes into clusters by the kustomizations in {:?} and {:?}: a change of its values would be one of all of \
                             them",
                            self.file,
                            last(first),
                            last(second)
                        ),
                    ));
                }
            };
            let followed = |what| {
                let why = format!("{what}, changes its values on their way into the cluster: change them there");
                refuse("patch-not-followed", why)
            };
            let (_, names) = manifests.chains.names(chain, object.namespace.as_deref(), &object.name);
            let meant = Meant {
                group: object.group(),
                kind: &object.kind,
                names: &names,
                namespaces: &manifests.chains.namespaces(chain, object.namespace.as_deref()),
            };
            let written = manifests.value(&object.spot)?;
            let made = effective(manifests.tree, &manifests.chains, chain, meant, &written).map_err(followed)?;
            for patch in &made.patches {
                let all = yaml::documents(&patch.text).unwrap_or_default();
                let meets = |place: &Pointer| all.iter().any(|one| touches(one, &made.object, place));
                if changed.iter().any(meets) {
                    let own = patch.file.clone();
                    let place = own.unwrap_or_else(|| format!("in the kustomization of {:?}", patch.folder));
                    return Err(followed(format!("the patch {place}, which sets some of them")));
                }
            }
        }
        Ok(())
    }
}
