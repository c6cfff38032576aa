//! Facts as data files, each row with its source and date. What a file does not know stays unknown.

pub mod gpus;
pub mod instances;
pub mod metrics;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::gpu::GpuModel;
use crate::model::usage::Signal;
use gpus::{GpuName, GpuSpec, MigProfile};
use instances::InstanceType;
use metrics::MetricName;

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
    metrics: Vec<MetricName>,
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
            metrics: rows("metrics.csv", include_str!("data/metrics.csv"))?,
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

    /// The MIG profiles of a GPU, smallest first as the file has them.
    pub fn mig_profiles(&self, model: &GpuModel) -> impl Iterator<Item = &MigProfile> {
        self.mig.iter().filter(move |row| row.gpu == *model)
    }

    /// An instance type by the name that `node.kubernetes.io/instance-type` carries.
    pub fn instance(&self, instance_type: &str) -> Option<&InstanceType> {
        self.instances.iter().find(|row| row.instance_type == instance_type)
    }

    /// The metrics that carry a signal, the current name first.
    pub fn metric_names(&self, signal: Signal) -> impl Iterator<Item = &str> {
        self.metrics
            .iter()
            .filter(move |row| row.signal == signal)
            .map(|row| row.metric.as_str())
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
        assert_eq!(model("Quadro of tomorrow"), None);
    }

    #[test]
    fn an_unknown_figure_is_unknown() {
        let catalog = Catalog::shipped().unwrap();
        // The tensor throughput of the A10G is disputed between its sources.
        assert_eq!(catalog.gpu(&GpuModel("A10G".to_owned())).unwrap().fp16_tflops, None);
        // An A100 has no FP8 tensor cores.
        assert_eq!(catalog.gpu(&GpuModel("A100-80GB".to_owned())).unwrap().fp8_tflops, None);
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
