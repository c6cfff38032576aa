//! One replica of a model server and what surrounds it, as a file describes them: every mistake of it is told at once.

use crate::model::objective::Objective;
use crate::policy::latency;
use crate::replay::fields::{self, Faults, Fields};
use crate::replay::service::law::Law;
use crate::replay::service::policies::Watched;
use crate::replay::service::pool::Routing;
use crate::replay::service::replica::Service;

/// Tokens that a step computes where nobody says: `--max-num-batched-tokens` of vLLM's server on GPUs below 70 GiB and on A100s;
/// 8,192 on larger ones.
const STEP_TOKENS: f64 = 2_048.0;

/// Seconds that a pod has to end where nobody says: Kubernetes' `terminationGracePeriodSeconds`.
const GRACE: f64 = 30.0;

/// Spread of lengths where nobody says, as a standard deviation of the logarithm (Azure's conversations of 2023: 0.9 for prompts,
/// 0.8 for answers).
const SPREAD: f64 = 0.85;

/// The longest start or grace, in seconds.
const A_DAY: f64 = 86_400.0;

/// What is known of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// What one replica can do.
    pub service: Service,
    /// How long prompts and answers are.
    pub lengths: Lengths,
    /// How requests are spread over replicas.
    pub routing: Routing,
    /// Whether something in front of the replicas holds requests while none is ready.
    pub holds_requests: bool,
    /// Seconds that starts take; empty where the file does not say.
    pub start_seconds: Vec<f64>,
    /// Seconds that a replica has to finish what it has begun.
    pub grace_seconds: f64,
    /// What requests may take.
    pub objective: Objective,
    /// What metrics show whose names do not tell.
    pub metrics: Vec<(String, Shows)>,
}

/// Tokens of requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lengths {
    /// Mean of a prompt; `None` where the load has a column for it.
    pub prompt: Option<f64>,
    /// Mean of an answer; the same.
    pub answer: Option<f64>,
    /// Standard deviation of the logarithm.
    pub spread: f64,
    /// Share of prompts' tokens that the prefix cache holds.
    pub cached_share: f64,
}

/// What a metric shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Requests of the pool.
    Requests(Watched),
    /// Requests that arrive in a second.
    Arrivals,
    /// What a column of the load says: it comes from outside and does not answer to the replicas.
    Column,
}

/// The words for it.
const SHOWS: [(&str, Shows); 5] = [
    ("running", Shows::Requests(Watched::Running)),
    ("waiting", Shows::Requests(Watched::Waiting)),
    ("in-flight", Shows::Requests(Watched::InFlight)),
    ("requests-per-second", Shows::Arrivals),
    ("column", Shows::Column),
];

/// The words that a file may use for what a metric shows.
pub fn words() -> [&'static str; 5] {
    SHOWS.map(|(word, _)| word)
}

const KNOWN: [&str; 17] = [
    "itl_seconds",
    "prefill_tokens_per_second",
    "max_num_seqs",
    "max_num_batched_tokens",
    "kv_cache_tokens",
    "overhead_seconds",
    "patience_seconds",
    "prompt_tokens",
    "answer_tokens",
    "token_spread",
    "cached_share",
    "routing",
    "holds_requests",
    "start_seconds",
    "grace_seconds",
    "objective",
    "metrics",
];

/// Reads the one description of a YAML text; `file` is what the objective's place is called by.
///
/// # Errors
/// Everything that is wrong with it, with its path.
pub fn read(text: &str, file: &str) -> Result<Server, Faults> {
    let documents = fields::documents(text)?;
    let [document] = documents.as_slice() else {
        return Err(Faults::of(format!(
            "it describes one replica of a server, and there are {} documents in it",
            documents.len()
        )));
    };
    let mut faults = Faults::default();
    let root = Fields::read(Some(document), "", &KNOWN, &mut faults);
    if !root.is_there() {
        return faults.or(None);
    }
    let service = service(&root, &mut faults);
    let share = |share: f64| (0.0..1.0).contains(&share);
    let lengths = Lengths {
        prompt: tokens(&root, "prompt_tokens", &mut faults),
        answer: tokens(&root, "answer_tokens", &mut faults),
        spread: root
            .number(
                "token_spread",
                |spread| (0.0..=3.0).contains(&spread),
                "must be from 0 to 3",
                &mut faults,
            )
            .unwrap_or(SPREAD),
        cached_share: root
            .number(
                "cached_share",
                share,
                "must be a share from 0 up to, and without, 1",
                &mut faults,
            )
            .unwrap_or(0.0),
    };
    let routing = routing(&root, &mut faults);
    let holds_requests = root.flag("holds_requests", &mut faults).unwrap_or(false);
    let start_seconds = starts(&root, &mut faults);
    let grace_seconds = seconds(&root, "grace_seconds", &mut faults).unwrap_or(GRACE);
    let objective = objective(&root, file, &mut faults);
    let metrics = metrics(&root, &mut faults);
    let server = service.map(|service| Server {
        service,
        lengths,
        routing,
        holds_requests,
        start_seconds,
        grace_seconds,
        objective,
        metrics,
    });
    faults.or(server)
}

