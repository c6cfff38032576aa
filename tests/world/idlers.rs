//! Planted idleness: what should be switched off, what should sleep at night, and what only looks idle.

use super::END;
use super::load::Pattern;
use super::plants::{LLAMA_8B, Place, Setup, bare, idle, plain_service, service, vllm};
use super::random::Rng;
use super::services::code_assistant;
use super::workload::{Intent, Kind, Life, Memory, Workload};

const NOTEBOOK: &str = "kubeflownotebookswg/jupyter-pytorch-cuda-full:v1.10.0";

/// A notebook that nobody has run anything in.
pub fn forgotten_notebook(rng: &mut Rng, place: Place) -> Workload {
    let memory = Memory::Flat(rng.range(420.0, 2_400.0).round());
    let mut workload = bare(place, Kind::Notebook, 1, service(Pattern::Silent, 0.0, memory));
    NOTEBOOK.clone_into(&mut workload.image);
    idle(
        workload,
        Intent::Change,
        "scale-to-zero",
        "never active for the whole window, power at idle",
    )
}

/// Control: a notebook in which somebody works.
pub fn used_notebook(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::Diurnal {
        weekend: rng.range(0.1, 0.3),
        burst: 0.6,
    };
    let mut behaviour = service(
        pattern,
        rng.range(0.4, 0.8),
        Memory::Flat(rng.range(9_000.0, 30_000.0).round()),
    );
    behaviour.profile = [0.5, 0.15, 0.3];
    let mut workload = bare(place, Kind::Notebook, 1, behaviour);
    NOTEBOOK.clone_into(&mut workload.image);
    idle(workload, Intent::Keep, "", "somebody works in it every day")
}

fn quiet_llama(place: Place, in_flight: f64, pattern: Pattern) -> Workload {
    let setup = Setup {
        model: LLAMA_8B,
        tensor_parallel: 1,
        reserve: 0.9,
        in_flight,
        context_tokens: 1_500.0,
        pattern,
    };
    vllm(place, Kind::Deployment, setup)
}

/// A demo that was launched once and never called again.
pub fn forgotten_demo(place: Place) -> Workload {
    let mut workload = quiet_llama(place, 0.0, Pattern::Silent);
    workload.behaviour.peak = 0.0;
    idle(
        workload,
        Intent::Change,
        "scale-to-zero",
        "not one request in the whole window",
    )
}

/// Inference that developers use in office hours, every week the same.
pub fn office_hours(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::OfficeHours { from: 8, to: 19 };
    let workload = code_assistant(rng, place, pattern);
    idle(
        workload,
        Intent::Change,
        "schedule",
        "silent from 19:00 to 08:00 and on weekends, every week",
    )
}

/// Control: a standby that takes traffic one day a week.
pub fn weekly_standby(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::OneDay {
        weekday: rng.whole(1, 4),
    };
    let mut workload = quiet_llama(place, rng.range(3.0, 6.0), pattern);
    // A weekly pattern is there to be seen once there are two weeks; to switch it off for good is wrong in any case.
    workload.idle = (Intent::Any, "", String::new());
    idle(workload, Intent::Keep, "", "serves ten hours on one day of the week")
}

/// Control: one small request in a third of an hour, day and night.
pub fn trickle(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::Trickle {
        every: 60 * rng.whole(12, 20),
    };
    let behaviour = service(
        pattern,
        rng.range(0.04, 0.08),
        Memory::Flat(rng.range(5_000.0, 8_000.0).round()),
    );
    let args = ["--model-repository=/models", "--model-control-mode=none"];
    let workload = plain_service(place, "nvcr.io/nvidia/tritonserver:26.06-py3", &args, behaviour);
    idle(
        workload,
        Intent::Keep,
        "",
        "one request in some minutes, at every hour of the window",
    )
}

/// Control: utilization reads zero, and yet the engine works, power is drawn and requests are served.
pub fn blind_utilization(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::Diurnal {
        weekend: 0.8,
        burst: 0.2,
    };
    let mut workload = quiet_llama(place, rng.range(0.4, 0.9), pattern);
    workload.behaviour.blind_util = true;
    idle(
        workload,
        Intent::Keep,
        "",
        "GPU_UTIL is always 0, but the engine works and requests are served",
    )
}

/// Control: a worker that waits for jobs which come only some nights.
pub fn night_worker(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::Nights {
        share: rng.range(0.1, 0.3),
    };
    let behaviour = service(
        pattern,
        rng.range(0.8, 0.95),
        Memory::Flat(rng.range(12_000.0, 18_000.0).round()),
    );
    let mut workload = bare(place, Kind::StatefulSet, 1, behaviour);
    "registry.northlight.example/data/night-worker:3.2".clone_into(&mut workload.image);
    idle(
        workload,
        Intent::Keep,
        "",
        "waits for work that comes on some nights, without a weekly pattern",
    )
}

/// Control: idle, but only two days old.
pub fn too_young(rng: &mut Rng, place: Place) -> Workload {
    let memory = Memory::Flat(rng.range(3_000.0, 5_000.0).round());
    let mut workload = plain_service(
        place,
        "registry.northlight.example/sandbox/prototype:0.1",
        &["--serve"],
        service(Pattern::Silent, 0.0, memory),
    );
    workload.life = Life::Since(END - 2 * 86_400 + 1_800);
    idle(
        workload,
        Intent::Unknown,
        "",
        "began two days ago: too young to be called idle",
    )
}

/// Control: idle as far as can be seen, but a fifth of the scrapes is missing. Wants a machine of its own.
pub fn unseen_standby(place: Place) -> Workload {
    let mut workload = quiet_llama(place, 0.0, Pattern::Silent);
    workload.behaviour.peak = 0.0;
    workload.scrape_holes = true;
    idle(
        workload,
        Intent::Unknown,
        "",
        "idle where seen, but more than 5 percent of the samples are missing",
    )
}
