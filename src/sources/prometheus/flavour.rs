//! Which kin of Prometheus answers, what it is asked for besides the query, and in which words.
//!
//! Sources: Prometheus HTTP API v3; Thanos, `docs/components/query.md`; Mimir, `/api/v1/status/buildinfo`; VictoriaMetrics,
//! `docs/README.md` and MetricsQL; the query endpoints of Amazon, Google and Azure.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// A server that speaks the Prometheus API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// Prometheus itself.
    Prometheus,
    /// Thanos Query, or its frontend.
    Thanos,
    /// Mimir, Cortex, Grafana Cloud.
    Mimir,
    /// VictoriaMetrics, single or cluster.
    VictoriaMetrics,
    /// Amazon Managed Service for Prometheus.
    Amazon,
    /// Google Cloud Managed Service for Prometheus.
    Google,
    /// Azure Monitor managed service for Prometheus.
    Azure,
    /// It keeps that to itself, as do proxies that let queries through and nothing else.
    #[default]
    Unknown,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus | Self::Unknown => "Prometheus",
            Self::Thanos => "Thanos",
            Self::Mimir => "Mimir",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Amazon => "Amazon Managed Prometheus",
            Self::Google => "Google Managed Prometheus",
            Self::Azure => "Azure Managed Prometheus",
        })
    }
}

/// `data` of `/api/v1/status/buildinfo`.
#[derive(Deserialize)]
struct Build {
    application: Option<String>,
    version: Option<String>,
    revision: Option<String>,
    #[serde(rename = "resultType")]
    result_type: Option<String>,
}

impl Flavour {
    /// By the host, where a cloud's own names tell.
    pub(super) fn of_host(host: &str) -> Option<Self> {
        if region_of(host).is_some() {
            return Some(Self::Amazon);
        }
        if host == "monitoring.googleapis.com" {
            return Some(Self::Google);
        }
        host.ends_with(".prometheus.monitor.azure.com").then_some(Self::Azure)
    }

    /// By the answer to `/api/v1/status/buildinfo`. `None` where `/api/v1/stores`, which only Thanos has, must tell.
    pub(super) fn of_build(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            data: Build,
        }
        let Ok(Envelope { data: build }) = serde_json::from_slice(body) else {
            return Some(Self::Unknown);
        };
        if let Some(application) = build.application {
            let known = ["Mimir", "Cortex"].iter().any(|name| application.contains(name));
            return Some(if known { Self::Mimir } else { Self::Unknown });
        }
        if build.result_type.is_some() {
            return Some(Self::Unknown);
        }
        match (build.version, build.revision) {
            // A stub, for Grafana's sake.
            (_, None) => Some(Self::VictoriaMetrics),
            (Some(version), Some(_)) if version.trim_start_matches('v').starts_with("0.") => None,
            _ => Some(Self::Prometheus),
        }
    }

    /// Fields that every query carries.
    pub(super) fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Start and end stay where they are, and the newest point is not a copy of the one before.
            Self::VictoriaMetrics => &[("nocache", "1"), ("latency_offset", "1ms")],
            // A store that is down becomes a warning rather than a failure, replicas fall together, nothing is downsampled.
            Self::Thanos => &[
                ("dedup", "true"),
                ("partial_response", "true"),
                ("max_source_resolution", "0s"),
            ],
            // It may be VictoriaMetrics behind a proxy; others leave alone what they do not know.
            Self::Unknown => &[("nocache", "1")],
            Self::Prometheus | Self::Mimir | Self::Amazon | Self::Google | Self::Azure => &[],
        }
    }

    /// The query in its words. The `rate` of MetricsQL counts from the last sample before the range, so that a peak of one
    /// scrape is spread over two; what Prometheus means is the slope between the range's own first and last sample. So it is with
    /// `increase`, which is by how much the counter rose between them.
    pub(super) fn words(self, query: &str) -> Cow<'_, str> {
        if self != Self::VictoriaMetrics {
            return Cow::Borrowed(query);
        }
        let mut said = String::with_capacity(query.len());
        let mut rest = query;
        loop {
            let calls = ["rate(", "increase("].map(|call| next_call(rest, call));
            let first = calls.into_iter().flatten().min_by_key(|(before, _, _)| before.len());
            let Some((before, argument, after)) = first else { break };
            said.push_str(before);
            said.push_str(&match rest[before.len()..].starts_with("rate") {
                true => format!(
                    "(increase_prometheus({argument}) / (tlast_over_time({argument}) - tfirst_over_time({argument})))"
                ),
                false => format!("increase_prometheus({argument})"),
            });
            rest = after;
        }
        if said.is_empty() {
            return Cow::Borrowed(query);
        }
        said.push_str(rest);
        Cow::Owned(said)
    }
}

/// The region of a workspace of Amazon's, such as `https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1`.
pub fn amazon_region(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    region_of(url.host_str()?).map(str::to_owned)
}

