//! How much a server takes on at once, by its arguments.

use super::command::Given;
use super::{Found, Server};

impl Found<'_> {
    /// Requests in execution at once, and tokens of a step, as far as its arguments say; defaults are the reader's.
    pub(super) fn limits(&self, because: &mut Vec<String>) -> (Option<u32>, Option<u32>) {
        let (running, tokens): (&[&str], &[&str]) = match self.server {
            Server::Vllm => (&["--max-num-seqs"], &["--max-num-batched-tokens"]),
            Server::Sglang => (&["--max-running-requests"], &["--chunked-prefill-size"]),
            Server::TrtLlm => (&["--max-batch-size"], &["--max-num-tokens"]),
            Server::Tgi => (&["--max-batch-size"], &["--max-batch-prefill-tokens"]),
            Server::LlamaCpp => (&["--parallel", "-np"], &["--ubatch-size", "-ub"]),
            Server::Triton | Server::Tei | Server::Ollama => (&[], &[]),
        };
        let mut number = |names: &[&str], what: &str| match self.command.option(names)? {
            Given::Value(text) => {
                let number = text.parse::<u32>().ok().filter(|number| *number > 0)?;
                because.push(format!("{what}: {number} by `{}`", names[0]));
                Some(number)
            }
            Given::Unknown(_) => None,
        };
        (
            number(running, "requests in execution at once"),
            number(tokens, "tokens of a step"),
        )
    }
}
