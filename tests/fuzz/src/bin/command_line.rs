//! Command lines of model servers, shell scripts among them: what is told of a server is finite, has its reason, and never
//! holds a variable that nobody knows.

#![no_main]

use std::sync::LazyLock;

use gpuwise::catalog::Catalog;
use gpuwise::model::cluster::{Container, Labels};
use gpuwise::sources::collect::identity::serving;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the catalogue"));

// Arguments with a zero byte between them, as in `/proc/PID/cmdline`.
fuzz_target!(|text: &str| {
    let container = Container {
        name: "main".to_owned(),
        image: "vllm/vllm-openai:v0.8.5".to_owned(),
        args: text.split('\0').map(str::to_owned).collect(),
        env: Labels::from([("MODEL".to_owned(), "meta-llama/Llama-3.1-8B-Instruct".to_owned())]),
        ..Container::default()
    };
    let Some(found) = serving(&[container], None, None, &CATALOG) else {
        return;
    };
    assert!(found.parameters.is_none_or(|n| n.is_finite() && n > 0.0), "{found:?}");
    assert!(found.tensor_parallel.is_none_or(|n| n > 0), "{found:?}");
    assert!(
        found.weights_per_gpu().is_none_or(|memory| memory.mib().is_finite()),
        "{found:?}"
    );
    assert!(
        found
            .model
            .as_ref()
            .is_none_or(|model| !model.contains('$') && !model.is_empty()),
        "{found:?}"
    );
    assert!(
        found.model.is_none() || found.because.iter().any(|because| because.contains("model")),
        "{found:?}"
    );
});
