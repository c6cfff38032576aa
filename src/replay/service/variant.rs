//! A server that was changed: quantized, on fewer GPUs, with another limit or a cache for what prompts share.

use super::replica::{Request, Service};

/// What a change makes of a replica, against the one that was fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variant {
    /// Times as long a step takes, whatever its batch.
    pub step: f64,
    /// By which share a step may take longer than that, and by which less: what is known of the change, nine times of ten.
    pub off: (f64, f64),
    /// Times as many tokens of prompts are computed in a second.
    pub prefill: f64,
    /// The share of what is computed of prompts that is computed still; the rest comes from a cache.
    pub computed: f64,
    /// Requests in execution at once, where that changes.
    pub most_running: Option<usize>,
    /// Tokens that the KV cache holds, where that changes.
    pub cache_tokens: Option<f64>,
    /// Devices of a replica, of those that it has now.
    pub devices: f64,
}

impl Variant {
    /// Nothing is changed.
    pub const AS_IT_IS: Self = Self {
        step: 1.0,
        off: (0.0, 0.0),
        prefill: 1.0,
        computed: 1.0,
        most_running: None,
        cache_tokens: None,
        devices: 1.0,
    };

    /// The service that it makes of one, so many times as slow as is thought.
    pub(super) fn of(&self, service: &Service, slower: f64) -> Service {
        Service {
            law: service.law.times(self.step * slower),
            prefill_tokens_per_second: service.prefill_tokens_per_second * self.prefill / slower,
            most_running: self.most_running.unwrap_or(service.most_running),
            cache_tokens: self.cache_tokens.or(service.cache_tokens),
            ..service.clone()
        }
    }

    /// The request as the changed server sees it.
    pub(super) fn seen(&self, request: Request) -> Request {
        Request {
            prompt: request.prompt * self.computed,
            cached: request.cached + request.prompt * (1.0 - self.computed),
            ..request
        }
    }

    /// How much slower, and quicker, than thought it may be, where the fitted law itself may be off by so much: two errors that
    /// know nothing of each other.
    pub(super) fn slowness(&self, law: f64) -> (f64, f64) {
        (1.0 + law.hypot(self.off.0), (1.0 - law.hypot(self.off.1)).max(0.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::service::law::Law;

    fn service() -> Service {
        Service {
            law: Law::line(0.02, 0.001, 16.0),
            prefill_tokens_per_second: 8_000.0,
            overhead_seconds: 0.01,
            chunk_tokens: 2_048.0,
            most_running: 8,
            cache_tokens: Some(10_000.0),
            patience_seconds: None,
        }
    }

    #[test]
    fn what_is_not_changed_is_as_it_was() {
        assert_eq!(Variant::AS_IT_IS.of(&service(), 1.0), service());
        assert_eq!(Variant::AS_IT_IS.slowness(0.08), (1.08, 0.92));
    }

    #[test]
    fn a_change_is_slower_by_its_own_doubt_too() {
        let half = Variant {
            step: 1.5,
            off: (0.15, 0.06),
            prefill: 0.5,
            cache_tokens: Some(5_000.0),
            devices: 0.5,
            ..Variant::AS_IT_IS
        };
        let (slow, quick) = half.slowness(0.08);
        assert!((slow - 1.17).abs() < 1e-9 && (quick - 0.9).abs() < 1e-9);
        let made = half.of(&service(), slow);
        assert!((made.law.seconds(4.0) - 0.024 * 1.5 * slow).abs() < 1e-9);
        assert!((made.prefill_tokens_per_second - 4_000.0 / slow).abs() < 1e-9);
        assert_eq!((made.cache_tokens, made.most_running), (Some(5_000.0), 8));
    }

    #[test]
    fn what_a_cache_holds_is_not_computed_and_takes_its_room_all_the_same() {
        let request = Request {
            at: 0.0,
            prompt: 400.0,
            cached: 100.0,
            answer: 50.0,
        };
        let cached = Variant {
            computed: 0.75,
            ..Variant::AS_IT_IS
        };
        let seen = cached.seen(request);
        assert_eq!((seen.prompt, seen.cached), (300.0, 200.0));
    }
}
