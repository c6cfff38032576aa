//! What each metric of a specification shows of a simulated pool. A metric that does not follow from its requests is refused, with
//! what to do about it.

use super::query::{Names, Query};
use super::server::{Server, Shows, words};
use crate::catalog::Catalog;
use crate::model::usage::Signal;
use crate::replay::fields::Faults;
use crate::replay::given::Subject;
use crate::replay::given::load::Wanted;
use crate::replay::hpa::manifest::{Metric, Source};
use crate::replay::keda::triggers::{Scaler, Trigger};
use crate::replay::service::policies::Watched;

/// A server's count that has among them what waits below it.
const IN_FLIGHT: &str = "ray_serve_replica_processing_queries";

/// Where a metric's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// From the clock, or nobody asks.
    Nowhere,
    /// From metrics of the replicas themselves: without a ready one there is none.
    Query(Query),
    /// From each replica's own.
    Each(Watched),
    /// Counted in front of the replicas, so that it is there without them too.
    InFront(Watched),
    /// How many arrive in a second.
    Arrivals,
    /// From a column of the load.
    Column(usize),
}

/// Metrics of model servers by name, as Prometheus or an adapter calls them.
pub struct Known(Vec<(String, Watched)>);

impl Known {
    /// Those of the catalog that count requests, whatever their labels.
    pub fn of(catalog: &Catalog) -> Self {
        let mut all = Vec::new();
        for (signal, watched) in [
            (Signal::RequestsRunning, Watched::Running),
            (Signal::RequestsWaiting, Watched::Waiting),
        ] {
            let whole = catalog.metrics(signal).filter(|metric| metric.matcher.is_empty());
            all.extend(whole.map(|metric| match metric.metric.as_str() {
                IN_FLIGHT => (metric.metric.clone(), Watched::InFlight),
                name => (plain(name), watched),
            }));
        }
        Self(all)
    }
}

/// Adapters write `_` for the colon.
fn plain(name: &str) -> String {
    name.replace(':', "_")
}

impl Names for Known {
    fn watched(&self, metric: &str) -> Option<Watched> {
        let metric = plain(metric);
        let known = self.0.iter().find(|(name, _)| *name == metric);
        known.map(|(_, watched)| *watched)
    }
}

/// Columns that metrics ask for, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(pub Vec<Wanted>);

impl Columns {
    fn place(&mut self, wanted: &Wanted) -> usize {
        let known = self.0.iter().position(|names| names.first() == wanted.first());
        known.unwrap_or_else(|| {
            self.0.push(wanted.clone());
            self.0.len() - 1
        })
    }
}

/// What every metric of a specification shows, in its order: of an autoscaler's metrics, or of a ScaledObject's triggers.
///
/// # Errors
/// Every metric that the pool does not tell, with its path.
pub fn bind(subject: &Subject, server: &Server, known: &Known, columns: &mut Columns) -> Result<Vec<Bound>, Faults> {
    let mut faults = Faults::default();
    let server = Some(server);
    let bound = Binder { server, known, columns }.all(subject);
    let field = match subject {
        Subject::Hpa { .. } => "metrics",
        Subject::Keda(_) => "triggers",
    };
    let told = |(at, one): (usize, Result<Bound, Unbound>)| {
        one.unwrap_or_else(|unbound| {
            faults.add(format!("spec.{field}[{at}]"), unbound.in_words());
            Bound::Nowhere
        })
    };
    let bound = bound.into_iter().enumerate().map(told).collect();
    faults.or(Some(bound))
}

/// The same where nothing but their names tells what metrics show.
///
/// # Errors
/// Every metric that does not follow from what replicas hold.
pub fn bind_by_name(subject: &Subject, known: &Known) -> Result<Vec<Bound>, Vec<Unbound>> {
    let binder = &mut Binder {
        server: None,
        known,
        columns: &mut Columns::default(),
    };
    let (mut bound, mut unbound) = (Vec::new(), Vec::new());
    for one in binder.all(subject) {
        match one {
            Ok(one) => bound.push(one),
            Err(one) => unbound.push(one),
        }
    }
    if unbound.is_empty() { Ok(bound) } else { Err(unbound) }
}

/// A metric that does not follow from what replicas hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unbound {
    /// How much of this resource pods use.
    OfPods(String),
    /// What one of this name shows is not known.
    Name(String),
    /// The query of the one of this name asks for this.
    Query(String, String),
}

impl Unbound {
    /// How its owner tells what it shows.
    fn in_words(&self) -> String {
        match self {
            Self::OfPods(resource) => of_pods(resource),
            Self::Name(name) => format!("what `{name}` shows is not known: {}", to_say(name)),
            Self::Query(name, what) => format!(
                "its query cannot be answered of a simulated pool: {what}; {}",
                to_say(name)
            ),
        }
    }
}