fn region_of(host: &str) -> Option<&str> {
    let rest = host.strip_prefix("aps-workspaces.")?;
    let rest = rest.strip_suffix(".cn").unwrap_or(rest);
    let region = rest
        .strip_suffix(".amazonaws.com")
        .or_else(|| rest.strip_suffix(".api.aws"))?;
    (!region.contains('.') && !region.is_empty()).then_some(region)
}

/// What stands before, in and after the next of these calls, such as `rate(`. Parentheses within strings do not count.
fn next_call<'q>(query: &'q str, call: &str) -> Option<(&'q str, &'q str, &'q str)> {
    let mut from = 0;
    let start = loop {
        let found = from + query[from..].find(call)?;
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        if !query[..found].ends_with(is_word) {
            break found;
        }
        from = found + call.len();
    };
    let inside = start + call.len();
    let (mut depth, mut quote, mut escaped) = (1, None, false);
    for (index, c) in query[inside..].char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            let end = inside + index;
            return Some((&query[..start], &query[inside..end], &query[end + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::model::usage::Signal;
    use crate::sources::prometheus::matcher::Matchers;
    use crate::sources::prometheus::queries::range_queries;
    use crate::sources::prometheus::select::{LONGEST_PATTERN, Pods};

    #[test]
    fn a_build_tells_its_kin() {
        let of = |data: &str| Flavour::of_build(format!(r#"{{"status":"success","data":{data}}}"#).as_bytes());
        let prometheus = r#"{"version":"3.14.0","revision":"d15adb9a","branch":"HEAD","goVersion":"go1.26"}"#;
        assert_eq!(of(prometheus), Some(Flavour::Prometheus));
        let mimir = r#"{"application":"Grafana Mimir","version":"2.17.0","revision":"a","features":{}}"#;
        assert_eq!(of(mimir), Some(Flavour::Mimir));
        for victoria in ["{}", r#"{"version":"2.24.0"}"#] {
            assert_eq!(of(victoria), Some(Flavour::VictoriaMetrics), "{victoria}");
        }
        assert_eq!(of(r#"{"version":"0.40.1","revision":"e103a81b"}"#), None);
        assert_eq!(of(r#"{"resultType":"vector","result":[]}"#), Some(Flavour::Unknown));
        assert_eq!(Flavour::of_build(b"<html>"), Some(Flavour::Unknown));
    }

    #[test]
    fn a_clouds_host_tells_its_kin() {
        let of = Flavour::of_host;
        assert_eq!(of("aps-workspaces.eu-west-1.amazonaws.com"), Some(Flavour::Amazon));
        assert_eq!(
            region_of("aps-workspaces.cn-north-1.amazonaws.com.cn"),
            Some("cn-north-1")
        );
        assert_eq!(of("monitoring.googleapis.com"), Some(Flavour::Google));
        assert_eq!(of("w-abc.eastus.prometheus.monitor.azure.com"), Some(Flavour::Azure));
        assert_eq!(of("aps-workspaces.example.com"), None);
        assert_eq!(of("prometheus.monitoring"), None);
    }

    #[test]
    fn metricsql_is_told_what_prometheus_means_by_a_rate() {
        let said = Flavour::VictoriaMetrics.words(r#"sum(rate(a{b="x)y"}[2m])) or irate(c[2m]) or rate(d[1m])"#);
        let slope = |x: &str| format!("(increase_prometheus({x}) / (tlast_over_time({x}) - tfirst_over_time({x})))");
        let expected = format!(
            "sum({}) or irate(c[2m]) or {}",
            slope(r#"a{b="x)y"}[2m]"#),
            slope("d[1m]")
        );
        assert_eq!(said, expected);
        let said = Flavour::VictoriaMetrics.words(r#"max(increase(a{b="x)y"}[1h])) or rate(c[1m]) or increase(d[1h])"#);
        let expected = format!(
            r#"max(increase_prometheus(a{{b="x)y"}}[1h])) or {} or increase_prometheus(d[1h])"#,
            slope("c[1m]")
        );
        assert_eq!(said, expected);
        let catalog = Catalog::shipped().unwrap();
        for signal in Signal::ALL {
            // As many pods as one query may be about; 16 KiB are what it takes by default.
            let mut pods = Pods::default();
            pods.add(&[("ml".to_owned(), "x".repeat(LONGEST_PATTERN))].into());
            for query in range_queries(&catalog, signal, 60, Some(&pods), &Matchers::default()) {
                assert_eq!(Flavour::Prometheus.words(&query), query);
                let said = Flavour::VictoriaMetrics.words(&query);
                assert!(!said.contains("(rate(") && !said.contains(" rate("), "{said}");
                assert!(said.len() <= 16 << 10, "{signal}: {} characters", said.len());
            }
        }
    }
}
