//! Facts as data files, each row with its source and date. What a file does not know stays unknown.

pub mod discounts;
pub mod gpus;
pub mod instances;
pub mod list_prices;
pub mod metrics;
pub mod models;
pub mod plausible;
pub mod promises;
pub mod requests;
pub mod spot;
pub mod work;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::gpu::{GpuKind, GpuModel};
use crate::model::requests::Figure;
use crate::model::usage::Signal;
use discounts::Discount;
use gpus::{GpuName, GpuSpec, MigProfile};
use instances::InstanceType;
use list_prices::ListPrice;
use metrics::MetricName;
use models::ModelSpec;
use promises::Promised;
use requests::RequestMetric;
use spot::SpotBand;
use work::WorkSigns;

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Provenance {
    /// The publication.
    pub source: String,
    /// The day on which it said so.
    pub as_of: Date,
}

/// All tables.
#[derive(Debug, Clone)]
pub struct Catalog {
    gpus: Vec<GpuSpec>,
    names: Vec<GpuName>,
    mig: Vec<MigProfile>,
    instances: Vec<InstanceType>,
    list_prices: Vec<ListPrice>,
    discounts: Vec<Discount>,
    spot_bands: Vec<SpotBand>,
    metrics: Vec<MetricName>,
    requests: Vec<RequestMetric>,
    models: Vec<ModelSpec>,
    promises: Vec<Promised>,
    work: WorkSigns,
}

/// A data file that cannot be read; the message names the file, and the row where there is one.
#[derive(Debug)]
pub struct BadTable {
    /// The file.
    pub file: &'static str,
    /// What is wrong with it.
    pub cause: csv::Error,
}

impl std::fmt::Display for BadTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "catalogue file {}: {}", self.file, self.cause)
    }
}

impl std::error::Error for BadTable {}

impl Catalog {
    /// The tables inside the library.
    ///
    /// # Errors
    /// When a shipped file does not parse, which a test rules out.
    pub fn shipped() -> Result<Self, BadTable> {
        Ok(Self {
            gpus: rows("gpus.csv", include_str!("data/gpus.csv"))?,
            names: rows("gpu_names.csv", include_str!("data/gpu_names.csv"))?,
            mig: rows("mig.csv", include_str!("data/mig.csv"))?,
            instances: rows("instances.csv", include_str!("data/instances.csv"))?,
            list_prices: rows("list_prices.csv", include_str!("data/list_prices.csv"))?,
            discounts: rows("discounts.csv", include_str!("data/discounts.csv"))?,
            spot_bands: rows("spot_bands.csv", include_str!("data/spot_bands.csv"))?,
            metrics: rows("metrics.csv", include_str!("data/metrics.csv"))?,
            requests: rows("requests.csv", include_str!("data/requests.csv"))?,
            models: rows("models.csv", include_str!("data/models.csv"))?,
            promises: rows("promises.csv", include_str!("data/promises.csv"))?,
            work: WorkSigns::new(rows("work.csv", include_str!("data/work.csv"))?),
        })
    }

    /// The data sheet of a GPU; `None` where the catalogue has none.
    pub fn gpu(&self, model: &GpuModel) -> Option<&GpuSpec> {
        self.gpus.iter().find(|spec| spec.model == *model)
    }

    /// Every GPU it knows.
    pub fn gpus(&self) -> &[GpuSpec] {
        &self.gpus
    }

    /// The canonical model behind a name that an exporter or a node label gives, such as `NVIDIA H100 80GB HBM3`,
    /// `NVIDIA-A100-SXM4-80GB-MIG-1g.10gb` or `Tesla-T4-SHARED`; `None` for a name it does not know.
    pub fn model_named(&self, name: &str) -> Option<&GpuModel> {
        let name = gpus::normalised(name);
        let canonical = self.gpus.iter().map(|spec| &spec.model).find(|model| model.0 == name);
        canonical.or_else(|| self.names.iter().find(|row| row.name == name).map(|row| &row.model))
    }

