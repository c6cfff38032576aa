//! The window of a live run and its steps.

use jiff::{SignedDuration, Timestamp};

use super::PipelineError;
use crate::catalog::Catalog;
use crate::model::time::{Grid, Window};
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::scrape::scrape_interval;

/// Seconds from one point to the next, where the exporter is not scraped more seldom.
pub(super) const STEP_SECONDS: u32 = 60;

/// The window before a step is known.
pub(super) fn looked_at(length: SignedDuration, until: Option<Timestamp>) -> Result<Window, PipelineError> {
    let end = until.unwrap_or_else(Timestamp::now);
    let start = end.checked_sub(length);
    let start = start.map_err(|_| PipelineError::Window(format!("nothing is known of {} before {end}", length)))?;
    Ok(Window { start, end })
}

/// Window and step: the end lies on a whole step, so that two runs within one step read the same points.
pub(super) async fn grid(
    (length, until, step): (SignedDuration, Option<Timestamp>, Option<u32>),
    client: &PrometheusClient,
    catalog: &Catalog,
) -> Result<Grid, PipelineError> {
    let until = until.unwrap_or_else(Timestamp::now);
    let step = match step {
        Some(step) => step,
        None => scrape_interval(client, catalog, until)
            .await?
            .unwrap_or(STEP_SECONDS)
            .max(STEP_SECONDS),
    };
    grid_of(length, until, step)
}

/// The window in steps of so many seconds.
pub(super) fn grid_of(length: SignedDuration, until: Timestamp, step: u32) -> Result<Grid, PipelineError> {
    let step_seconds = i64::from(step.max(1));
    let end = until.as_second().div_euclid(step_seconds) * step_seconds;
    let length = length.as_secs().div_euclid(step_seconds) * step_seconds;
    let bad = || {
        PipelineError::Window(format!(
            "a window of {} before {until} holds no step of {step} s",
            length
        ))
    };
    if length < step_seconds {
        return Err(bad());
    }
    Ok(Grid {
        window: Window {
            start: Timestamp::from_second(end - length).map_err(|_| bad())?,
            end: Timestamp::from_second(end).map_err(|_| bad())?,
        },
        step_seconds: step,
    })
}