/// Metrics of the service file that none of these specifications asks for: what it says of them would change nothing.
///
/// # Errors
/// Each of them.
pub fn all_asked_for(server: &Server, subjects: &[&Subject]) -> Result<(), Faults> {
    let mut faults = Faults::default();
    let wanted: Vec<Wanted> = subjects.iter().flat_map(|subject| subject.wanted()).collect();
    for (name, _) in &server.metrics {
        if !wanted.iter().any(|names| names.contains(name)) {
            let names: Vec<String> = wanted
                .iter()
                .filter_map(|names| names.first())
                .map(|name| format!("`{name}`"))
                .collect();
            let why = format!(
                "no metric of the specification is called so; there are {}",
                names.join(", ")
            );
            faults.add(format!("metrics.{name}"), why);
        }
    }
    faults.or(Some(()))
}

struct Binder<'a> {
    server: Option<&'a Server>,
    known: &'a Known,
    columns: &'a mut Columns,
}

impl Binder<'_> {
    /// Every metric, in its order.
    fn all(&mut self, subject: &Subject) -> Vec<Result<Bound, Unbound>> {
        let mut wanted = subject.wanted().into_iter();
        match subject {
            Subject::Hpa { manifest, .. } => {
                let metrics = manifest.metrics.iter();
                metrics
                    .map(|metric| self.of_metric(metric, &wanted.next().unwrap_or_default()))
                    .collect()
            }
            Subject::Keda(object) => {
                let of = |trigger: &Trigger| match trigger.scaler {
                    Scaler::Cron(_) => Ok(Bound::Nowhere),
                    _ => self.of_trigger(trigger, &wanted.next().unwrap_or_default()),
                };
                object.triggers.iter().map(of).collect()
            }
        }
    }

    /// What the file says that it shows.
    fn said(&mut self, names: &Wanted, of_each: bool) -> Option<Bound> {
        let server = self.server?;
        let said = server.metrics.iter().find(|(name, _)| names.contains(name));
        Some(match said?.1 {
            Shows::Arrivals => Bound::Arrivals,
            Shows::Column => Bound::Column(self.columns.place(names)),
            Shows::Requests(watched) if of_each => Bound::Each(watched),
            Shows::Requests(watched) if server.holds_requests => Bound::InFront(watched),
            Shows::Requests(watched) => Bound::Query(Query::sum(watched)),
        })
    }

    fn of_metric(&mut self, metric: &Metric, names: &Wanted) -> Result<Bound, Unbound> {
        let of_each = match &metric.source {
            Source::Resource { name } | Source::ContainerResource { name, .. } => {
                return Err(Unbound::OfPods(name.clone()));
            }
            Source::Pods(_) => true,
            Source::Object { .. } | Source::External(_) => false,
        };
        if let Some(said) = self.said(names, of_each) {
            return Ok(said);
        }
        let name = metric.name();
        match self.known.watched(&name) {
            Some(watched) if of_each => Ok(Bound::Each(watched)),
            Some(watched) => Ok(Bound::Query(Query::sum(watched))),
            None => Err(Unbound::Name(name)),
        }
    }

    fn of_trigger(&mut self, trigger: &Trigger, names: &Wanted) -> Result<Bound, Unbound> {
        let outside = match &trigger.scaler {
            Scaler::Pods => return Err(Unbound::OfPods(trigger.kind.clone())),
            Scaler::Cron(_) => return Ok(Bound::Nowhere),
            Scaler::Outside(outside) => outside,
        };
        if let Some(said) = self.said(names, false) {
            return Ok(said);
        }
        let name = names.first().cloned().unwrap_or_default();
        match &outside.query {
            Some(query) => Query::read(query, self.known)
                .map(Bound::Query)
                .map_err(|what| Unbound::Query(name, what)),
            None => Err(Unbound::Name(name)),
        }
    }
}

/// What the use of a pod's processor and memory comes to.
fn of_pods(resource: &str) -> String {
    format!(
        "how much {resource} pods use does not follow from their requests, so that it cannot be simulated; scale on requests that run or wait, or leave --service out and give its values in the load"
    )
}

