//! How long pods took to be ready, as kube-state-metrics saw it: the first time at which each was, so that a container that is
//! restarted later is no start.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::decode::SeriesRow;
use super::kube_state::Dialect;
use super::lifetimes::told;
use crate::model::cluster::PodRecord;

/// The label that tells the two times apart.
pub(super) const OF: &str = "of";

/// Creation and first readiness, unix seconds.
type Times = (Option<i64>, Option<i64>);

/// Those of pods, by namespace and name, and within these by UID.
#[derive(Debug, Default)]
pub(super) struct Starts {
    by_pod: BTreeMap<(String, String), BTreeMap<Option<String>, Times>>,
}

impl Starts {
    /// Takes a row of [`Dialect::starts`].
    pub(super) fn take(&mut self, dialect: Dialect, row: &SeriesRow) {
        let place = (told(row, dialect.namespace()), told(row, dialect.pod()));
        let ((Some(namespace), Some(pod)), Some(of)) = (place, row.labels.get(OF)) else {
            return;
        };
        let first = row.samples.iter().map(|(_, value)| *value).filter(|value| *value > 0.0);
        let Some(first) = first.reduce(f64::min).map(|first| first.round() as i64) else {
            return;
        };
        let by_uid = self.by_pod.entry((namespace, pod)).or_default();
        let times = by_uid.entry(told(row, "uid")).or_default();
        let slot = if of == "ready" { &mut times.1 } else { &mut times.0 };
        *slot = Some(slot.map_or(first, |there| there.min(first)));
    }

    /// Tells pods when they were made and ready. Of several pods of one name without UIDs it is not known which.
    pub(super) fn tell(&self, records: &mut [PodRecord]) {
        let mut names: BTreeMap<(String, String), usize> = BTreeMap::new();
        for record in records.iter() {
            *names
                .entry((record.namespace.clone(), record.name.clone()))
                .or_insert(0) += 1;
        }
        for record in records {
            let place = (record.namespace.clone(), record.name.clone());
            let Some(by_uid) = self.by_pod.get(&place) else {
                continue;
            };
            let exact = by_uid.get(&record.uid).filter(|_| record.uid.is_some());
            let only = || {
                by_uid
                    .values()
                    .next()
                    .filter(|_| by_uid.len() == 1 && names.get(&place) == Some(&1))
            };
            if let Some((created, ready)) = exact.or_else(only) {
                let at = |second: &Option<i64>| second.and_then(|second| Timestamp::from_second(second).ok());
                (record.created, record.ready) = (at(created), at(ready));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pod: &str, uid: &str, of: &str, values: &[f64]) -> SeriesRow {
        let labels = [("namespace", "ml"), ("pod", pod), ("uid", uid), (OF, of)];
        SeriesRow {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            samples: values
                .iter()
                .enumerate()
                .map(|(at, value)| (at as f64, *value))
                .collect(),
            ..SeriesRow::default()
        }
    }

    fn record(pod: &str, uid: Option<&str>) -> PodRecord {
        PodRecord {
            namespace: "ml".to_owned(),
            name: pod.to_owned(),
            uid: uid.map(str::to_owned),
            node: None,
            owner_kind: None,
            owner_name: None,
            requests: BTreeMap::new(),
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
            created: None,
            ready: None,
        }
    }

    #[test]
    fn the_first_readiness_of_each_pod_counts() {
        let mut starts = Starts::default();
        for (pod, uid, of, values) in [
            ("chat-0", "u1", "created", &[100.0, 100.0][..]),
            // Its container was restarted, and it was ready again.
            ("chat-0", "u1", "ready", &[340.0, 9_000.0]),
            ("chat-0", "u2", "created", &[20_000.0]),
            ("chat-0", "u2", "ready", &[20_100.0]),
            ("lone", "", "created", &[7.0]),
            ("lone", "", "ready", &[9.0]),
        ] {
            starts.take(Dialect::default(), &row(pod, uid, of, values));
        }
        let mut records = vec![
            record("chat-0", Some("u1")),
            record("chat-0", Some("u2")),
            record("chat-0", None),
            record("lone", None),
            record("other", None),
        ];
        starts.tell(&mut records);
        let seconds = |record: &PodRecord| Some(record.ready?.as_second() - record.created?.as_second());
        let told: Vec<Option<i64>> = records.iter().map(seconds).collect();
        assert_eq!(told, [Some(240), Some(100), None, Some(2), None]);
    }
}