/// The length that a request has at most: far more than any model's context.
pub(super) const MOST_TOKENS: f64 = 1e7;

fn tokens(root: &Fields<'_>, field: &str, faults: &mut Faults) -> Option<f64> {
    let within = |tokens: f64| (1.0..=MOST_TOKENS).contains(&tokens);
    root.number(field, within, "must be a mean of tokens from 1 to 10 million", faults)
}

fn seconds(root: &Fields<'_>, field: &str, faults: &mut Faults) -> Option<f64> {
    let within = |seconds: f64| (0.0..=A_DAY).contains(&seconds);
    root.number(field, within, "must be seconds from 0 to 86400", faults)
}

fn service(root: &Fields<'_>, faults: &mut Faults) -> Option<Service> {
    let steps = root.object("itl_seconds", &["base", "per_request"], faults);
    let step = |seconds: f64| (0.0..=60.0).contains(&seconds);
    let mut part = |field: &str| {
        if steps.value(field).is_none() {
            let why = "seconds from one token to the next are `base + per_request x requests in the batch`";
            faults.required(steps.path(field), why);
        }
        steps.number(field, step, "must be seconds from 0 to 60", faults)
    };
    let (base, per_request) = (part("base"), part("per_request"));
    if base == Some(0.0) && per_request == Some(0.0) {
        faults.invalid("itl_seconds", 0, "a token takes some time");
    }
    for field in ["prefill_tokens_per_second", "max_num_seqs"] {
        if root.value(field).is_none() {
            faults.required(field, "");
        }
    }
    let rate = |rate: f64| rate > 0.0 && rate <= 1e9;
    let above = |tokens: f64| (1.0..=1e12).contains(&tokens);
    let prefill = root.number("prefill_tokens_per_second", rate, "must be above zero", faults);
    let most = |most: f64| (1.0..=100_000.0).contains(&most) && most.fract() == 0.0;
    let most = root.number("max_num_seqs", most, "must be a whole number from 1 to 100000", faults);
    let chunk = root.number("max_num_batched_tokens", above, "must be 1 or more", faults);
    let patience = |seconds: f64| seconds > 0.0 && seconds <= A_DAY;
    let service = Service {
        law: Law::line(base.unwrap_or(1.0), per_request.unwrap_or(0.0), most.unwrap_or(1.0)),
        prefill_tokens_per_second: prefill.unwrap_or(1.0),
        overhead_seconds: seconds(root, "overhead_seconds", faults).unwrap_or(0.0),
        chunk_tokens: chunk.unwrap_or(STEP_TOKENS),
        most_running: most.unwrap_or(1.0) as usize,
        cache_tokens: root.number("kv_cache_tokens", above, "must be 1 or more", faults),
        patience_seconds: root.number("patience_seconds", patience, "must be above 0, to 86400", faults),
    };
    let given = [base, per_request, prefill, most];
    given.iter().all(Option::is_some).then_some(service)
}

fn routing(root: &Fields<'_>, faults: &mut Faults) -> Routing {
    match root.text("routing", faults) {
        Some("least-loaded") => Routing::LeastLoaded,
        None | Some("random") => Routing::Random,
        Some(other) => {
            faults.unsupported("routing", other, &["least-loaded", "random"]);
            Routing::Random
        }
    }
}

/// One number, or several of which one is drawn each time.
fn starts(root: &Fields<'_>, faults: &mut Faults) -> Vec<f64> {
    let field = "start_seconds";
    if root.value(field).is_none_or(|value| !value.is_array()) {
        return seconds(root, field, faults).into_iter().collect();
    }
    let items = root.list(field, faults).unwrap_or_default();
    if items.is_empty() {
        faults.required(field, "give one start or more");
    }
    let mut all = Vec::with_capacity(items.len());
    for (path, item) in items {
        match item.as_f64().filter(|seconds| (0.0..=A_DAY).contains(seconds)) {
            Some(seconds) => all.push(seconds),
            None => faults.invalid(path, item.clone(), "must be seconds from 0 to 86400"),
        }
    }
    all
}

fn objective(root: &Fields<'_>, file: &str, faults: &mut Faults) -> Objective {
    let mut objective = Objective::default();
    let given = Fields::free(root.value("objective"), "objective", faults);
    for name in given.keys().collect::<Vec<_>>() {
        // A number is one without a unit, which is told as such.
        let value = given
            .value(name)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let value = value.unwrap_or_default();
        if let Err(why) = latency::tighten(&mut objective, name, &value, file) {
            faults.invalid(given.path(name), value, &why);
        }
    }
    objective
}

