//! Which file of values holds the settings of a workload that a chart makes, and where: by the policy, or by annotation.

use super::attribution::clean;
use super::located::{Located, Mistake, parse};
use super::section::Section;
use crate::model::helm_values::{ValuesFile, steps};

/// The annotation, behind the prefix.
pub const VALUES: &str = "values";

/// A file of values, and whose settings are in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValuesRow {
    /// Clusters in which it is; empty for all.
    pub clusters: Vec<String>,
    /// Its namespaces; empty for all.
    pub namespaces: Vec<String>,
    /// Its names.
    pub names: Vec<String>,
    /// The file.
    pub file: ValuesFile,
}

impl ValuesRow {
    /// Whether it is about this workload.
    pub fn means(&self, cluster: &str, namespace: &str, name: &str) -> bool {
        let within = |list: &[String], own: &str| list.is_empty() || list.iter().any(|one| one == own);
        within(&self.clusters, cluster) && within(&self.namespaces, namespace) && within(&self.names, name)
    }
}

pub(super) fn rows(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Vec<ValuesRow> {
    let rows = section.list("values", mistakes).iter();
    rows.map(|node| row(node, mistakes)).collect()
}

fn row(node: &Located, mistakes: &mut Vec<Mistake>) -> ValuesRow {
    let mut section = Section::open("patches.values", node, mistakes);
    let mut texts = |key| {
        let texts = section.optional_texts(key, mistakes).into_iter();
        texts.map(|(text, _)| text).collect::<Vec<_>>()
    };
    let (clusters, namespaces, names) = (texts("clusters"), texts("namespaces"), texts("names"));
    if names.is_empty() {
        // Two workloads of one chart have their settings in two places.
        let what =
            "`names` must say whose settings these are: one workload, or several that are the same in other namespaces";
        mistakes.push(Mistake {
            place: node.place.clone(),
            what: what.to_owned(),
        });
    }
    let file = file(&mut section, mistakes);
    section.finish(mistakes);
    ValuesRow {
        clusters,
        namespaces,
        names,
        file,
    }
}

fn file(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> ValuesFile {
    let (path, at) = section.text("file", mistakes);
    let path = match clean(&path) {
        Ok(path) => path,
        Err(why) => {
            let what = format!("`{path}`: {why}");
            mistakes.push(Mistake {
                place: at.clone(),
                what,
            });
            String::new()
        }
    };
    let mut place = |key| {
        let (text, at) = section
            .optional_text(key, mistakes)
            .filter(|(text, _)| !text.is_empty())?;
        checked(&text, &at, mistakes);
        Some(text)
    };
    let mut file = ValuesFile {
        file: path,
        replicas: place("replicas"),
        gpus: place("gpus"),
        resources: place("resources"),
        args: place("args"),
        node_selector: place("node_selector"),
        tolerations: place("tolerations"),
        affinity: place("affinity"),
        ..ValuesFile::default()
    };
    file.flags = section.map_of_texts("flags", mistakes).into_iter().collect();
    file.flags.values().for_each(|text| checked(text, &at, mistakes));
    file
}

fn checked(text: &str, at: &super::located::Place, mistakes: &mut Vec<Mistake>) {
    if steps(text).is_none() {
        let what = format!(
            "`{text}` is no place in a file of values: it must be such as server.args, models[0].replicas, \
             limits.\"nvidia.com/gpu\" or /server/args"
        );
        mistakes.push(Mistake {
            place: at.clone(),
            what,
        });
    }
}

/// The same of one workload's annotation: `{file: charts/chat/values.yaml, replicas: replicaCount}`.
///
/// # Errors
/// Why it says nothing of the kind.
pub(super) fn annotated(value: &str) -> Result<ValuesFile, String> {
    let mut mistakes = Vec::new();
    let node = parse("annotation", value).map_err(|mistake| mistake.what)?;
    let mut section = Section::open(VALUES, &node, &mut mistakes);
    let file = file(&mut section, &mut mistakes);
    section.finish(&mut mistakes);
    match mistakes.into_iter().next() {
        Some(mistake) => Err(mistake.what),
        None => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<ValuesRow>, Vec<String>) {
        let root = parse("mine.yaml", text).unwrap();
        let mut mistakes = Vec::new();
        let mut section = Section::open("patches", &root, &mut mistakes);
        let rows = rows(&mut section, &mut mistakes);
        section.finish(&mut mistakes);
        (rows, mistakes.into_iter().map(|mistake| mistake.to_string()).collect())
    }

    #[test]
    fn a_row_is_about_the_workloads_that_it_names() {
        let (rows, mistakes) = read(
            "values:\n- names: [router]\n  namespaces: [chat]\n  file: ./charts/router/values.yaml\n  replicas: replicaCount\n  \
             flags: {--max-num-seqs: server.maxNumSeqs}\n",
        );
        assert_eq!(mistakes, Vec::<String>::new());
        let row = &rows[0];
        assert!(row.means("prod", "chat", "router"));
        assert!(!row.means("prod", "chat", "router-eu") && !row.means("prod", "test", "router"));
        assert_eq!(row.file.file, "charts/router/values.yaml");
        assert_eq!(
            row.file.places().collect::<Vec<_>>(),
            ["replicaCount", "server.maxNumSeqs"]
        );
        let (rows, _) = read("values: [{names: [a], clusters: [eu], file: a.yaml}]");
        assert!(rows[0].means("eu", "x", "a") && !rows[0].means("us", "x", "a"));
    }

    #[test]
    fn what_leads_nowhere_is_told_with_its_place() {
        for (row, told) in [
            (
                "{names: [a], file: ../out.yaml}",
                "mine.yaml:2:22: `../out.yaml`: it must be a path",
            ),
            ("{file: a.yaml}", "`names` must say whose settings these are"),
            (
                "{names: [a], file: a.yaml, replicas: a..b}",
                "`a..b` is no place in a file of values",
            ),
            ("{names: [a], file: a.yaml, flags: {-q: ''}}", "`` is no place"),
            ("{names: [a], file: a.yaml, replica: a}", "did you mean `replicas`?"),
            ("{names: [a]}", "`patches.values.file` is missing"),
        ] {
            let (_, mistakes) = read(&format!("values:\n- {row}\n"));
            assert!(
                mistakes.iter().any(|mistake| mistake.contains(told)),
                "{row}: {mistakes:?}"
            );
        }
    }

    #[test]
    fn an_annotation_says_the_same_of_its_own_workload() {
        let file = annotated("{file: a.yaml, replicas: replicaCount}").unwrap();
        assert_eq!(
            (file.file.as_str(), file.replicas.as_deref()),
            ("a.yaml", Some("replicaCount"))
        );
        for odd in [
            "",
            "a.yaml",
            "{file: /../x}",
            "{file: a.yaml, names: [b]}",
            "{file: a.yaml",
            "[a]",
        ] {
            assert!(annotated(odd).is_err(), "{odd}");
        }
    }
}
