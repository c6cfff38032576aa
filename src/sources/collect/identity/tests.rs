//! Command lines as public manifests have them.

use super::read::parameters_in_name;
use super::*;
use Precision::{Bf16, Fp4, Fp8, Fp16, Int4, Int8};

fn container(image: &str, args: &[&str], env: &[(&str, &str)], gpus: f64) -> Container {
    Container {
        name: "main".to_owned(),
        image: image.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        requests: [("nvidia.com/gpu".to_owned(), gpus)].into(),
        ..Container::default()
    }
}

/// Server, model, billions of parameters, precision, tensor parallel.
type Expected = (
    &'static str,
    Option<&'static str>,
    Option<f64>,
    Option<Precision>,
    Option<u32>,
);

fn check(image: &str, args: &[&str], env: &[(&str, &str)], expected: Expected) {
    let catalog = Catalog::shipped().unwrap();
    let read = serving(&[container(image, args, env, 2.0)], None, None, &catalog).unwrap();
    let billions = read.parameters.map(|parameters| parameters / 1e9);
    let got = (
        read.server.as_str(),
        read.model.as_deref(),
        billions,
        read.precision,
        read.tensor_parallel,
    );
    assert_eq!(got, expected, "{args:?}: {:?}", read.because);
    assert_eq!(
        read.preallocates,
        matches!(read.server.as_str(), "vllm" | "sglang" | "tgi" | "trtllm"),
        "{args:?}"
    );
    assert!(!read.because.is_empty());
}

const VLLM: &str = "vllm/vllm-openai:v0.11.0";
const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";

#[test]
fn vllm() {
    let llama = ("vllm", Some(LLAMA), Some(8.03), Some(Bf16), Some(1));
    check(VLLM, &["vllm", "serve", LLAMA], &[], llama);
    check(
        "acme/server",
        &["/usr/bin/vllm", "serve", LLAMA, "--port", "80"],
        &[],
        llama,
    );
    check(VLLM, &["--model", LLAMA, "--max-model-len", "8192"], &[], llama);
    check(VLLM, &["--model=meta-llama/Llama-3.1-8B-Instruct"], &[], llama);
    check(VLLM, &[LLAMA, "--enforce-eager"], &[], llama);
    let module = "vllm.entrypoints.openai.api_server";
    check("acme/x", &["python3", "-m", module, "--model", LLAMA], &[], llama);
    check(
        "acme/x",
        &["python3", "-m", "dynamo.vllm", "--model", LLAMA],
        &[],
        llama,
    );
    check(VLLM, &["--model", "$(MODEL)"], &[("MODEL", LLAMA)], llama);
    let half = ("vllm", Some(LLAMA), Some(8.03), Some(Fp16), Some(2));
    check(VLLM, &["--model", LLAMA, "--dtype=half", "-tp", "2"], &[], half);
    check(
        VLLM,
        &["--model", LLAMA, "--dtype", "float16", "--tensor_parallel_size=2"],
        &[],
        half,
    );
    let qwen = "Qwen/Qwen2.5-72B-Instruct-AWQ";
    let awq = ("vllm", Some(qwen), Some(72.706), Some(Int4), Some(4));
    check(VLLM, &["vllm", "serve", qwen, "--tensor-parallel-size", "4"], &[], awq);
    check(
        VLLM,
        &["vllm", "serve", qwen, "-tp=4", "--quantization", "awq_marlin"],
        &[],
        awq,
    );
    let fp8 = ("vllm", Some("Qwen/Qwen3-32B"), Some(32.762), Some(Fp8), Some(2));
    check(
        VLLM,
        &["--model", "Qwen/Qwen3-32B", "--quantization=fp8", "--tp", "2"],
        &[],
        fp8,
    );
    let gptq = "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8";
    let int8 = ("vllm", Some(gptq), Some(7.616), Some(Int8), Some(1));
    check(VLLM, &["--model", gptq, "--quantization", "gptq"], &[], int8);
    let r1 = "deepseek-ai/DeepSeek-R1";
    let native = ("vllm", Some(r1), Some(671.0), Some(Fp8), Some(8));
    check(
        VLLM,
        &["vllm", "serve", r1, "-tp", "8", "--dtype", "bfloat16"],
        &[],
        native,
    );
    let oss = ("vllm", Some("openai/gpt-oss-120b"), Some(117.0), Some(Fp4), Some(1));
    check(VLLM, &["vllm", "serve", "openai/gpt-oss-120b"], &[], oss);
    let kserve = ("vllm", Some(LLAMA), Some(8.03), Some(Bf16), Some(1));
    let args = ["--model_name=llama3", "--model_id=meta-llama/Llama-3.1-8B-Instruct"];
    check("kserve/huggingfaceserver:latest-gpu", &args, &[], kserve);
}

