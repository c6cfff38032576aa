//! What one metric proposes: how many replicas bring it to its target.

use super::limits::to_i32;

/// A pod as the controller sees it; times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod {
    /// Its phase.
    pub phase: Phase,
    /// Its condition `Ready`.
    pub ready: Ready,
    /// `status.startTime`.
    pub started: Option<i64>,
    /// When `Ready` changed last.
    pub transition: Option<i64>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a node or an image.
    Pending,
    /// Running.
    Running,
    /// Over, and failed.
    Failed,
    /// Over, or not known.
    Other,
}

/// The condition `Ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// It is.
    True,
    /// It is not.
    False,
    /// Nobody knows.
    Unknown,
    /// There is no such condition.
    Absent,
}

/// A sample of a metric of pods, in thousandths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodSamples {
    /// By pod; `None` without a sample.
    pub by_pod: Vec<Option<i64>>,
    /// When each was taken, in milliseconds, for CPU.
    pub at: Vec<Option<i64>>,
    /// Milliseconds that each covers.
    pub window: i64,
    /// What each pod requests; `None` where it requests nothing.
    pub requests: Vec<Option<i64>>,
    /// Samples of pods that are no longer there.
    pub others: Vec<i64>,
}

/// What change of a ratio is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Above one.
    pub up: f64,
    /// Below one.
    pub down: f64,
}

/// How long a pod's CPU and readiness are not believed after its start, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warmup {
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub cpu: i64,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub readiness: i64,
}

/// What a metric of pods is asked with.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The pods.
    pub pods: &'a [Pod],
    /// Their samples.
    pub samples: &'a PodSamples,
    /// Whether it is CPU, of which a pod that has just started shows too much.
    pub cpu: bool,
    /// Replicas now.
    pub current: i32,
    /// What change is none.
    pub tolerance: Tolerance,
    /// How long a start lasts.
    pub warmup: Warmup,
    /// Now, in milliseconds.
    pub now: i64,
}

/// What a metric proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// What was measured, in thousandths; `None` where it is of no replica.
    pub usage: Option<i64>,
    /// In percent of requests.
    pub utilization: Option<i32>,
}

/// Why a metric proposes nothing, in the controller's words.
pub type Failure = &'static str;

const NO_PODS: Failure = "no pods returned by selector";
const NO_METRICS: Failure = "no metrics returned";
const NOT_RECEIVED: Failure = "did not receive metrics for targeted pods";
const NO_REQUEST: Failure = "missing request for";
const NONE_MATCHED: Failure = "no metrics returned matched known pods";

/// What a pod counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Measured, and to be believed.
    Ready,
    /// Not yet.
    Unready,
    /// Not measured.
    Missing,
    /// Going or gone.
    Ignored,
}

