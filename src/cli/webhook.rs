//! Arguments of a webhook: a chat to which a plan's summary goes.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::exit::Usage;
use crate::deliver::webhook::{Webhook as Hook, WebhookError};
use crate::model::plan::Plan;
use crate::report::webhook::{Chat, message};

/// The variable that holds a webhook's URL.
const VARIABLE: &str = "GPUWISE_WEBHOOK";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Slack's blocks
    Slack,
    /// An adaptive card, for a workflow of Teams
    Teams,
}

/// Where a summary goes.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Webhook {
    /// A webhook of Slack or Teams to which the summary is sent as well; a secret, better kept in GPUWISE_WEBHOOK
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Whose messages it takes [default: as its host tells]
    #[arg(long, value_enum, value_name = "CHAT")]
    webhook_format: Option<Format>,
    /// Where the whole report can be read, for a link in the summary
    #[arg(long, value_name = "URL")]
    report_url: Option<String>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// A chat that is to be told.
pub(super) struct Told {
    hook: Hook,
    chat: Chat,
    link: Option<String>,
}

impl Webhook {
    /// The chat, if there is one. Of the world inside the binary nobody is told whom only the environment names.
    pub(super) fn told(&self, is_demo: bool) -> anyhow::Result<Option<Told>> {
        if let Some(link) = &self.report_url
            && !reqwest::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        {
            return Err(Usage(format!("--report-url {link}: give a URL with https://")).into());
        }
        let Some(url) = url(self.webhook.clone(), std::env::var(VARIABLE).ok(), is_demo) else {
            return Ok(None);
        };
        let hook = Hook::new(&url).map_err(|error| Usage(error.to_string()))?;
        let chat = match self.webhook_format {
            Some(Format::Slack) => Chat::Slack,
            Some(Format::Teams) => Chat::Teams,
            None => chat_of(hook.host()).ok_or_else(|| {
                Usage(format!(
                    "--webhook: {} is no host of Slack or Teams; give --webhook-format slack or teams",
                    hook.host()
                ))
            })?,
        };
        Ok(Some(Told {
            hook,
            chat,
            link: self.report_url.clone(),
        }))
    }
}

impl Told {
    /// Sends a plan's summary.
    pub(super) async fn send(&self, plan: &Plan) -> Result<(), WebhookError> {
        let message: Value = message(plan, self.chat, self.link.as_deref());
        self.hook.send(&message).await
    }
}

/// The URL that is named, or else the environment's, which knows nothing of who only tries the demo.
fn url(named: Option<String>, around: Option<String>, is_demo: bool) -> Option<String> {
    let around = around.filter(|url| !url.trim().is_empty() && !is_demo);
    named.or(around)
}

/// Whose host it is.
fn chat_of(host: &str) -> Option<Chat> {
    let is_of = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    if ["slack.com", "slack-gov.com"].into_iter().any(is_of) {
        return Some(Chat::Slack);
    }
    let teams = ["webhook.office.com", "logic.azure.com", "api.powerplatform.com"];
    teams.into_iter().any(is_of).then_some(Chat::Teams)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_demo_nobody_is_told_whom_only_the_environment_names() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(url(None, some("b"), true), None);
        assert_eq!(url(None, some("b"), false), some("b"));
        assert_eq!(url(some("a"), some("b"), true), some("a"));
        assert_eq!(url(None, some(" "), false), None);
    }

    #[test]
    fn a_chat_is_known_by_its_host_and_no_other_is_guessed() {
        assert_eq!(chat_of("hooks.slack.com"), Some(Chat::Slack));
        assert_eq!(chat_of("acme.webhook.office.com"), Some(Chat::Teams));
        assert_eq!(chat_of("prod-12.westeurope.logic.azure.com"), Some(Chat::Teams));
        for host in ["hooks.slack.com.evil.example", "notslack.com", "127.0.0.1"] {
            assert_eq!(chat_of(host), None, "{host}");
        }
    }
}