#[test]
fn shells_quotes_and_variables() {
    let script = "set -ex\n# serve it\npip install -q lmcache &&\n  exec vllm serve \"Qwen/Qwen3-32B\" \\\n    --tp 2 2>&1 | tee log";
    let qwen = ("vllm", Some("Qwen/Qwen3-32B"), Some(32.762), Some(Bf16), Some(2));
    check(VLLM, &["/bin/sh", "-c", script], &[], qwen);
    let script = "export MODEL='Qwen/Qwen3-32B'; vllm serve ${MODEL} --tensor-parallel-size=2";
    check(VLLM, &["bash", "-lc", script], &[], qwen);
    let hidden = ("vllm", None, None, None, Some(1));
    check(VLLM, &["sh", "-c", "vllm serve ${MODEL}"], &[], hidden);
    check(VLLM, &["sh", "-c", "vllm serve $(cat /etc/model name)"], &[], hidden);
    let split = ("vllm", Some(LLAMA), Some(8.03), Some(Bf16), None);
    check(
        VLLM,
        &["--model", LLAMA, "--tensor-parallel-size", "$(GPUS)"],
        &[],
        split,
    );
    check(
        VLLM,
        &["sh", "-c", "vllm serve meta-llama/Llama-3.1-8B-Instruct --tp ${TP:-4}"],
        &[],
        split,
    );
}

#[test]
fn a_variable_that_nobody_knows_is_no_model() {
    let unknown = container("vllm/vllm-openai:v0.8.5", &["org/${MODEL}"], &[], 1.0);
    let found = serving(&[unknown], None, None, &Catalog::shipped().unwrap()).unwrap();
    assert_eq!(found.model, None, "{found:?}");
    assert!(
        found
            .because
            .iter()
            .any(|said| said.contains("by a variable, `org/${MODEL}`")),
        "{found:?}"
    );
}

#[test]
fn what_is_loaded_beside_a_model_leaves_its_weights_unknown() {
    let unknown = ("vllm", Some(LLAMA), None, Some(Bf16), Some(1));
    check(VLLM, &["--model", LLAMA, "--enable-lora"], &[], unknown);
    check(VLLM, &["--model", LLAMA, "--lora-modules", "a=acme/a"], &[], unknown);
    let draft = r#"{"model":"meta-llama/Llama-3.2-1B","num_speculative_tokens":5}"#;
    check(VLLM, &["--model", LLAMA, "--speculative-config", draft], &[], unknown);
    check(
        VLLM,
        &["--model", LLAMA, "--speculative-model=acme/draft"],
        &[],
        unknown,
    );
    let ngrams = r#"{"method":"ngram","num_speculative_tokens":5}"#;
    let known = ("vllm", Some(LLAMA), Some(8.03), Some(Bf16), Some(1));
    check(VLLM, &["--model", LLAMA, "--speculative-config", ngrams], &[], known);
}

#[test]
fn a_name_stands_in_for_the_catalogue() {
    let only = ("vllm", Some("acme/Hermes-13B-chat"), Some(13.0), None, Some(1));
    check(VLLM, &["--model", "acme/Hermes-13B-chat"], &[], only);
    assert_eq!(parameters_in_name("acme/thing-70b"), Some((70e9, false)));
    assert_eq!(parameters_in_name("acme/Thing-8x7B-v2"), Some((56e9, true)));
    assert_eq!(parameters_in_name("acme/Thing-30B-A3B"), Some((30e9, false)));
    assert_eq!(parameters_in_name("acme/Thing-1.5B-Instruct-1M"), Some((1.5e9, false)));
    assert_eq!(parameters_in_name("acme/Thing-17B-16E-Instruct"), None);
    assert_eq!(parameters_in_name("acme/thing-bnb-4bit"), None);
    assert_eq!(parameters_in_name("/mnt/models"), None);
}

