//! How patches and pull requests are made: where Prometheus is from within the cluster, which folder is whose, and how many pull
//! requests there are.

use std::collections::BTreeMap;

use super::helm_values::{ValuesRow, rows};
use super::located::Mistake;
use super::section::Section;

/// What one pull request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Topic {
    /// The changes of one workload.
    #[default]
    Workload,
    /// Those of one team.
    Team,
    /// Those of one lever.
    Lever,
}

/// The section `patches`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patches {
    /// Where KEDA asks Prometheus, from within the cluster; `None` where nobody told.
    pub prometheus: Option<String>,
    /// Folders of a checkout, by the name of the cluster that they are deployed to.
    pub folders: BTreeMap<String, String>,
    /// Files of values that hold the settings of what charts make; the first that is about a workload counts.
    pub values: Vec<ValuesRow>,
    /// What one pull request holds.
    pub topic: Topic,
    /// Labels of pull requests.
    pub labels: Vec<String>,
    /// Whom to ask, by team; several with commas between them.
    pub reviewers: BTreeMap<String, Vec<String>>,
    /// Most pull requests that are open at once.
    pub most_open: u32,
    /// By which share a saving must have grown before a change that was turned down is proposed again.
    pub material: f64,
    /// Hours after which a plan is made again before it is acted on.
    pub most_plan_age_hours: f64,
}

impl Patches {
    /// Reads the section.
    pub(super) fn read(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let prometheus = section
            .optional_text("prometheus", mistakes)
            .filter(|(url, _)| !url.is_empty());
        if let Some((url, place)) = prometheus
            .as_ref()
            .filter(|(url, _)| !(url.starts_with("http://") || url.starts_with("https://")))
        {
            mistakes.push(Mistake {
                place: place.clone(),
                what: format!(
                    "`{url}` is no URL; give one such as http://prometheus.monitoring:9090, as pods reach it"
                ),
            });
        }
        let (topic, place) = section.text("topic", mistakes);
        let topic = match topic.as_str() {
            "workload" | "" => Topic::Workload,
            "team" => Topic::Team,
            "lever" => Topic::Lever,
            other => {
                let what = format!("`{other}` is no topic of pull requests; it is one of workload, team, lever");
                mistakes.push(Mistake { place, what });
                Topic::Workload
            }
        };
        let users = |(team, users): (String, String)| {
            let users = users.split(',').map(str::trim).filter(|user| !user.is_empty());
            (team, users.map(str::to_owned).collect())
        };
        Self {
            prometheus: prometheus.map(|(url, _)| url),
            folders: section.map_of_texts("folders", mistakes).into_iter().collect(),
            values: rows(section, mistakes),
            topic,
            labels: section
                .texts("labels", mistakes)
                .into_iter()
                .map(|(label, _)| label)
                .collect(),
            reviewers: section
                .map_of_texts("reviewers", mistakes)
                .into_iter()
                .map(users)
                .collect(),
            most_open: section.number("most_open", 0.0, 1000.0, mistakes) as u32,
            material: section.number("material", 0.0, 100.0, mistakes),
            most_plan_age_hours: section.number("most_plan_age_hours", 0.0, 8760.0, mistakes),
        }
    }
}
