//! What workloads ask for by their annotations: to be left alone, by some levers or for a time.

use super::{Guard, fewest, rule};
use crate::engine::price::Priced;
use crate::model::plan::HeldBy;
use crate::model::workload::Workload;
use crate::policy::moment;
use crate::policy::overrides::{Asked, Refused};
use crate::policy::permissions::Permissions;

fn asked(workload: &Workload, permissions: &Permissions) -> (Asked, Vec<Refused>) {
    let replicas = permissions.least_serving_replicas.value;
    permissions.overrides.asked(workload, &permissions.scope, replicas)
}

impl Guard<'_> {
    /// What a workload's own annotations hold back.
    pub(super) fn asked(&self, priced: &Priced, workload: &Workload) -> Option<HeldBy> {
        if workload.overrides.is_empty() {
            return None;
        }
        let (asked, _) = asked(workload, self.permissions);
        let held = |why: String, until: Option<String>| {
            Some(HeldBy {
                until,
                place: place(workload),
                ..rule(why, &self.permissions.overrides.place)
            })
        };
        if asked.ignore {
            return held(
                "annotation gpuwise.dev/ignore: nothing of it is changed".to_owned(),
                None,
            );
        }
        let mut left_out = asked.without_levers.iter();
        if let Some(lever) = left_out.find(|lever| priced.levers.contains(&lever.as_str())) {
            return held(format!("annotation gpuwise.dev/levers: not by {lever}"), None);
        }
        let end = asked
            .freeze_until
            .and_then(|until| until.to_zoned(self.zone.clone()).ok());
        if let Some(end) = end.filter(|end| self.now < end.timestamp()) {
            let why = "annotation gpuwise.dev/freeze-until: nothing of it is changed".to_owned();
            return held(why, Some(moment::in_words(&end)));
        }
        if fewest(priced).is_some_and(|fewest| fewest < asked.min_replicas) {
            let why = format!(
                "annotation gpuwise.dev/min-replicas: it keeps {} at least",
                asked.min_replicas
            );
            return held(why, None);
        }
        None
    }
}

/// What a workload asks for in vain.
pub(in crate::engine) fn refused(workload: &Workload, permissions: &Permissions) -> Vec<Refused> {
    asked(workload, permissions).1
}

fn place(workload: &Workload) -> String {
    format!("{} {}/{}", workload.kind, workload.namespace, workload.name)
}

#[cfg(test)]
mod tests {
    use super::super::guard;
    use super::super::tests::{policy, priced, snapshot, workload};
    use crate::engine::told;
    use crate::model::scenario::Move;
    use crate::model::snapshot::Snapshot;

    fn annotated(pairs: &[(&str, &str)]) -> Snapshot {
        let mut chat = workload("prod", "chat");
        let annotations = pairs
            .iter()
            .map(|(key, value)| (format!("gpuwise.dev/{key}"), (*value).to_owned()));
        chat.overrides = annotations.collect();
        snapshot(vec![chat])
    }

    fn held(text: &str, pairs: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let held = guard(vec![priced(0, 100.0)], &policy(text), &[], &annotated(pairs))
            .remove(0)
            .held?;
        assert_eq!(held.place, "Deployment prod/chat");
        Some((held.rule, held.until))
    }

    fn noted(text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let notes = told::notes(&policy(text), &annotated(pairs));
        notes
            .into_iter()
            .map(|note| format!("{} is not: {}", note.what, note.why))
            .collect()
    }