#[test]
fn other_servers() {
    let v3 = "deepseek-ai/DeepSeek-V3";
    let sglang = ("sglang", Some(v3), Some(671.0), Some(Fp8), Some(8));
    let args = ["python3", "-m", "sglang.launch_server", "--model-path", v3, "--tp", "8"];
    check("lmsysorg/sglang:latest", &args, &[], sglang);
    let mixtral = "mistralai/Mixtral-8x7B-Instruct-v0.1";
    let tgi = "ghcr.io/huggingface/text-generation-inference:3.0";
    let quantized = ("tgi", Some(mixtral), Some(46.703), Some(Int8), Some(2));
    check(
        tgi,
        &["--model-id", mixtral, "--num-shard", "2", "--quantize", "bitsandbytes"],
        &[],
        quantized,
    );
    let env = [("MODEL_ID", mixtral), ("NUM_SHARD", "2"), ("QUANTIZE", "bitsandbytes")];
    check(tgi, &[], &env, quantized);
    check(
        tgi,
        &["--model-id", LLAMA],
        &[],
        ("tgi", Some(LLAMA), Some(8.03), Some(Bf16), Some(2)),
    );
    let trtllm = ("trtllm", Some(LLAMA), Some(8.03), Some(Bf16), Some(2));
    check(
        "nvcr.io/nvidia/tensorrt-llm/release",
        &["trtllm-serve", LLAMA, "--tp_size", "2"],
        &[],
        trtllm,
    );
    let triton = ("triton", None, None, None, None);
    check(
        "nvcr.io/nvidia/tritonserver:25.01-py3",
        &["tritonserver", "--model-repository=/m"],
        &[],
        triton,
    );
    let gguf = "/models/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf";
    let cpp = ("llama.cpp", Some(gguf), Some(8.03), None, None);
    check(
        "ghcr.io/ggml-org/llama.cpp:server-cuda",
        &["-m", gguf, "-ngl", "99"],
        &[],
        cpp,
    );
    let tei = ("tei", Some("BAAI/bge-large-en-v1.5"), Some(0.335), Some(Fp16), None);
    let args = ["--model-id", "BAAI/bge-large-en-v1.5", "--dtype", "float16"];
    check("ghcr.io/huggingface/text-embeddings-inference:89-1.7", &args, &[], tei);
    check("ollama/ollama", &["serve"], &[], ("ollama", None, None, None, None));
    let run = ("ollama", Some("llama3.1:8b"), Some(8.03), None, None);
    check("ollama/ollama", &["ollama", "run", "llama3.1:8b"], &[], run);
}

#[test]
fn what_is_no_server_is_none() {
    let catalog = Catalog::shipped().unwrap();
    for (image, args) in [
        ("lmcache/lmstack-router", vec!["--port", "8001"]),
        ("vllm/vllm-router", vec!["--model", "x"]),
        (VLLM, vec!["sleep", "infinity"]),
        ("pytorch/pytorch", vec!["python", "train.py", "--model", LLAMA]),
        ("ghcr.io/open-webui/open-webui:ollama", vec![]),
    ] {
        let found = serving(&[container(image, &args, &[], 1.0)], None, None, &catalog);
        assert_eq!(found, None, "{image}");
    }
}