    /// The canonical model behind a node label of a Karpenter provider (`karpenter.k8s.aws/instance-gpu-name`, with
    /// `instance-gpu-memory` in MiB beside it, or `karpenter.azure.com/sku-gpu-name`, which has no memory). A bare `a100`
    /// is several models: memory tells them apart, and without it an ambiguous name stays unknown. The instance type
    /// says more where the catalogue has it.
    pub fn model_from_karpenter(&self, name: &str, memory_mib: Option<f64>) -> Option<&GpuModel> {
        if let Some(model) = self.model_named(name) {
            return Some(model);
        }
        let prefix = format!("{}-", gpus::normalised(name));
        let mut variants = self.gpus.iter().filter(|spec| spec.model.0.starts_with(&prefix));
        let Some(memory) = memory_mib else {
            let only = variants.next()?;
            return variants.next().is_none().then_some(&only.model);
        };
        // Nodes with this memory label are EC2's, whose boards are never the PCIe or NVL form of these GPUs.
        let board = |spec: &&GpuSpec| !spec.model.0.ends_with("-PCIE") && !spec.model.0.contains("-NVL-");
        let close = |spec: &&GpuSpec| (spec.memory.mib() - memory).abs() <= 0.03 * spec.memory.mib();
        variants.find(|spec| board(spec) && close(spec)).map(|spec| &spec.model)
    }

    /// The MIG profiles of a GPU, smallest first as the file has them.
    pub fn mig_profiles(&self, model: &GpuModel) -> impl Iterator<Item = &MigProfile> {
        self.mig.iter().filter(move |row| row.gpu == *model)
    }

    /// The share of a GPU's compute that a profile takes, as slices of how many: `(3, 7)` for `3g.40gb` of an A100, `(1, 4)`
    /// for `1g.6gb` of an A30. Slices are of seven unless the GPU's largest profile says otherwise.
    pub fn mig_compute(&self, model: &GpuModel, profile: &str) -> Option<(u32, u32)> {
        let whole = self.mig_profiles(model).filter_map(MigProfile::compute_slices).max()?;
        Some((gpus::compute_slices(profile)?, whole))
    }

    /// An open model by its Hugging Face id, the part of it after the slash, or an alias, in any case and without what
    /// quantizers append to names ([`models::quantization_hint`] reads that).
    pub fn model(&self, name: &str) -> Option<&ModelSpec> {
        models::find(&self.models, name)
    }

    /// Every open model it knows.
    pub fn models(&self) -> &[ModelSpec] {
        &self.models
    }

    /// What tells the kind of work.
    pub fn work(&self) -> &WorkSigns {
        &self.work
    }

    /// What a kind is of its whole GPU in compute: one, or its slices over those of the profile that takes them all.
    pub fn compute_share(&self, kind: &GpuKind) -> Option<f64> {
        let Some(profile) = &kind.mig else { return Some(1.0) };
        let (own, whole) = self.mig_compute(&kind.model, profile)?;
        Some((f64::from(own) / f64::from(whole)).min(1.0))
    }

    /// An instance type by the name that `node.kubernetes.io/instance-type` carries.
    pub fn instance(&self, instance_type: &str) -> Option<&InstanceType> {
        self.instances.iter().find(|row| row.instance_type == instance_type)
    }

    /// Every instance type it knows.
    pub fn instances(&self) -> &[InstanceType] {
        &self.instances
    }

    /// The counters of a figure of requests, the current name first.
    pub fn request_metrics(&self, figure: Figure) -> impl Iterator<Item = &RequestMetric> {
        self.requests.iter().filter(move |row| row.figure == figure)
    }

    /// The metrics that carry a signal, the current name first.
    pub fn metrics(&self, signal: Signal) -> impl Iterator<Item = &MetricName> {
        self.metrics.iter().filter(move |row| row.signal == signal)
    }

    /// Their names.
    pub fn metric_names(&self, signal: Signal) -> impl Iterator<Item = &str> {
        self.metrics(signal).map(|row| row.metric.as_str())
    }

    /// The instance types that carry this GPU.
    pub fn instances_with(&self, model: &GpuModel) -> impl Iterator<Item = &InstanceType> {
        self.instances.iter().filter(move |row| row.gpu == *model)
    }
}

