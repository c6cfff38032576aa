//! What the moves of a scenario come to: what is needed instead, and which part of what is held is given back, and when.

use crate::model::gpu::GpuKind;
use crate::model::scenario::Move;
use crate::model::units::Hourly;
use crate::model::workload::Workload;

/// What a scenario needs instead.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'p> {
    /// GPUs of this kind, on which work may last so many times as long.
    Gpu(&'p GpuKind, f64),
    /// Such nodes as spot capacity, at this price, with so many GPUs.
    Spot(&'p str, Hourly, u32),
}

/// What the moves of a scenario come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effect<'p> {
    pub(super) target: Option<Target<'p>>,
    /// Devices that a pod keeps, of so many.
    pub(super) keeps: Option<(u32, u32)>,
    /// The share of time in which it holds nothing.
    pub(super) asleep: Option<f64>,
    /// Replicas that stay, and the share of time in which each of the others is not there.
    replicas: Option<(u32, f64)>,
    /// Replicas fewer on average, as replayed: no more is given back.
    pub(super) saves: Option<f64>,
    /// The share of the replica hours of the window that an autoscaler's new settings save.
    pub(super) fewer: f64,
    /// The share of its GPU hours that is not spent again, at times that nobody knows beforehand.
    pub(super) again: Option<f64>,
}

/// Devices of a pod that are given back for a share of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// Their share of the pod's devices.
    pub(super) devices: f64,
    pub(super) time: f64,
    /// Devices that the pod keeps meanwhile.
    pub(super) left: u32,
}

impl Part {
    pub(super) fn of_all(self) -> f64 {
        self.devices * self.time
    }
}

impl<'p> Effect<'p> {
    pub(super) fn of(moves: &'p [Move]) -> Self {
        let mut effect = Self::default();
        for change in moves {
            match change {
                // What a server does with its GPUs is what other moves give back.
                Move::ScaleToZero
                | Move::Quantize { .. }
                | Move::SetTensorParallel { .. }
                | Move::SetBatchLimit { .. }
                | Move::CachePrefixes { .. } => {}
                Move::SetCheckpointInterval { saves, .. } => effect.again = Some(saves.clamp(0.0, 1.0)),
                Move::SleepDuring { hours, .. } => effect.asleep = Some(hours.share()),
                Move::RequestGpus { from, to } => effect.keeps = Some((*to, *from)),
                Move::SetReplicas { to, saves, .. } => {
                    effect.replicas = Some((*to, 1.0));
                    effect.saves = Some(*saves);
                }
                Move::Autoscale {
                    min, max, mean, saves, ..
                } => {
                    effect.saves = Some(*saves);
                    effect.fewer = (saves / (mean + saves).max(1e-9)).clamp(0.0, 1.0);
                    let others = f64::from(max.saturating_sub(*min).max(1));
                    effect.replicas = Some((*min, ((f64::from(*max) - mean) / others).clamp(0.0, 1.0)));
                }
                Move::UseGpu { to, slowdown, .. } => effect.target = Some(Target::Gpu(to, *slowdown)),
                Move::UseSpot {
                    instance_type,
                    hourly,
                    gpus,
                } => effect.target = Some(Target::Spot(instance_type, *hourly, *gpus)),
            }
        }
        effect
    }

    /// What is given back: all of it for good where something else takes its place, or nothing does.
    fn parts(self) -> impl Iterator<Item = Part> {
        let stays = self.target.is_none() && (self.keeps.is_some() || self.asleep.is_some());
        let kept = match self.keeps {
            Some((keeps, of)) if stays => f64::from(keeps) / f64::from(of.max(1)),
            _ if stays => 1.0,
            _ => 0.0,
        };
        let fewer = (kept < 1.0).then(|| Part {
            devices: 1.0 - kept,
            time: 1.0,
            left: self.keeps.filter(|_| stays).map_or(0, |(keeps, _)| keeps),
        });
        let asleep = self.asleep.filter(|_| stays).map(|time| Part {
            devices: kept,
            time,
            left: 0,
        });
        fewer.into_iter().chain(asleep)
    }

    /// The same of one pod, by its place among those that run, the oldest first: of replicas the youngest go.
    pub(super) fn parts_of(self, place: usize) -> Vec<Part> {
        let Some((stay, time)) = self.replicas else {
            return self.parts().collect();
        };
        // What each replica holds then, before any goes.
        let fewer: Vec<Part> = self.keeps.map_or_else(Vec::new, |_| self.parts().collect());
        if place < stay as usize {
            return fewer;
        }
        let rest = Part {
            devices: 1.0 - fewer.iter().map(|part| part.devices).sum::<f64>(),
            time,
            left: 0,
        };
        if time >= 1.0 {
            return vec![Part { devices: 1.0, ..rest }];
        }
        fewer.into_iter().chain([rest]).collect()
    }

    /// The share of all that so many pods hold.
    pub(super) fn given_back(self, pods: usize) -> f64 {
        let each = (0..pods.max(1)).map(|place| self.parts_of(place).into_iter().map(Part::of_all).sum::<f64>());
        each.sum::<f64>() / pods.max(1) as f64
    }

    /// Devices of a pod then.
    pub(super) fn each(self, workload: &Workload) -> u32 {
        self.keeps.map_or_else(|| workload.gpus_per_pod(), |(keeps, _)| keeps)
    }
}