#[test]
fn the_metrics_give_the_cache_and_the_name() {
    let catalog = Catalog::shipped().unwrap();
    let labels = |dtype: &str| -> Labels {
        let pairs = [("num_gpu_blocks", "1000"), ("block_size", "16"), ("cache_dtype", dtype)];
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    };
    let cache = |args: &[&str], dtype: &str, label: Option<&str>| {
        let pod = [container(VLLM, args, &[], 1.0)];
        let read = serving(&pod, Some(&labels(dtype)), label, &catalog).unwrap();
        let cache = read.kv_cache.unwrap();
        assert_eq!(cache.tokens, 16_000);
        (read.model, cache.bytes_per_token)
    };
    let plain = ["--model", LLAMA];
    assert_eq!(cache(&plain, "auto", None).1, Some(131_072.0));
    assert_eq!(cache(&plain, "fp8_e4m3", None).1, Some(65_536.0));
    let flag = ["--model", LLAMA, "--kv-cache-dtype", "fp8"];
    assert_eq!(cache(&flag, "auto", None).1, Some(65_536.0));
    // Sixteen GPUs share eight heads: each head is kept twice.
    assert_eq!(cache(&["--model", LLAMA, "-tp", "16"], "auto", None).1, Some(262_144.0));
    assert_eq!(cache(&["--model", "deepseek-ai/DeepSeek-R1"], "auto", None).1, None);
    let path = ["--model", "/mnt/models"];
    assert_eq!(
        cache(&path, "auto", Some("Llama-3.1-8B-Instruct")),
        (Some("/mnt/models".to_owned()), Some(131_072.0))
    );
    assert_eq!(
        cache(&["--model", "$M"], "auto", Some(LLAMA)),
        (Some(LLAMA.to_owned()), Some(131_072.0))
    );
    // Something unknown started it, and the metric says that it is vLLM.
    let read = serving(
        &[container("acme/x", &["./run"], &[], 1.0)],
        Some(&labels("auto")),
        Some(LLAMA),
        &catalog,
    );
    let read = read.unwrap();
    assert_eq!(
        (read.server.as_str(), read.tensor_parallel, read.parameters),
        ("vllm", None, None)
    );
    let noted = serving(
        &[container(VLLM, &["--model", LLAMA, "-pp", "2"], &[], 1.0)],
        None,
        None,
        &catalog,
    );
    assert!(
        noted
            .unwrap()
            .because
            .iter()
            .any(|why| why.starts_with("pipeline parallel 2"))
    );
}

#[test]
fn sglang_tells_its_cache_in_pages() {
    let catalog = Catalog::shipped().unwrap();
    let labels: Labels = [("num_pages", "24087"), ("page_size", "16")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let args = ["python3", "-m", "sglang.launch_server", "--model-path", LLAMA];
    let started = [container("lmsysorg/sglang:v0.5.4", &args, &[], 1.0)];
    let read = serving(&started, Some(&labels), None, &catalog).unwrap();
    let cache = read.kv_cache.unwrap();
    // Llama 3.1 8B: 2 x 32 layers x 8 heads x 128 x 2 bytes.
    assert_eq!((cache.tokens, cache.bytes_per_token), (24_087 * 16, Some(131_072.0)));
    // A script that nobody can read still tells whose metric it is.
    let hidden = [container("acme/chat:1", &["/start.sh"], &[], 1.0)];
    let read = serving(&hidden, Some(&labels), Some(LLAMA), &catalog).unwrap();
    assert_eq!((read.server.as_str(), read.preallocates), ("sglang", true));
}

#[test]
fn triton_takes_its_memory_at_the_start_where_its_image_says_so() {
    let catalog = Catalog::shipped().unwrap();
    let read = |image: &str| {
        let started = [container(
            image,
            &["tritonserver", "--model-repository=/models"],
            &[],
            1.0,
        )];
        serving(&started, None, None, &catalog).unwrap()
    };
    for image in [
        "nvcr.io/nvidia/tritonserver:25.08-trtllm-python-py3",
        "nvcr.io/nvidia/tritonserver:25.08-vllm-python-py3",
    ] {
        let serving = read(image);
        assert_eq!(
            (serving.server.as_str(), serving.preallocates),
            ("triton", true),
            "{image}"
        );
    }
    assert!(!read("nvcr.io/nvidia/tritonserver:25.08-py3").preallocates);
}

#[test]
fn tensorrt_llm_is_known_by_its_module_and_its_images() {
    let catalog = Catalog::shipped().unwrap();
    let server = |image: &str, args: &[&str]| {
        let found = serving(&[container(image, args, &[], 1.0)], None, None, &catalog);
        found.map(|serving| (serving.server, serving.preallocates))
    };
    let trtllm = Some(("trtllm".to_owned(), true));
    assert_eq!(
        server("acme/x", &["python3", "-m", "tensorrt_llm.commands.serve", LLAMA]),
        trtllm
    );
    assert_eq!(
        server("nvcr.io/nvidia/tensorrt-llm/release:1.1.0", &["/start.sh"]),
        trtllm
    );
    assert_eq!(
        server("nvcr.io/nvidia/tensorrt-llm/release:1.1.0", &["sleep", "infinity"]),
        None
    );
}
