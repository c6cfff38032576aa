//! Progress on stderr, and only on a terminal; notes are told in any case.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::model::progress::{Load, Progress, Silent};
use crate::report::safe;

/// A bar on a terminal, silence elsewhere or when asked for.
pub(super) fn shown(quiet: bool) -> Box<dyn Progress> {
    if quiet {
        return Box::new(Silent);
    }
    if !std::io::stderr().is_terminal() {
        return Box::new(Notes);
    }
    Box::new(Bar {
        current: Mutex::new(ProgressBar::hidden()),
    })
}

/// The same, and what servers were asked.
pub(super) fn with_stats(inner: Box<dyn Progress>) -> Box<dyn Progress> {
    Box::new(Stats(inner))
}

struct Stats(Box<dyn Progress>);

impl Progress for Stats {
    fn stage(&self, name: &str, total: Option<u64>) {
        self.0.stage(name, total);
    }
    fn advance(&self, done: u64) {
        self.0.advance(done);
    }
    fn note(&self, said: &str) {
        self.0.note(said);
    }
    fn asked(&self, server: &str, load: Load) {
        Notes.note(&format!(
            "{server}: {} requests, {} samples",
            load.requests, load.samples
        ));
    }
}

/// No bar where nobody watches.
struct Notes;

impl Progress for Notes {
    fn stage(&self, _name: &str, _total: Option<u64>) {}
    fn advance(&self, _done: u64) {}
    fn note(&self, said: &str) {
        // Where stderr is gone, nobody wants to know.
        let _ = writeln!(std::io::stderr(), "{}", safe::plain(said));
    }
}

struct Bar {
    current: Mutex<ProgressBar>,
}

impl Progress for Bar {
    fn stage(&self, name: &str, total: Option<u64>) {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{spinner} {msg} {wide_bar} {pos}/{len} {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(safe::plain(name));
        bar.enable_steady_tick(Duration::from_millis(200));
        if let Ok(mut current) = self.current.lock() {
            current.finish_and_clear();
            *current = bar;
        }
    }

    fn advance(&self, done: u64) {
        if let Ok(current) = self.current.lock() {
            current.inc(done);
        }
    }

    fn note(&self, said: &str) {
        if let Ok(current) = self.current.lock() {
            current.suspend(|| Notes.note(said));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Ok(current) = self.current.lock() {
            current.finish_and_clear();
        }
    }
}