/// How its owner tells what it shows.
fn to_say(name: &str) -> String {
    format!(
        "say in the service file what it shows, `metrics: {{{name}: {}}}`; there are {}; what is none of these, as the use of a GPU, cannot be simulated: scale on requests that run or wait",
        words()[1],
        words().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::server;
    use super::*;
    use crate::replay::{hpa, keda};

    const SERVER: &str =
        "itl_seconds: {base: 0.01, per_request: 0.001}\nprefill_tokens_per_second: 9000\nmax_num_seqs: 8\n";

    fn hpa(metrics: &str) -> Subject {
        let text = format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  maxReplicas: 5\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}\n  metrics: [{metrics}]\n"
        );
        Subject::hpa(hpa::manifest::read(&text, false).unwrap())
    }

    fn keda(triggers: &str) -> Subject {
        let text = format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{name: a}}\n  triggers: [{triggers}]\n"
        );
        Subject::Keda(Box::new(keda::spec::read(&text).unwrap()))
    }

    fn query(name: &str, query: &str) -> String {
        format!(
            "{{type: prometheus, name: {name}, metadata: {{serverAddress: 'http://p', query: '{query}', threshold: '5'}}}}"
        )
    }

    fn external(name: &str) -> String {
        format!(
            "{{type: External, external: {{metric: {{name: '{name}'}}, target: {{type: AverageValue, averageValue: 5}}}}}}"
        )
    }

    fn bound(subject: &Subject, more: &str) -> Result<(Vec<Bound>, Columns), Vec<String>> {
        let server = server::read(&format!("{SERVER}{more}"), "s.yaml").unwrap();
        let known = Known::of(&Catalog::shipped().unwrap());
        let mut columns = Columns::default();
        let bound = bind(subject, &server, &known, &mut columns);
        let told = |faults: Faults| faults.0.iter().map(ToString::to_string).collect();
        bound.map(|bound| (bound, columns)).map_err(told)
    }

    #[test]
    fn metrics_of_every_known_server_are_told_by_their_names() {
        let sum = |watched| Bound::Query(Query::sum(watched));
        for (name, watched) in [
            ("vllm:num_requests_waiting", Watched::Waiting),
            ("vllm_num_requests_running", Watched::Running),
            ("sglang:num_queue_reqs", Watched::Waiting),
            ("tgi_batch_current_size", Watched::Running),
            ("nv_inference_pending_request_count", Watched::Waiting),
            ("ray_serve_replica_processing_queries", Watched::InFlight),
        ] {
            assert_eq!(bound(&hpa(&external(name)), "").unwrap().0, [sum(watched)], "{name}");
            let pods = format!(
                "{{type: Pods, pods: {{metric: {{name: '{name}'}}, target: {{type: AverageValue, averageValue: 5}}}}}}"
            );
            assert_eq!(bound(&hpa(&pods), "").unwrap().0, [Bound::Each(watched)], "{name}");
            let trigger = query("q", &format!("sum({name})"));
            assert_eq!(bound(&keda(&trigger), "").unwrap().0, [sum(watched)], "{name}");
        }
    }

    #[test]
    fn the_file_says_what_other_names_show() {
        let cron = "{type: cron, metadata: {timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: '2'}}";
        let triggers = [
            &query("gateway", "sum(rate(requests_total[1m]))"),
            cron,
            &query("lag", "max(lag)"),
        ]
        .map(str::to_owned);
        let subject = keda(&triggers.join(", "));
        let said = "metrics: {gateway: requests-per-second, s2: column}\n";
        let (found, columns) = bound(&subject, said).unwrap();
        assert_eq!(found, [Bound::Arrivals, Bound::Nowhere, Bound::Column(0)]);
        assert_eq!(columns.0.len(), 1);
        assert_eq!(columns.0[0][..2], ["lag".to_owned(), "s2".to_owned()]);
        let queue = hpa(&external("queue"));
        let said = "metrics: {queue: in-flight}\n";
        assert_eq!(
            bound(&queue, said).unwrap().0,
            [Bound::Query(Query::sum(Watched::InFlight))]
        );
        let said = format!("{said}holds_requests: true\n");
        let server = server::read(
            &format!("{SERVER}metrics: {{queue: waiting, s0: column, queu: running}}\n"),
            "s.yaml",
        );
        let told = all_asked_for(&server.unwrap(), &[&subject, &queue]).unwrap_err();
        assert_eq!(
            told.to_string(),
            "metrics.queu: no metric of the specification is called so; there are `gateway`, `lag`, `queue`"
        );
        assert_eq!(bound(&queue, &said).unwrap().0, [Bound::InFront(Watched::InFlight)]);
    }

    #[test]
    fn what_does_not_follow_from_requests_is_refused_with_what_to_do() {
        let cpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}";
        let told = bound(&hpa(&format!("{cpu}, {}", external("DCGM_FI_DEV_GPU_UTIL"))), "").unwrap_err();
        assert_eq!(
            told,
            [
                "spec.metrics[0]: how much cpu pods use does not follow from their requests, so that it cannot be simulated; scale on requests that run or wait, or leave --service out and give its values in the load",
                "spec.metrics[1]: what `DCGM_FI_DEV_GPU_UTIL` shows is not known: say in the service file what it shows, `metrics: {DCGM_FI_DEV_GPU_UTIL: waiting}`; there are running, waiting, in-flight, requests-per-second, column; what is none of these, as the use of a GPU, cannot be simulated: scale on requests that run or wait",
            ]
        );
        let told = bound(&keda(&query("rate", "sum(rate(vllm:request_success_total[1m]))")), "").unwrap_err();
        assert!(
            told[0].starts_with("spec.triggers[0]: its query cannot be answered of a simulated pool: the function `rate`; say in the service file what it shows, `metrics: {rate: waiting}`"),
            "{told:?}"
        );
    }
}