fn metrics(root: &Fields<'_>, faults: &mut Faults) -> Vec<(String, Shows)> {
    let texts = root.texts("metrics", faults);
    let mut all = Vec::with_capacity(texts.len());
    for (name, word) in texts {
        match SHOWS.iter().find(|(known, _)| *known == word) {
            Some((_, shows)) => all.push((name.to_owned(), *shows)),
            None => faults.unsupported(format!("metrics.{name}"), word, &words()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        "itl_seconds: {base: 0.01, per_request: 0.001}\nprefill_tokens_per_second: 10000\nmax_num_seqs: 32\n";

    fn told(text: &str) -> Vec<String> {
        let faults = read(text, "s.yaml").expect_err("it is refused");
        faults.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_said_is_what_is_usual() {
        let server = read(LEAST, "s.yaml").unwrap();
        assert!((server.service.law.seconds(8.0) - 0.018).abs() < 1e-12);
        assert_eq!(
            (server.service.most_running, server.service.chunk_tokens),
            (32, 2_048.0)
        );
        assert_eq!(
            (server.service.cache_tokens, server.service.patience_seconds),
            (None, None)
        );
        assert_eq!((server.routing, server.holds_requests), (Routing::Random, false));
        assert_eq!(
            (server.start_seconds.as_slice(), server.grace_seconds),
            ([].as_slice(), 30.0)
        );
        assert_eq!((server.lengths.prompt, server.lengths.cached_share), (None, 0.0));
        assert!(server.objective.is_empty() && server.metrics.is_empty());
    }

    #[test]
    fn everything_can_be_said() {
        let text = format!(
            "{LEAST}max_num_batched_tokens: 512\nkv_cache_tokens: 90000\noverhead_seconds: 0.02\npatience_seconds: 30\nprompt_tokens: 800\nanswer_tokens: 200\ntoken_spread: 0\ncached_share: 0.25\nrouting: least-loaded\nholds_requests: true\nstart_seconds: [60, 90.5]\ngrace_seconds: 5\nobjective: {{ttft_p95: 2s, rejected: 1%}}\nmetrics: {{queue: waiting, s1: column}}\n"
        );
        let server = read(&text, "s.yaml").unwrap();
        assert_eq!(
            (server.service.cache_tokens, server.service.patience_seconds),
            (Some(90_000.0), Some(30.0))
        );
        assert_eq!((server.routing, server.holds_requests), (Routing::LeastLoaded, true));
        assert_eq!(
            (server.start_seconds.as_slice(), server.grace_seconds),
            ([60.0, 90.5].as_slice(), 5.0)
        );
        assert_eq!((server.lengths.answer, server.lengths.spread), (Some(200.0), 0.0));
        assert_eq!(server.objective.latencies[0].at_most.as_secs(), 2);
        assert_eq!(
            server.metrics,
            [
                ("queue".to_owned(), Shows::Requests(Watched::Waiting)),
                ("s1".to_owned(), Shows::Column)
            ]
        );
        let one = read(&format!("{LEAST}start_seconds: 45\n"), "s.yaml").unwrap();
        assert_eq!(one.start_seconds, [45.0]);
    }

    #[test]
    fn every_mistake_is_told_with_its_field() {
        let text = "itl_seconds: {base: -1}\nmax_num_seqs: 1.5\nprompt_tokens: 0\nrouting: best\nstart_seconds: [60, soon]\nobjective: {ttft_p95: 2, e2e_p42: 1s}\nmetrics: {queue: many}\ncache: 1\n";
        assert_eq!(
            told(text),
            [
                "cache: unknown field",
                "itl_seconds.base: Invalid value: -1: must be seconds from 0 to 60",
                "itl_seconds.per_request: Required value: seconds from one token to the next are `base + per_request x requests in the batch`",
                "prefill_tokens_per_second: Required value",
                "max_num_seqs: Invalid value: 1.5: must be a whole number from 1 to 100000",
                "prompt_tokens: Invalid value: 0: must be a mean of tokens from 1 to 10 million",
                "routing: Unsupported value: \"best\": supported values: \"least-loaded\", \"random\"",
                "start_seconds[1]: Invalid value: \"soon\": must be seconds from 0 to 86400",
                "objective.e2e_p42: Invalid value: \"1s\": there is no such bound; there are ttft_, itl_ and e2e_ at p50, p90, p95 and p99, and rejected",
                "objective.ttft_p95: Invalid value: \"2\": it must be a time with its unit, such as 500ms, 2s or 1.5m",
                "metrics.queue: Unsupported value: \"many\": supported values: \"running\", \"waiting\", \"in-flight\", \"requests-per-second\", \"column\"",
            ]
        );
        assert_eq!(told("- 1\n"), ["Invalid value: [1]: must be an object"]);
        let none = LEAST.replace("0.01,", "0,").replace("0.001", "0");
        assert_eq!(told(&none), ["itl_seconds: Invalid value: 0: a token takes some time"]);
    }
}
