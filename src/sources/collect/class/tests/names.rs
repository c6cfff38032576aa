//! Names of what runs and of what it runs in, and scripts that do more than one thing.

use super::*;

/// A container that runs this script.
fn scripted(kind: &'static str, name: &'static str, image: &str, script: &str) -> Case {
    let mut case = case(kind, name, image, "");
    case.containers[0].args = ["bash", "-c", script].map(str::to_owned).to_vec();
    case
}

#[test]
fn a_container_and_a_label_name_what_runs() {
    let mut plain = case("Job", "run-7", "i", "python main.py");
    assert_eq!(plain.class(), Class::Unknown);
    plain.labels = Labels::from([("app".to_owned(), "imagenet-training".to_owned())]);
    assert_eq!(plain.class(), Class::Training);
    // What stands beside a training has it in its name, too.
    plain.labels = Labels::from([("app".to_owned(), "training-exporter".to_owned())]);
    assert_eq!(plain.class(), Class::Unknown);
    // A container's name is copied from one manifest to the next: it supports, and does not answer.
    plain.labels.clear();
    plain.containers[0].name = "train".to_owned();
    assert_eq!(plain.class(), Class::Unknown);
    plain.containers[0].image = "registry.example.com/team/my-training:1".to_owned();
    assert_eq!(plain.class(), Class::Training);
}

#[test]
fn the_first_word_of_a_name_says_what_is_done() {
    let runs = |script: &str| case("Job", "x", "i", script).class();
    assert_eq!(runs("python train_eval.py"), Class::Training);
    assert_eq!(runs("python train_embeddings.py"), Class::Training);
    assert_eq!(runs("python -m ranker.train"), Class::Training);
    assert_eq!(runs("python train_offline.py"), Class::Training);
    assert_eq!(runs("python offline_scores.py"), Class::Batch);
    for script in ["python prepare_training_data.py", "python process_training_set.py"] {
        assert_eq!(runs(script), Class::Unknown, "{script}");
    }
}

#[test]
fn a_model_is_served_by_what_goes_on_and_may_be_anything_where_it_ends() {
    let named = |kind, args| case(kind, "qwen3-8b", "registry.example.com/llm/qwen3:1", args).class();
    assert_eq!(named("Deployment", ""), Class::Inference);
    for (kind, args) in [("Job", ""), ("Job", "python main.py"), ("Pod", ""), ("RayCluster", "")] {
        assert_eq!(named(kind, args), Class::Unknown, "{kind} {args}");
    }
    assert_eq!(named("Job", "python finetune.py"), Class::Training);
    // Not what stands beside it, and not what is called after no model.
    let beside = case("Deployment", "qwen-loader", "registry.example.com/a/loader:1", "");
    assert_eq!(beside.class(), Class::Unknown);
    let demo = case("Deployment", "demo-app", "registry.example.com/a/demo-app:1", "");
    assert_eq!(demo.class(), Class::Unknown);
}

#[test]
fn variables_hold_the_settings_of_a_training() {
    let with = |kind, name: &str| {
        let mut case = case(kind, "x", "i", "");
        case.containers[0].env = Labels::from([(name.to_owned(), "50".to_owned())]);
        case.class()
    };
    assert_eq!(with("Job", "EPOCHS"), Class::Training);
    assert_eq!(with("Job", "LEARNING_RATE"), Class::Training);
    // What calls a training has its address, and what calls a service its key.
    for name in ["TRAINING_API_URL", "API_KEY", "INPUT", "SEED"] {
        assert_eq!(with("Job", name), Class::Unknown, "{name}");
    }
    assert_eq!(with("Deployment", "TRAIN_TOPIC"), Class::Unknown);
}

#[test]
fn a_shell_is_served_to_a_person_or_to_what_starts_programs_on_many_nodes() {
    let sshd = |kind| scripted(kind, "x", "i", "mkdir -p /run/sshd; /usr/sbin/sshd -D").class();
    assert_eq!(sshd("Deployment"), Class::Notebook);
    assert_eq!(sshd("Job"), Class::Unknown);
    // A shell that nobody gave anything to do waits for a person, whatever its image is made for.
    assert_eq!(
        case("Deployment", "x", "vllm/vllm-openai", "bash").class(),
        Class::Unknown
    );
    assert_eq!(
        case("Pod", "dev-lee", "vllm/vllm-openai", "/bin/bash -i").class(),
        Class::Notebook
    );
}

