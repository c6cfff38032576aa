//! What a GPU or a slice of one can do, and how much slower work may run on another.

use crate::catalog::Catalog;
use crate::catalog::gpus::GpuSpec;
use crate::model::gpu::GpuKind;
use crate::model::serving::Precision;
use crate::model::units::Memory;

/// Memory that the driver keeps on every GPU, beyond what its exporter shows as used: `FB_RESERVED` is about 600 MiB on
/// data-centre GPUs.
pub const DRIVER_RESERVE: Memory = Memory::from_mib(640.0);

/// Peaks of a GPU or slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Capability {
    /// Which.
    pub kind: GpuKind,
    /// Memory of the device, the driver's reserve included.
    pub memory: Memory,
    /// Bandwidth, GB per second.
    pub bandwidth: f64,
    /// Half-precision tensor throughput, TFLOP/s; `None` where not known.
    pub fp16_tflops: Option<f64>,
    /// CUDA compute capability.
    pub compute_capability: Option<(u8, u8)>,
    /// Whether it computes in FP8.
    pub fp8: bool,
    /// Whether GPUs of a node are joined; `None` where not known.
    pub nvlink: Option<bool>,
}

/// The peaks of a kind; `None` where the catalogue does not know it well enough.
pub fn of(kind: &GpuKind, catalog: &Catalog) -> Option<Capability> {
    let spec = catalog.gpu(&kind.model)?;
    match &kind.mig {
        None => whole(kind, spec),
        Some(profile) => slice(kind, spec, profile, catalog),
    }
}

fn whole(kind: &GpuKind, spec: &GpuSpec) -> Option<Capability> {
    Some(Capability {
        kind: kind.clone(),
        memory: spec.memory,
        bandwidth: spec.bandwidth_gb_per_second?,
        fp16_tflops: spec.fp16_tflops,
        compute_capability: spec.compute_capability,
        fp8: spec.fp8,
        nvlink: spec.nvlink,
    })
}

/// A slice has its share of compute slices, and bandwidth in proportion to its memory. No slice talks to another.
fn slice(kind: &GpuKind, spec: &GpuSpec, profile: &str, catalog: &Catalog) -> Option<Capability> {
    let memory = catalog
        .mig_profiles(&kind.model)
        .find(|row| row.profile == profile)?
        .memory?;
    let of_memory = (memory.mib() / spec.memory.mib()).min(1.0);
    let of_compute = catalog.compute_share(kind)?;
    Some(Capability {
        memory,
        bandwidth: spec.bandwidth_gb_per_second? * of_memory,
        fp16_tflops: spec.fp16_tflops.map(|peak| peak * of_compute),
        nvlink: Some(false),
        ..whole(kind, spec)?
    })
}

/// How many times longer work may take on `to` than on `from`, at worst: it is bound by bandwidth or by tensor throughput,
/// whichever falls more, and never credited with a gain. `None` where a peak is not known.
///
/// Peaks bound the ratio: measured ratios of the same model on two GPUs lie below it (H100 to H200, Llama 70B: 1.20 where
/// bandwidth says 1.43; AIConfigurator's silicon sample).
pub fn slowdown(from: &Capability, to: &Capability) -> Option<f64> {
    let compute = from.fp16_tflops? / to.fp16_tflops?;
    Some(slowdown_at_least(from, to).max(compute))
}

/// What of [`slowdown`] is known where a peak is not: it is no less.
pub fn slowdown_at_least(from: &Capability, to: &Capability) -> f64 {
    (from.bandwidth / to.bandwidth).max(1.0)
}

/// Whether `to` computes in this precision. bfloat16 and what is not known need compute capability 8.0; FP8 needs tensor
/// cores for it where the GPU before had them.
pub fn computes(from: &Capability, to: &Capability, precision: Option<Precision>) -> bool {
    let ampere = to.compute_capability.is_some_and(|capability| capability >= (8, 0));
    match precision {
        Some(Precision::Fp16 | Precision::Fp32) => ampere || to.compute_capability >= from.compute_capability,
        Some(Precision::Fp8 | Precision::Fp4) => {
            to.fp8 && to.compute_capability >= from.compute_capability.min(Some((8, 9)))
        }
        Some(Precision::Bf16 | Precision::Int8 | Precision::Int4) => ampere,
        // What runs on a GPU with FP8 may use it without saying so.
        None => ampere && (to.fp8 || !from.fp8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capability(kind: &GpuKind) -> Capability {
        of(kind, &Catalog::shipped().unwrap()).unwrap()
    }

    #[test]
    fn a_slowdown_is_the_worse_of_two_ratios_and_never_a_gain() {
        let h100 = capability(&GpuKind::whole("H100-80GB"));
        let l40s = capability(&GpuKind::whole("L40S"));
        assert!((slowdown(&h100, &l40s).unwrap() - 3350.0 / 864.0).abs() < 1e-9);
        assert!((slowdown(&l40s, &h100).unwrap() - 1.0).abs() < 1e-9);
        // The throughput of an A10G is disputed: nothing can be said.
        assert_eq!(slowdown(&h100, &capability(&GpuKind::whole("A10G"))), None);
    }

    #[test]
    fn a_slice_has_less_than_its_share() {
        let slice = capability(&GpuKind::slice("A100-80GB", "3g.40gb"));
        let whole = capability(&GpuKind::whole("A100-80GB"));
        assert!(slice.memory < Memory::from_gib(40.0) && slice.bandwidth < whole.bandwidth / 2.0);
        assert!((slice.fp16_tflops.unwrap() / whole.fp16_tflops.unwrap() - 3.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_precision_needs_its_hardware() {
        let (h100, l40s) = (
            capability(&GpuKind::whole("H100-80GB")),
            capability(&GpuKind::whole("L40S")),
        );
        let (a100, t4) = (
            capability(&GpuKind::whole("A100-80GB")),
            capability(&GpuKind::whole("T4")),
        );
        assert!(computes(&h100, &l40s, Some(Precision::Fp8)));
        assert!(!computes(&h100, &a100, Some(Precision::Fp8)));
        assert!(!computes(&a100, &t4, None));
        assert!(computes(&h100, &a100, Some(Precision::Bf16)));
    }
}
