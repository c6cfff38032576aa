//! `gpuwise.yaml`: what is the same in every run, under the names of the flags. Flags win over the environment, the
//! environment over the file; secrets stand in files or the environment, never here.

use std::path::{Path, PathBuf};

use super::exit::Usage;
use super::files::read;
use super::reach::{Access, Reach};
use crate::policy::Mistakes;
use crate::policy::located::{Mistake, Place, Value, parse};
use crate::policy::section::Section;
use crate::sources::prometheus::matcher::Matchers;

/// The file that is read where none is named.
const NAME: &str = "gpuwise.yaml";

/// Words in the name of a header whose value is a secret.
const SECRET: [&str; 7] = ["auth", "token", "key", "secret", "password", "cookie", "session"];

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Servers, and who we are to them.
    pub(super) reach: Reach,
    /// The kubeconfig.
    pub(super) kubeconfig: Option<PathBuf>,
    /// The context in it.
    pub(super) kube_context: Option<String>,
    /// What to call the cluster.
    pub(super) cluster: Option<String>,
}

/// The file that is named, or the one in the working directory if there is one.
pub(super) fn load(named: Option<&Path>) -> anyhow::Result<Config> {
    let path = named.unwrap_or(Path::new(NAME));
    if named.is_none() && !path.exists() {
        return Ok(Config::default());
    }
    let shown = path.display().to_string();
    let text =
        String::from_utf8(read(path)?).map_err(|_| Usage(format!("{shown} is not UTF-8 text; save it as such")))?;
    Ok(parsed(&shown, &text, path.parent().unwrap_or(Path::new("")))?)
}

fn parsed(file: &str, text: &str, folder: &Path) -> Result<Config, Mistakes> {
    let root = parse(file, text).map_err(|mistake| Mistakes(vec![mistake]))?;
    if root.value == Value::Null {
        return Ok(Config::default());
    }
    let mut mistakes = Vec::new();
    let mut whole = Section::open("", &root, &mut mistakes);
    let mut config = Config::default();
    if whole.has("sources") {
        let mut keys = Keys {
            section: whole.section("sources", &mut mistakes),
            folder,
            mistakes: &mut mistakes,
        };
        config = keys.config();
        keys.section.finish(&mut mistakes);
    }
    whole.finish(&mut mistakes);
    if mistakes.is_empty() {
        return Ok(config);
    }
    mistakes.sort();
    Err(Mistakes(mistakes))
}

/// The keys under `sources`, as they are read.
struct Keys<'a, 'm> {
    section: Section<'a>,
    folder: &'a Path,
    mistakes: &'m mut Vec<Mistake>,
}

impl Keys<'_, '_> {
    fn config(&mut self) -> Config {
        let prometheus = Access {
            url: self.url("prometheus"),
            token_file: self.file("prometheus-token-file"),
            user: self.text("prometheus-user"),
            password_file: self.file("prometheus-password-file"),
            headers: self.headers("prometheus-header"),
            sigv4_region: self.text("prometheus-sigv4-region"),
            matchers: self.matchers("prometheus-matcher"),
        };
        let costs = Access {
            url: self.url("costs"),
            token_file: self.file("costs-token-file"),
            user: self.text("costs-user"),
            password_file: self.file("costs-password-file"),
            headers: self.headers("costs-header"),
            sigv4_region: None,
            matchers: Vec::new(),
        };
        for key in [
            "prometheus-token",
            "prometheus-password",
            "costs-token",
            "costs-password",
        ] {
            self.no_secret(key);
        }
        let (ca, certificate, key) = (
            self.file("ca-file"),
            self.file("client-cert-file"),
            self.file("client-key-file"),
        );
        Config {
            reach: Reach::of(prometheus, costs, [ca, certificate, key], self.seconds("timeout")),
            kubeconfig: self.file("kubeconfig"),
            kube_context: self.text("kube-context"),
            cluster: self.text("cluster"),
        }
    }

    fn located(&mut self, key: &'static str) -> Option<(String, Place)> {
        self.section.has(key).then(|| self.section.text(key, self.mistakes))
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        self.located(key).map(|(text, _)| text)
    }