#[test]
fn a_server_that_something_follows_is_asked_by_it() {
    let script = "vllm serve m --port 8000 &\nsleep 60\ncurl -X POST http://localhost:8000/v1/completions";
    assert_eq!(scripted("Job", "x", "i", script).class(), Class::Batch);
    assert_eq!(scripted("Deployment", "x", "i", script).class(), Class::Inference);
    // It waits for it: nothing else is done.
    assert_eq!(
        scripted("Job", "x", "i", "vllm serve m & wait").class(),
        Class::Inference
    );
}

#[test]
fn chores_of_a_script_say_nothing_of_its_work() {
    for script in [
        "mkdir -p training && python main.py",
        "source ~/.bash_profile && python main.py",
        "wget http://files.example.com/train.py && python main.py",
        "git clone eval-tools && cp -r train data && python main.py",
    ] {
        assert_eq!(scripted("Job", "x", "i", script).class(), Class::Unknown, "{script}");
    }
    let told = scripted("Job", "x", "i", "git clone a && cd a && python train.py");
    assert_eq!(told.class(), Class::Training);
}

#[test]
fn a_servers_image_may_do_something_else_where_it_ends() {
    let nim = |args| case("Job", "x", "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.1.0", args).class();
    assert_eq!(nim("download-to-cache"), Class::Batch);
    assert_eq!(nim(""), Class::Unknown);
    // Its own program there asks the model of its data.
    assert_eq!(
        case("Job", "nightly", "vllm/vllm-openai", "python run.py").class(),
        Class::Batch
    );
    assert_eq!(
        case("Job", "x", "vllm/vllm-openai", "python train.py").class(),
        Class::Training
    );
    // A tool for files is called by one's own program.
    let own = "python workflow.py";
    assert_eq!(
        case("Job", "x", "registry.example.com/drone/metashape", own).class(),
        Class::Batch
    );
    assert_eq!(
        case("Deployment", "x", "registry.example.com/drone/metashape", own).class(),
        Class::Unknown
    );
}

#[test]
fn a_kind_that_starts_programs_on_many_nodes_trains_unless_they_say_otherwise() {
    let mut mpi = case("MPIJob", "x", "i", "");
    assert_eq!(mpi.class(), Class::Training);
    mpi.told = [
        "mpirun",
        "-np",
        "16",
        "/opt/nccl-tests/build/all_reduce_perf",
        "-b",
        "8",
    ]
    .map(str::to_owned)
    .to_vec();
    assert_eq!(mpi.class(), Class::Batch);
    mpi.told = ["mpirun", "-np", "16", "python", "train.py"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(mpi.class(), Class::Training);
}

#[test]
fn a_desktops_port_is_a_persons() {
    let mut desktop = case("Deployment", "x", "i", "");
    let port = |number, name: &str| Port {
        number,
        name: name.to_owned(),
    };
    desktop.containers[0].ports = vec![port(3389, "rdp"), port(8080, "novnc")];
    assert_eq!(desktop.class(), Class::Notebook);
    desktop.containers[0].ports = vec![port(8080, "http"), port(8888, "notebook")];
    assert_eq!(desktop.class(), Class::Inference);
}

#[test]
fn a_program_in_the_command_line_is_read() {
    let inline = |kind, name, code: &str| {
        let mut case = case(kind, name, "pytorch/pytorch", "");
        case.containers[0].args = ["python", "-c", code].map(str::to_owned).to_vec();
        case.class()
    };
    // Whatever it is called, it only counts its cards.
    let counts = "import torch; print(torch.cuda.device_count())";
    assert_eq!(inline("Job", "distributed-training", counts), Class::Unknown);
    let trains = "import torch\nprint(torch.cuda.is_available())\nloss.backward()";
    assert_eq!(inline("Job", "x", trains), Class::Training);
    assert_eq!(
        inline("Deployment", "x", "import uvicorn; uvicorn.run(app)"),
        Class::Inference
    );
    // Only there: a script may be called so.
    assert_eq!(
        case("Job", "x", "i", "python main.py device_count").class(),
        Class::Unknown
    );
}

#[test]
fn what_keeps_services_says_nothing_against_what_trains() {
    let mut four = case("Deployment", "gpu-training", "i", "python train.py");
    four.replicas = Some(4);
    assert_eq!(four.class(), Class::Training);
    // A port that is asked does: it may be the trainer's, or what it is kept for.
    four.containers[0].probed = true;
    four.containers[0].ports = vec![Port {
        number: 8080,
        name: "http".to_owned(),
    }];
    assert_eq!(four.class(), Class::Unknown);
    // A name alone does not train.
    let mut named = case("Deployment", "gpu-training", "i", "python main.py");
    named.replicas = Some(4);
    assert_eq!(named.class(), Class::Unknown);
}
