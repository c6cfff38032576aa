//! Histograms of a whole cluster in one query a signal: the server adds up the pods that share the beginning of their name,
//! so that what comes back is of the size of the workloads and not of their pods.
//!
//! Beside each sum it names the pods that are in it. Names that begin alike need not be of one workload (a StatefulSet `chat` and a
//! Deployment `chat`, pods that somebody started by hand), and the query cannot know; who reads the answer can, and must.

use super::matcher::Matchers;
use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::usage::Signal;

/// What a pod's name loses: what its controller appended, which is all behind the last dash. A ReplicaSet's pods, and a
/// StatefulSet's, fall together. A name without a dash stays as it is.
const FOLD: &str = "(.+)-[^-]+|([^-]+)";

/// The same of a pod's name here.
pub fn fold(pod: &str) -> &str {
    match pod.rsplit_once('-') {
        Some((begin, end)) if !begin.is_empty() && !end.is_empty() => begin,
        _ => pod,
    }
}

/// Labels of a fold.
const FOLD_LABELS: &str = "namespace, exported_namespace, pods";

/// Labels of a pod.
const POD_LABELS: &str = "namespace, exported_namespace, pod, exported_pod";

/// Labels by which one pod's histogram may be split besides its buckets. What is not among them must be the scraper's: replicas of
/// it fall together by the largest count, where a sum alone would count their requests twice.
const SPLIT: &str = "model_name, engine, engine_type, model, version, dp_rank, is_streaming, priority, application, \
                     deployment, replica, ReplicaId, WorkerId";

/// The label that marks native histograms.
const NATIVE: &str = "native";

/// The PromQL of a histogram for an hour of this many seconds. Where it has several names, the current one wins for a pod that has
/// both. Its rows are: the sums by bound (`le`) and of all that was observed (no `le`); those of native histograms; and for
/// each pod that is in a sum a constant one (`pod`).
pub fn histogram_query(catalog: &Catalog, signal: Signal, step_seconds: u32, within: &Matchers) -> String {
    let each = |part: &dyn Fn(&str) -> String| -> String {
        let parts: Vec<String> = catalog.metric_names(signal).map(part).collect();
        parts.join(" or ")
    };
    let increase = |selector: &str| format!("increase({selector}[{step_seconds}s])");
    let classic = each(&|name| {
        let rows = increase(&within.named(&format!("{name}_bucket|{name}_sum")));
        format!("max by ({POD_LABELS}, {SPLIT}, le) ({rows})")
    });
    // Of histograms there is no largest; those of replicas are alike.
    let native = each(&|name| {
        format!(
            "avg by ({POD_LABELS}, {SPLIT}) ({})",
            increase(&within.selector(name, &[]))
        )
    });
    let pods = each(&|name| increase(&within.selector(&format!("{name}_count"), &[])));
    let native_pods = each(&|name| increase(&within.selector(name, &[])));
    [
        folded(&format!("{FOLD_LABELS}, le"), &classic),
        format!("group by ({POD_LABELS}) ({pods})"),
        marked(&folded(FOLD_LABELS, &native)),
        marked(&format!("group by ({POD_LABELS}) ({native_pods})")),
    ]
    .join(" or ")
}

fn folded(by: &str, rows: &str) -> String {
    let fold =
        |rows: &str, pod: &str| format!("label_replace({rows}, \"pods\", \"${{1}}${{2}}\", \"{pod}\", \"{FOLD}\")");
    // Where the pod stands in `exported_pod`, the other label is the exporter's.
    let folds = fold(&fold(&format!("({rows})"), "pod"), "exported_pod");
    format!("sum by ({by}) ({folds})")
}

fn marked(rows: &str) -> String {
    format!("label_replace({rows}, \"{NATIVE}\", \"1\", \"le\", \".*\")")
}

/// Pods that the server added up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    namespace: String,
    exported_namespace: String,
    pods: String,
    native: bool,
}

impl Fold {
    /// The fold that a row of an answer is of: by its name, or by that of a pod that is in it.
    pub fn of(labels: &Labels) -> Self {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let pod = labels.get("exported_pod").or_else(|| labels.get("pod"));
        Self {
            namespace: label("namespace"),
            exported_namespace: label("exported_namespace"),
            pods: pod.map_or_else(|| label("pods"), |pod| folded_name(pod).to_owned()),
            native: labels.contains_key(NATIVE),
        }
    }

    /// Whether it is of native histograms.
    pub fn is_native(&self) -> bool {
        self.native
    }

    /// The same pods' classic histograms.
    pub fn classic(&self) -> Self {
        Self {
            native: false,
            ..self.clone()
        }
    }
}

/// What [`FOLD`] makes of a pod's name.
fn folded_name(pod: &str) -> &str {
    match pod.rsplit_once('-') {
        Some((rest, last)) if !rest.is_empty() && !last.is_empty() => rest,
        Some(_) => "",
        None => pod,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_histogram_is_one_query_that_parses_and_fits() {
        let catalog = Catalog::shipped().unwrap();
        for signal in Signal::HISTOGRAMS {
            let query = histogram_query(&catalog, signal, 3_600, &Matchers::default());
            assert!(promql_parser::parser::parse(&query).is_ok(), "{signal}: `{query}`");
            for name in catalog.metric_names(signal) {
                for part in [
                    format!("{name}_bucket"),
                    format!("{name}_count[3600s]"),
                    format!("{name}[3600s]"),
                ] {
                    assert!(query.contains(&part), "{signal}: {part} in {query}");
                }
            }
            // VictoriaMetrics takes 16 KiB, in words of its own.
            let said = super::super::flavour::Flavour::VictoriaMetrics.words(&query);
            assert!(
                said.len() <= 16 << 10 && !said.contains("increase("),
                "{signal}: {}",
                said.len()
            );
        }
    }

    #[test]
    fn a_pods_row_and_its_sums_are_of_one_fold() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let sum = labels(&[("namespace", "ml"), ("pods", "chat-7d9f"), ("le", "0.5")]);
        let pod = labels(&[("namespace", "ml"), ("pod", "chat-7d9f-x2k4p")]);
        assert_eq!(Fold::of(&sum), Fold::of(&pod));
        let exported = [
            ("namespace", "gpu"),
            ("exported_namespace", "ml"),
            ("pod", "exporter-1"),
        ];
        let sum = labels(&[&exported[..2], &[("pods", "chat")]].concat());
        let pod = labels(&[&exported[..], &[("exported_pod", "chat-0")]].concat());
        assert_eq!(Fold::of(&sum), Fold::of(&pod));
        let native = labels(&[("namespace", "ml"), ("pods", "chat"), ("native", "1")]);
        assert_ne!(
            Fold::of(&native),
            Fold::of(&labels(&[("namespace", "ml"), ("pods", "chat")]))
        );
    }

    #[test]
    fn names_are_folded_here_as_the_server_folds_them() {
        // What RE2 makes of the pattern; `tests/it` asks a Prometheus and a VictoriaMetrics the same.
        for (pod, fold) in [
            ("chat-647c6f456b-sdsh9", "chat-647c6f456b"),
            ("chat-0", "chat"),
            ("gpt-4-0", "gpt-4"),
            ("notebook", "notebook"),
            ("a-", ""),
            ("-a", ""),
            ("--a", "-"),
            ("a--b", "a-"),
            ("", ""),
        ] {
            assert_eq!(folded_name(pod), fold, "{pod}");
        }
    }
}