    /// Paths are meant from where the file lies.
    fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        self.text(key).map(|path| self.folder.join(path))
    }

    fn seconds(&mut self, key: &'static str) -> Option<u64> {
        let seconds = self
            .section
            .has(key)
            .then(|| self.section.number(key, 1.0, 3600.0, self.mistakes));
        seconds.map(|seconds| seconds.ceil() as u64)
    }

    fn url(&mut self, key: &'static str) -> Option<String> {
        let (text, place) = self.located(key)?;
        if reqwest::Url::parse(&text).is_ok_and(|url| url.password().is_some()) {
            let what = format!("`sources.{key}` holds a password; give `{key}-user` and `{key}-password-file`");
            self.mistakes.push(Mistake { place, what });
        }
        Some(text)
    }

    /// Headers whose values stand here, or in a variable that is named as `$GPUWISE_NAME`.
    fn headers(&mut self, key: &'static str) -> Vec<String> {
        if !self.section.has(key) {
            return Vec::new();
        }
        let mut headers = Vec::new();
        for (text, place) in self.section.texts(key, self.mistakes) {
            match header(&text) {
                Ok(header) => headers.push(header),
                Err(why) => {
                    let what = format!("`sources.{key}`: {why}");
                    self.mistakes.push(Mistake { place, what });
                }
            }
        }
        headers
    }

    /// Label matchers, each by itself.
    fn matchers(&mut self, key: &'static str) -> Vec<String> {
        if !self.section.has(key) {
            return Vec::new();
        }
        let mut matchers = Vec::new();
        for (text, place) in self.section.texts(key, self.mistakes) {
            if let Err(error) = text.parse::<Matchers>() {
                let what = format!("`sources.{key}`: {error}");
                self.mistakes.push(Mistake { place, what });
            }
            matchers.push(text);
        }
        matchers
    }

    fn no_secret(&mut self, key: &'static str) {
        if self.section.has(key) {
            let variable = key.to_uppercase().replace('-', "_");
            let what =
                format!("`sources.{key}`: a secret does not belong here; give `{key}-file`, or set GPUWISE_{variable}");
            let place = self.section.place_of(key);
            self.mistakes.push(Mistake { place, what });
        }
    }
}

/// The header with its value put in. What stands there is never repeated: it may be secret.
fn header(text: &str) -> Result<String, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header is given as 'NAME: VALUE' or 'NAME: $GPUWISE_VARIABLE'")?;
    let (name, value) = (name.trim(), value.trim());
    if let Some(variable) = value.strip_prefix('$') {
        // The file is read from whatever folder one stands in; it must not send any secret of the shell anywhere.
        if !variable.starts_with("GPUWISE_") {
            return Err(format!(
                "the variable of `{name}` must be one of this program, named GPUWISE_..."
            ));
        }
        let found = std::env::var(variable).map_err(|_| format!("the variable {variable} of `{name}` is not set"))?;
        return Ok(format!("{name}: {found}"));
    }
    let lower = name.to_ascii_lowercase();
    if SECRET.iter().any(|word| lower.contains(word)) {
        return Err(format!(
            "the value of `{name}` is a secret and does not belong here; name a variable that holds it, as '{name}: $GPUWISE_VARIABLE'"
        ));
    }
    Ok(format!("{name}: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> String {
        parsed("gpuwise.yaml", text, Path::new("/etc")).unwrap_err().to_string()
    }

    #[test]
    fn every_mistake_is_told_with_its_place_and_no_secret_with_any() {
        let text = "sources:\n  promtheus: x\n  prometheus: http://me:hush@host\n  prometheus-token: hush\n  \
                    prometheus-header: ['X-Api-Key: hush', 'hush', 'X-Key: $HOME']\n  prometheus-matcher: ['cluster=\"eu\"', 'cluster=eu']\n  timeout: soon\nother: 1\n";
        let told = mistakes(text);
        for said in [
            "gpuwise.yaml:2:3: unknown key `sources.promtheus`; did you mean `prometheus`?",
            "gpuwise.yaml:3:15: `sources.prometheus` holds a password",
            "gpuwise.yaml:4:21: `sources.prometheus-token`: a secret does not belong here; give `prometheus-token-file`, or \
             set GPUWISE_PROMETHEUS_TOKEN",
            "'X-Api-Key: $GPUWISE_VARIABLE'",
            "'NAME: VALUE'",
            "the variable of `X-Key` must be one of this program",
            "gpuwise.yaml:6:40: `sources.prometheus-matcher`: `cluster=eu` is no label matcher: the value of `cluster` must be quoted",
            "`sources.timeout` must be a number",
            "gpuwise.yaml:8:1: unknown key `other`",
        ] {
            assert!(told.contains(said), "no `{said}` in: {told}");
        }
        assert!(!told.contains("hush"), "{told}");
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in ["", "# later\n", "sources: {}\n"] {
            assert!(parsed("gpuwise.yaml", text, Path::new("")).is_ok(), "{text:?}");
        }
    }
}