impl Tolerance {
    /// Whether a ratio is as good as one.
    pub fn holds(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

impl Asked<'_> {
    /// What each pod counts as.
    pub fn classes(&self) -> Vec<Class> {
        (0..self.pods.len()).map(|at| self.class(at)).collect()
    }

    fn class(&self, at: usize) -> Class {
        let pod = self.pods[at];
        if pod.terminating || pod.phase == Phase::Failed {
            return Class::Ignored;
        }
        if pod.phase == Phase::Pending {
            return Class::Unready;
        }
        if self.sample(at).is_none() {
            return Class::Missing;
        }
        if self.cpu && self.is_starting(pod, self.samples.at.get(at).copied().flatten()) {
            return Class::Unready;
        }
        Class::Ready
    }

    fn is_starting(&self, pod: Pod, sampled: Option<i64>) -> bool {
        let Some(started) = pod.started.filter(|_| pod.ready != Ready::Absent) else {
            return true;
        };
        let transition = pod.transition.unwrap_or(i64::MIN / 2);
        if started + self.warmup.cpu > self.now {
            // A sample from before it was ready says nothing of what it serves.
            return pod.ready == Ready::False || sampled.unwrap_or(i64::MIN / 2) < transition + self.samples.window;
        }
        pod.ready == Ready::False && started + self.warmup.readiness > transition
    }

    fn sample(&self, at: usize) -> Option<i64> {
        self.samples.by_pod.get(at).copied().flatten()
    }

    /// The samples that count at first, by pod, those that do not, and the classes.
    fn grouped(&self) -> Result<Grouped, Failure> {
        if self.samples.by_pod.iter().all(Option::is_none) && self.samples.others.is_empty() {
            return Err(NO_METRICS);
        }
        if self.pods.is_empty() {
            return Err(NO_PODS);
        }
        let classes = self.classes();
        let of = |(at, class): (usize, &Class)| (*class == Class::Ready).then(|| self.sample(at)).flatten();
        let used: Vec<Option<i64>> = classes.iter().enumerate().map(of).collect();
        let grouped = Grouped { classes, used };
        match grouped.used.iter().all(Option::is_none) && self.samples.others.is_empty() {
            true => Err(NOT_RECEIVED),
            false => Ok(grouped),
        }
    }

    /// By the mean over pods.
    ///
    /// # Errors
    /// Why it proposes nothing.
    pub fn by_average(&self, target: i64) -> Result<Proposal, Failure> {
        let mean = |used: &[Option<i64>]| {
            let all: Vec<i64> = used.iter().flatten().chain(&self.samples.others).copied().collect();
            let sum = all.iter().fold(0_i64, |sum, one| sum.wrapping_add(*one));
            let mean = sum / i64::try_from(all.len()).unwrap_or(i64::MAX).max(1);
            Ok((mean as f64 / target as f64, mean))
        };
        let told = |mean: i64, replicas: i32| Proposal {
            replicas,
            usage: Some(mean),
            utilization: None,
        };
        self.propose(mean, |_| target, told)
    }

    /// By the share of what pods request, in percent.
    ///
    /// # Errors
    /// Why it proposes nothing.
    pub fn by_utilization(&self, target: i32) -> Result<Proposal, Failure> {
        let request = |at: usize| self.samples.requests.get(at).copied().flatten();
        let percent = |used: &[Option<i64>]| {
            if (0..self.pods.len()).any(|at| request(at).is_none()) {
                return Err(NO_REQUEST);
            }
            let (mut usage, mut requests, mut count) = (0_i64, 0_i64, 0_i64);
            for (at, value) in used.iter().enumerate() {
                let (Some(value), Some(requested)) = (value, request(at)) else {
                    continue;
                };
                usage = usage.wrapping_add(*value);
                requests = requests.wrapping_add(requested);
                count += 1;
            }
            if requests == 0 {
                return Err(NONE_MATCHED);
            }
            let percent = (usage.wrapping_mul(100) / requests) as i32;
            Ok((f64::from(percent) / f64::from(target), (percent, usage / count.max(1))))
        };
        let told = |(percent, usage): (i32, i64), replicas: i32| Proposal {
            replicas,
            usage: Some(usage),
            utilization: Some(percent),
        };
        let missing = |at: usize| request(at).unwrap_or(0).wrapping_mul(i64::from(target.max(100))) / 100;
        self.propose(percent, missing, told)
    }

    /// The steps that both have in common; `measure` gives the ratio of what is used to the target.
    fn propose<T: Copy>(
        &self,
        measure: impl Fn(&[Option<i64>]) -> Result<(f64, T), Failure>,
        of_missing: impl Fn(usize) -> i64,
        told: impl Fn(T, i32) -> Proposal,
    ) -> Result<Proposal, Failure> {
        let Grouped { classes, mut used } = self.grouped()?;
        let (ratio, measured) = measure(&used)?;
        let count = |wanted: Class| classes.iter().filter(|class| **class == wanted).count();
        let up_with_unready = count(Class::Unready) > 0 && ratio > 1.0;
        if !up_with_unready && count(Class::Missing) == 0 {
            let replicas = match self.tolerance.holds(ratio) {
                true => self.current,
                false => to_i32((ratio * count(Class::Ready) as f64).ceil()),
            };
            return Ok(told(measured, replicas));
        }
        for (at, class) in classes.iter().enumerate() {
            match class {
                Class::Missing if ratio < 1.0 => used[at] = Some(of_missing(at)),
                Class::Missing if ratio > 1.0 => used[at] = Some(0),
                Class::Unready if up_with_unready => used[at] = Some(0),
                _ => {}
            }
        }
        let (then, _) = measure(&used)?;
        let flipped = (ratio < 1.0 && then > 1.0) || (ratio > 1.0 && then < 1.0);
        if self.tolerance.holds(then) || flipped {
            return Ok(told(measured, self.current));
        }
        let all = used.iter().flatten().count() + self.samples.others.len();
        let replicas = to_i32((then * all as f64).ceil());
        let against = (then < 1.0 && replicas > self.current) || (then > 1.0 && replicas < self.current);
        Ok(told(measured, if against { self.current } else { replicas }))
    }
}

struct Grouped {
    classes: Vec<Class>,
    used: Vec<Option<i64>>,
}

/// Of a value that belongs to no pod, with a target for all of it: by the pods that are ready, of so many that there are.
///
/// # Errors
/// Where there is no pod.
pub fn by_value(
    usage: i64,
    target: i64,
    current: i32,
    (ready, pods): (usize, usize),
    tolerance: Tolerance,
) -> Result<Proposal, Failure> {
    let ratio = usage as f64 / target as f64;
    let replicas = if current == 0 {
        saturated(ratio.ceil())
    } else if tolerance.holds(ratio) {
        current
    } else if pods == 0 {
        return Err(NO_PODS);
    } else {
        saturated((ratio * ready as f64).ceil())
    };
    Ok(Proposal {
        replicas,
        usage: Some(usage),
        utilization: None,
    })
}

/// Of a value that belongs to no pod, with a target for each replica; `current` is `status.replicas`.
pub fn by_average_value(usage: i64, target: i64, current: i32, tolerance: Tolerance) -> Proposal {
    let ratio = usage as f64 / (target as f64 * f64::from(current));
    let replicas = match tolerance.holds(ratio) {
        true => current,
        false => saturated((usage as f64 / target as f64).ceil()),
    };
    Proposal {
        replicas,
        usage: (current != 0).then(|| (usage as f64 / f64::from(current)).ceil() as i64),
        utilization: None,
    }
}

fn saturated(value: f64) -> i32 {
    if value >= f64::from(i32::MAX) {
        i32::MAX
    } else {
        to_i32(value)
    }
}
