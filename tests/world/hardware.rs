//! What can be rented: GPUs and the machines that carry them, as plain figures.

/// A GPU model.
#[derive(Debug, PartialEq)]
pub struct Gpu {
    /// The name under which truths speak of it.
    pub model: &'static str,
    /// As the driver, and so the exporter, names it; node labels carry dashes instead of blanks.
    pub product: &'static str,
    /// As Karpenter names it.
    pub karpenter: &'static str,
    /// Memory that the driver reports, MiB.
    pub memory_mib: f64,
    /// Memory bandwidth, GB/s.
    pub bandwidth: f64,
    /// Dense half-precision peak, TFLOPS.
    pub tflops: f64,
    /// Board power with nothing running, watts. A100 as the Acme trace measured it (median of the idle third: 59 W), the
    /// rest as single published captures of dcgm-exporter and nvidia-smi.
    pub idle_watts: f64,
    /// Board power limit, watts.
    pub limit_watts: f64,
    /// Whether it multiplies in 8-bit floats.
    pub fp8: bool,
    /// Whether eight of them share NVLink in the machines below.
    pub nvlink: bool,
    /// Major and minor compute capability.
    pub capability: (u32, u32),
}

/// A machine type.
#[derive(Debug, PartialEq)]
pub struct Instance {
    /// As EC2 names it.
    pub name: &'static str,
    /// Its GPUs.
    pub gpu: &'static Gpu,
    /// How many.
    pub gpus: u32,
    /// Virtual CPUs.
    pub vcpus: f64,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// On-demand, us-east-1, dollars an hour (karpenter-provider-aws, 2026-07-20).
    pub hourly: f64,
}

const fn gpu(names: [&'static str; 3], sheet: [f64; 5], fp8: bool, nvlink: bool, capability: (u32, u32)) -> Gpu {
    let [model, product, karpenter] = names;
    let [memory_mib, bandwidth, tflops, idle_watts, limit_watts] = sheet;
    Gpu {
        model,
        product,
        karpenter,
        memory_mib,
        bandwidth,
        tflops,
        idle_watts,
        limit_watts,
        fp8,
        nvlink,
        capability,
    }
}

// Memory as nvidia-smi shows it; bandwidth, TFLOPS and power from the makers' data sheets, dense figures.
/// Hopper, 80 GB.
pub static H100: Gpu = gpu(
    ["H100-80GB", "NVIDIA H100 80GB HBM3", "h100"],
    [81559.0, 3350.0, 989.0, 70.0, 700.0],
    true,
    true,
    (9, 0),
);
/// Ampere, 80 GB.
pub static A100_80: Gpu = gpu(
    ["A100-80GB", "NVIDIA A100-SXM4-80GB", "a100"],
    [81920.0, 2039.0, 312.0, 60.0, 400.0],
    false,
    true,
    (8, 0),
);
/// Ampere, 40 GB.
pub static A100_40: Gpu = gpu(
    ["A100-40GB", "NVIDIA A100-SXM4-40GB", "a100"],
    [40960.0, 1555.0, 312.0, 56.0, 400.0],
    false,
    true,
    (8, 0),
);
/// Ada, 48 GB.
pub static L40S: Gpu = gpu(
    ["L40S", "NVIDIA L40S", "l40s"],
    [46068.0, 864.0, 362.0, 35.0, 350.0],
    true,
    false,
    (8, 9),
);
/// Ada, 24 GB.
pub static L4: Gpu = gpu(
    ["L4", "NVIDIA L4", "l4"],
    [23034.0, 300.0, 121.0, 16.0, 72.0],
    true,
    false,
    (8, 9),
);
/// Ampere, 24 GB; half precision at the lower of two disputed figures, so that no slowdown is understated.
pub static A10G: Gpu = gpu(
    ["A10G", "NVIDIA A10G", "a10g"],
    [23028.0, 600.0, 70.0, 22.0, 300.0],
    false,
    false,
    (8, 6),
);

/// An older GPU: no bfloat16, and no kernels for weights in FP8.
pub static T4: Gpu = gpu(
    ["T4", "Tesla T4", "t4"],
    [15360.0, 300.0, 65.0, 10.0, 70.0],
    false,
    false,
    (7, 5),
);

const fn machine(name: &'static str, gpu: &'static Gpu, gpus: u32, size: [f64; 2], hourly: f64) -> Instance {
    let [vcpus, memory_gib] = size;
    Instance {
        name,
        gpu,
        gpus,
        vcpus,
        memory_gib,
        hourly,
    }
}

/// Every machine type a world may use.
pub static INSTANCES: [Instance; 13] = [
    machine("p5.48xlarge", &H100, 8, [192.0, 2048.0], 55.04),
    machine("p5.4xlarge", &H100, 1, [16.0, 256.0], 6.88),
    machine("p4de.24xlarge", &A100_80, 8, [96.0, 1152.0], 27.44705),
    machine("p4d.24xlarge", &A100_40, 8, [96.0, 1152.0], 21.957642),
    machine("g6e.xlarge", &L40S, 1, [4.0, 32.0], 1.861),
    machine("g6e.2xlarge", &L40S, 1, [8.0, 64.0], 2.24208),
    machine("g6e.12xlarge", &L40S, 4, [48.0, 384.0], 10.49264),
    machine("g6e.48xlarge", &L40S, 8, [192.0, 1536.0], 30.13118),
    machine("g6.xlarge", &L4, 1, [4.0, 16.0], 0.8048),
    machine("g6.2xlarge", &L4, 1, [8.0, 32.0], 0.9776),
    machine("g6.12xlarge", &L4, 4, [48.0, 192.0], 4.6016),
    machine("g5.xlarge", &A10G, 1, [4.0, 16.0], 1.006),
    machine("g5.12xlarge", &A10G, 4, [48.0, 192.0], 5.672),
];

impl Instance {
    /// The machine of this name.
    pub fn named(name: &str) -> &'static Self {
        let found = INSTANCES.iter().find(|instance| instance.name == name);
        found.unwrap_or_else(|| panic!("no machine is called {name}"))
    }
}

impl Gpu {
    /// The least that one of them costs an hour, as part of any machine above.
    pub fn cheapest(&self) -> f64 {
        let own = INSTANCES.iter().filter(|instance| instance.gpu == self);
        own.map(|instance| instance.hourly / f64::from(instance.gpus))
            .fold(f64::INFINITY, f64::min)
    }

    /// How much longer the same work takes on `other`: least and most, by whichever of arithmetic and memory binds.
    pub fn slowdown(&self, other: &Self) -> (f64, f64) {
        let arithmetic = self.tflops / other.tflops;
        let memory = self.bandwidth / other.bandwidth;
        (arithmetic.min(memory), arithmetic.max(memory))
    }
}
