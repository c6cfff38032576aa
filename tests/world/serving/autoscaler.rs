//! A small autoscaler: the desired count from a sum and a target, held back by windows and by rates. Written from the documentation
//! of Kubernetes, apart from the one that `replay` has.

/// What is measured, summed over replicas and compared with the target for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    /// Requests in execution.
    Running,
    /// Requests in execution or waiting.
    InFlight,
    /// Requests waiting.
    Waiting,
}

/// So many more, or fewer, within so many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    /// Pods.
    Pods(u32, f64),
    /// Percent of what there was when the seconds began.
    Percent(f64, f64),
}

/// What holds a change back in one direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    /// Seconds over which the most cautious recommendation counts.
    pub(crate) window: f64,
    /// Rates, of which the most permissive counts; none forbids any change.
    pub(crate) rates: Vec<Rate>,
}

/// An autoscaler's settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hpa {
    /// What is measured.
    pub(crate) metric: Metric,
    /// How much of it for a replica.
    pub(crate) target: f64,
    /// Replicas at least.
    pub(crate) min: u32,
    /// Replicas at most.
    pub(crate) max: u32,
    /// Upwards.
    pub(crate) up: Rules,
    /// Downwards.
    pub(crate) down: Rules,
}

impl Hpa {
    /// With the defaults of Kubernetes.
    pub(crate) fn new(metric: Metric, target: f64, min: u32, max: u32) -> Self {
        Self {
            metric,
            target,
            min,
            max,
            up: Rules {
                window: 0.0,
                rates: vec![Rate::Pods(4, 15.0), Rate::Percent(100.0, 15.0)],
            },
            down: Rules {
                window: 300.0,
                rates: vec![Rate::Percent(100.0, 15.0)],
            },
        }
    }
}

/// What decides how many replicas there are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Policy {
    /// Always as many.
    Fixed(u32),
    /// An autoscaler.
    Hpa(Hpa),
}

impl Policy {
    /// Replicas at most.
    pub(crate) fn most(&self) -> u32 {
        match self {
            Self::Fixed(count) => *count,
            Self::Hpa(hpa) => hpa.max,
        }
    }
}

/// Recommendations and changes so far.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    recommended: Vec<(f64, u32)>,
    changes: Vec<(f64, i64)>,
}

/// Nearer to the target than this, nothing changes.
const TOLERANCE: f64 = 0.1;

impl Memory {
    /// How many replicas there should be; `now` in seconds, `sum` of the metric.
    pub(crate) fn decide(&mut self, hpa: &Hpa, now: f64, current: u32, sum: f64) -> u32 {
        let usage = sum / (hpa.target * f64::from(current.max(1)));
        let wanted = if current > 0 && (usage - 1.0).abs() <= TOLERANCE {
            current
        } else {
            (sum / hpa.target).ceil() as u32
        };
        self.recommended.push((now, wanted));
        let longest = hpa.up.window.max(hpa.down.window);
        self.recommended.retain(|(at, _)| now - at <= longest);
        // What is exactly as old as a window has left it; what is new counts in any.
        let within = |window: f64| {
            self.recommended
                .iter()
                .filter(move |(at, _)| *at == now || now - at < window)
        };
        let least = within(hpa.up.window).map(|(_, count)| *count).min().unwrap_or(wanted);
        let most = within(hpa.down.window).map(|(_, count)| *count).max().unwrap_or(wanted);
        let steady = current.max(least).min(most);
        let limited = if steady > current {
            steady.min(self.limit(&hpa.up, now, current, true))
        } else {
            steady.max(self.limit(&hpa.down, now, current, false))
        };
        let decided = limited.clamp(hpa.min, hpa.max);
        if decided != current {
            self.changes.push((now, i64::from(decided) - i64::from(current)));
            self.changes.retain(|(at, _)| now - at <= 1_800.0);
        }
        decided
    }

    /// How far the rates let it go.
    fn limit(&self, rules: &Rules, now: f64, current: u32, up: bool) -> u32 {
        let reach = rules.rates.iter().map(|rate| {
            let (Rate::Pods(_, period) | Rate::Percent(_, period)) = *rate;
            let recent = self.changes.iter().filter(|(at, _)| now - at < period);
            let moved: i64 = recent.map(|(_, by)| *by).filter(|by| (*by > 0) == up).sum();
            let base = (i64::from(current) - moved) as f64;
            match (*rate, up) {
                (Rate::Pods(pods, _), true) => base + f64::from(pods),
                (Rate::Pods(pods, _), false) => base - f64::from(pods),
                (Rate::Percent(percent, _), true) => (base * (1.0 + percent / 100.0)).ceil(),
                (Rate::Percent(percent, _), false) => (base * (1.0 - percent / 100.0)).floor(),
            }
        });
        let reach = match up {
            true => reach.fold(f64::from(current), f64::max),
            false => reach.fold(f64::from(current), f64::min),
        };
        reach.max(0.0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(hpa: &Hpa, from: u32, sums: &[f64]) -> Vec<u32> {
        let (mut memory, mut current) = (Memory::default(), from);
        let step = |(at, sum): (usize, &f64)| {
            current = memory.decide(hpa, at as f64 * 15.0, current, *sum);
            current
        };
        sums.iter().enumerate().map(step).collect()
    }

    #[test]
    fn it_follows_the_target_but_not_within_a_tenth_and_no_faster_than_it_may() {
        let hpa = Hpa::new(Metric::Running, 10.0, 1, 20);
        assert_eq!(steps(&hpa, 2, &[21.9, 22.1, 41.0]), [2, 3, 5]);
        // Four pods or twice as many, whichever is more.
        assert_eq!(steps(&hpa, 1, &[500.0, 500.0, 500.0]), [5, 10, 20]);
        assert_eq!(steps(&hpa, 6, &[500.0]), [12]);
    }

    #[test]
    fn it_goes_down_to_the_most_of_five_minutes() {
        let hpa = Hpa::new(Metric::Running, 10.0, 1, 20);
        let mut sums = vec![79.0, 41.0];
        sums.extend([1.0; 21]);
        let counts = steps(&hpa, 8, &sums);
        // Eight until 300 s have passed since 79, five until they have since 41.
        assert_eq!(counts[..20], [8; 20]);
        assert_eq!(counts[20..], [5, 1, 1]);
    }

    #[test]
    fn its_own_windows_and_rates_hold() {
        let mut hpa = Hpa::new(Metric::Waiting, 1.0, 1, 20);
        hpa.up = Rules {
            window: 30.0,
            rates: vec![Rate::Pods(1, 60.0)],
        };
        hpa.down = Rules {
            window: 0.0,
            rates: vec![Rate::Percent(10.0, 60.0), Rate::Pods(2, 60.0)],
        };
        assert_eq!(
            steps(&hpa, 1, &[1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]),
            [1, 1, 2, 2, 2, 2, 3, 3]
        );
        assert_eq!(steps(&hpa, 10, &[0.0, 0.0, 0.0, 0.0, 0.0]), [8, 8, 8, 8, 6]);
    }
}