    #[test]
    fn an_annotation_that_the_policy_allows_holds_what_it_asks_for() {
        let is = |rule: &str, until: Option<&str>| Some((rule.to_owned(), until.map(str::to_owned)));
        let alone = is("annotation gpuwise.dev/ignore: nothing of it is changed", None);
        assert_eq!(held("", &[("ignore", "true")]), alone);
        let by = is("annotation gpuwise.dev/levers: not by idle-gpu", None);
        assert_eq!(held("", &[("levers", "-idle-gpu")]), by);
        assert_eq!(held("", &[("levers", "-smaller-gpu, -idle-gpu")]), by);
        assert_eq!(held("", &[("levers", "smaller-gpu")]), by);
        let until = is(
            "annotation gpuwise.dev/freeze-until: nothing of it is changed",
            Some("2026-12-01"),
        );
        assert_eq!(held("", &[("freeze-until", "2026-12-01")]), until);
        let keeps = is("annotation gpuwise.dev/min-replicas: it keeps 2 at least", None);
        assert_eq!(held("", &[("min-replicas", "2")]), keeps);
        for none in [
            ("ignore", "false"),
            ("levers", "-smaller-gpu"),
            ("levers", "idle-gpu"),
            ("freeze-until", "2026-11-20 12:00"),
            ("min-replicas", "0"),
            ("owner", "chat"),
            ("ttft-p95", "500ms"),
            ("checkpoint-write", "90s"),
            ("checkpoint-interval", "30m"),
        ] {
            assert_eq!((held("", &[none]), noted("", &[none])), (None, Vec::new()), "{none:?}");
        }
        let mut smaller = priced(0, 100.0);
        smaller.proposal.moves = Vec::<Move>::new();
        let kept = guard(vec![smaller], &policy(""), &[], &annotated(&[("min-replicas", "2")])).remove(0);
        assert_eq!(kept.held, None);
    }

    #[test]
    fn what_an_annotation_may_not_ask_for_has_no_effect_and_is_told() {
        let forbidden = "permissions:\n  overrides: [levers]\n";
        assert_eq!(held(forbidden, &[("ignore", "true")]), None);
        let told =
            "annotation gpuwise.dev/ignore: \"true\" of prod/chat is not: the policy does not allow it (mine.yaml:2)";
        assert_eq!(noted(forbidden, &[("ignore", "true"), ("levers", "-idle-gpu")]), [told]);
        for (text, key, value, why) in [
            (
                "",
                "ignroe",
                "true",
                "there is no such annotation; there are ignore, levers",
            ),
            ("", "ignore", "yes", "it must be \"true\" or \"false\""),
            (
                "",
                "levers",
                "-idle",
                "`idle` is no lever; there are idle-gpu, unused-gpus, smaller-gpu, spot-migration",
            ),
            (
                "",
                "levers",
                "-idle-gpu,smaller-gpu",
                "it must name levers to leave out",
            ),
            ("", "levers", "", "it must name levers to leave out"),
            ("", "freeze-until", "tomorrow", "it must be a time such as 2026-12-20"),
            ("", "min-replicas", "-1", "it must be a whole number"),
            ("", "owner", "", "it is empty"),
            ("", "ttft-p98", "1s", "there is no such annotation"),
            ("", "ttft-p95", "1h", "it must be a time with its unit"),
            ("", "checkpoint-write", "soon", "it must be a time with its unit"),
            ("", "checkpoint-interval", "0s", "it must be from 1us to a day"),
            (
                "permissions: {overrides: [owner]}",
                "ttft-p95",
                "1s",
                "the policy does not allow it (mine.yaml:1)",
            ),
            (
                "objectives: {latency: [{ttft_p95: 1s}]}",
                "ttft-p95",
                "2s",
                "it asks for less than ttft_p95: 1s (mine.yaml:1)",
            ),
            (
                "permissions: {least_serving_replicas: 2}",
                "min-replicas",
                "1",
                "it asks for less than the 2 that",
            ),
            (
                "permissions: {scope: {except_levers: [smaller-gpu]}}",
                "levers",
                "smaller-gpu",
                "it lets smaller-gpu in",
            ),
        ] {
            let noted = noted(text, &[(key, value)]);
            assert_eq!(noted.len(), 1, "{key}: {value}");
            assert!(noted[0].contains(&format!("is not: {why}")), "{}", noted[0]);
        }
    }
}
