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

    /// Whether it keeps what prompts have in common; `None` where its arguments leave that to its default.
    pub(super) fn prefix_cache(&self, because: &mut Vec<String>) -> Option<bool> {
        let (on, off): (&[&str], &[&str]) = match self.server {
            Server::Vllm => (&["--enable-prefix-caching"], &["--no-enable-prefix-caching"]),
            Server::Sglang => (&[], &["--disable-radix-cache"]),
            _ => (&[], &[]),
        };
        let said = [(on, true), (off, false)];
        let (names, is_on) = said.into_iter().find(|(names, _)| self.command.has(names))?;
        because.push(format!(
            "prefix cache: {} by `{}`",
            if is_on { "on" } else { "off" },
            names[0]
        ));
        Some(is_on)
    }
}
