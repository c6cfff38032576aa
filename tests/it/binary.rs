//! The binary, run as on a machine of its own: in an empty folder, without the variables and the cluster of whoever runs the
//! tests.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub(crate) const USAGE: i32 = 2;
pub(crate) const SOURCE: i32 = 4;
/// What a run ends with that read everything from a server that knows no GPU.
pub(crate) const NOTHING: i32 = 5;

/// An unoptimised binary takes its time.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// It ended with this code and told each of these.
    pub(crate) fn tells(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for words in said {
            assert!(self.stderr.contains(words), "no `{words}` in: {}", self.stderr);
        }
    }

    /// The same, and nothing was printed.
    pub(crate) fn fails(&self, code: i32, said: &[&str]) {
        self.tells(code, said);
        assert_eq!(self.stdout, "", "a failure prints no result");
    }

    /// None of these is printed anywhere.
    pub(crate) fn hides(&self, secrets: &[&str]) {
        for secret in secrets {
            assert!(!self.stderr.contains(secret), "{}", self.stderr);
            assert!(!self.stdout.contains(secret), "{}", self.stdout);
        }
    }

    /// It ended well and silently; what it printed.
    pub(crate) fn printed(self) -> String {
        assert_eq!(self.code, 0, "stderr: {}", self.stderr);
        assert_eq!(self.stderr, "", "a success is silent off a terminal");
        self.stdout
    }
}

/// The binary in this folder, to be given arguments.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpuwise"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let foreign = ["GPUWISE_", "AWS_", "KUBE"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        // A proxy would stand between the binary and the loopback.
        if foreign || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.env("HOME", folder).current_dir(folder);
    command
}

/// Runs it with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    run_with(arguments, &[])
}

/// Runs it with these arguments and variables.
pub(crate) fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    run_in(tempfile::tempdir().unwrap().path(), arguments, environment)
}

/// The same in this folder.
pub(crate) fn run_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = command(folder);
    command.envs(environment.iter().copied()).args(arguments);
    let output = assert_cmd::Command::from_std(command)
        .timeout(PATIENCE)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