fn rows<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<Vec<T>, BadTable> {
    let parsed: Result<Vec<T>, csv::Error> = csv::Reader::from_reader(text.as_bytes()).deserialize().collect();
    parsed.map_err(|cause| BadTable { file, cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_points_at_a_gpu_with_a_data_sheet() {
        let catalog = Catalog::shipped().unwrap();
        let named = catalog.names.iter().map(|row| &row.model);
        let sliced = catalog.mig.iter().map(|row| &row.gpu);
        for model in named.chain(sliced).chain(catalog.instances.iter().map(|row| &row.gpu)) {
            assert!(catalog.gpu(model).is_some(), "{model} has no row in gpus.csv");
        }
        for row in &catalog.mig {
            assert!(
                catalog.gpu(&row.gpu).unwrap().mig,
                "{} has profiles and no MIG",
                row.gpu
            );
        }
    }

    #[test]
    fn no_key_stands_twice() {
        let catalog = Catalog::shipped().unwrap();
        let gpus: BTreeSet<_> = catalog.gpus.iter().map(|row| &row.model).collect();
        assert_eq!(gpus.len(), catalog.gpus.len());
        let types: BTreeSet<_> = catalog.instances.iter().map(|row| &row.instance_type).collect();
        assert_eq!(types.len(), catalog.instances.len());
        let names: BTreeSet<_> = catalog.names.iter().map(|row| &row.name).collect();
        assert_eq!(names.len(), catalog.names.len());
    }

    #[test]
    fn the_names_of_exporters_and_node_labels_lead_to_one_model() {
        let catalog = Catalog::shipped().unwrap();
        let model = |name: &str| catalog.model_named(name).map(|model| model.0.as_str());
        assert_eq!(model("NVIDIA H100 80GB HBM3"), Some("H100-80GB"));
        assert_eq!(model("NVIDIA-H100-80GB-HBM3"), Some("H100-80GB"));
        assert_eq!(model("A100-SXM4-40GB-MIG-1g.5gb-SHARED"), Some("A100-40GB"));
        assert_eq!(model("Tesla-T4-SHARED"), Some("T4"));
        assert_eq!(model("nvidia-tesla-a100"), Some("A100-40GB"));
        assert_eq!(model("L40S"), Some("L40S"));
        assert_eq!(model("NVIDIA A100 80GB PCIe"), Some("A100-80GB-PCIE"));
        assert_eq!(model("NVIDIA-H100-NVL-MIG-1g.12gb"), Some("H100-NVL-94GB"));
        assert_eq!(model("Tesla V100-SXM2-16GB"), Some("V100-16GB"));
        assert_eq!(
            model("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition"),
            Some("RTX-PRO-6000-96GB")
        );
        assert_eq!(model("Quadro of tomorrow"), None);
    }

    #[test]
    fn karpenters_short_names_need_memory_where_they_are_ambiguous() {
        let catalog = Catalog::shipped().unwrap();
        let model = |name: &str, memory| catalog.model_from_karpenter(name, memory).map(|model| model.0.as_str());
        assert_eq!(model("a100", Some(40960.0)), Some("A100-40GB"));
        assert_eq!(model("a100", Some(81920.0)), Some("A100-80GB"));
        assert_eq!(model("A100", None), None);
        assert_eq!(model("a100", Some(16384.0)), None);
        assert_eq!(model("h100", Some(81920.0)), Some("H100-80GB"));
        assert_eq!(model("H100", None), None);
        assert_eq!(model("h200", Some(144_384.0)), Some("H200-141GB"));
        assert_eq!(model("v100", Some(16384.0)), Some("V100-16GB"));
        assert_eq!(model("b300", Some(275_040.0)), Some("B300-288GB"));
        assert_eq!(model("t4g", Some(16384.0)), Some("T4G"));
        assert_eq!(model("l4", Some(22888.0)), Some("L4"));
        assert_eq!(model("l40s", None), Some("L40S"));
        assert_eq!(model("rtx-pro-server-6000", Some(98304.0)), Some("RTX-PRO-6000-96GB"));
        assert_eq!(model("rtx-pro-4500", None), Some("RTX-PRO-4500-32GB"));
        assert_eq!(model("radeon-pro-v520", Some(8192.0)), None);
    }

    #[test]
    fn every_mig_profile_names_its_slices_and_holds_less_than_its_share() {
        let catalog = Catalog::shipped().unwrap();
        for row in &catalog.mig {
            let (slices, whole) = catalog.mig_compute(&row.gpu, &row.profile).unwrap();
            assert!(slices <= whole && matches!(whole, 4 | 7), "{} {}", row.gpu, row.profile);
            assert!(row.max_per_gpu * slices <= whole, "{} {}", row.gpu, row.profile);
            if let Some(memory) = row.memory {
                let all = memory.mib() * f64::from(row.max_per_gpu);
                assert!(
                    all < catalog.gpu(&row.gpu).unwrap().memory.mib(),
                    "{} {}",
                    row.gpu,
                    row.profile
                );
            }
        }
        let a30 = GpuModel("A30".to_owned());
        assert_eq!(catalog.mig_compute(&a30, "1g.6gb"), Some((1, 4)));
        let a100 = GpuModel("A100-40GB".to_owned());
        assert_eq!(catalog.mig_compute(&a100, "3g.20gb"), Some((3, 7)));
        assert_eq!(catalog.mig_compute(&GpuModel("T4".to_owned()), "1g.5gb"), None);
    }

    #[test]
    fn a_fraction_of_a_gpu_is_no_instance_type_of_it() {
        let catalog = Catalog::shipped().unwrap();
        for fraction in ["g6f.xlarge", "gr6f.4xlarge", "g4-standard-6", "Standard_NV6ads_A10_v5"] {
            assert!(catalog.instance(fraction).is_none(), "{fraction}");
        }
        assert!(catalog.instances.iter().all(|row| row.gpus > 0));
    }

    #[test]
    fn an_unknown_figure_is_unknown() {
        let catalog = Catalog::shipped().unwrap();
        // The tensor throughput of the A10G is disputed between its sources.
        assert_eq!(catalog.gpu(&GpuModel("A10G".to_owned())).unwrap().fp16_tflops, None);
        // Two sources disagree about the power limit of the B300.
        assert_eq!(catalog.gpu(&GpuModel("B300-288GB".to_owned())).unwrap().tdp_watts, None);
        // V100s with 16 GB come on boards with NVLink and without.
        assert_eq!(catalog.gpu(&GpuModel("V100-16GB".to_owned())).unwrap().nvlink, None);
        // Between vendors nothing compares speeds, so that no figure invites to.
        let amd = catalog.model_named("AMD Instinct MI300X OAM").unwrap();
        let amd = catalog.gpu(amd).unwrap();
        assert_eq!(
            (amd.memory.mib(), amd.bandwidth_gb_per_second, amd.fp16_tflops),
            (196_608.0, None, None)
        );
        // An A100 has no FP8 tensor cores.
        assert_eq!(catalog.gpu(&GpuModel("A100-80GB".to_owned())).unwrap().fp8_tflops, None);
        for spec in &catalog.gpus {
            assert!(spec.fp8 || spec.fp8_tflops.is_none(), "{}", spec.model);
            assert!(
                spec.compute_capability.is_none_or(|at| spec.fp8 == (at >= (8, 9))),
                "{}",
                spec.model
            );
        }
    }

    #[test]
    fn list_prices_are_for_the_node_and_plausible_for_one_gpu() {
        let catalog = Catalog::shipped().unwrap();
        let p5 = catalog.instance("p5.48xlarge").unwrap();
        assert_eq!((p5.gpus, p5.list_price().unwrap().get()), (8, 55.04));
        for row in &catalog.instances {
            let Some(price) = row.list_price() else { continue };
            let each = price.get() / f64::from(row.gpus);
            assert!(
                (0.2..30.0).contains(&each),
                "{}: {each} an hour for one GPU",
                row.instance_type
            );
        }
    }
}
