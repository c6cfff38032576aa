//! A window of the past: what it tells of the cluster's spend holds, and what to change now is not told by it.

use jiff::{SignedDuration, Timestamp};

use super::PipelineError;
use crate::catalog::Catalog;
use crate::model::gap::{Gap, WINDOW_PAST};
use crate::model::time::Window;
use crate::sources::prometheus::afterwards::goes_on;
use crate::sources::prometheus::client::PrometheusClient;

/// How long ago a window may have ended and still tell what its cluster does now.
const PRESENT: SignedDuration = SignedDuration::from_hours(24);

/// The gap where a window ended long ago and its cluster has gone on since: its objects tell a newer time, or the store holds
/// newer samples. Where neither does (a store that was copied, a cluster that is no more), the window's end is its present. A
/// window that ends about now is not asked about.
pub(super) async fn gap(
    client: &PrometheusClient,
    catalog: &Catalog,
    end: Timestamp,
    newest: Option<Timestamp>,
) -> Result<Option<Gap>, PipelineError> {
    let now = Timestamp::now();
    // Beyond all calendars nothing has passed.
    let start = end.checked_add(PRESENT).unwrap_or(Timestamp::MAX);
    if now.as_second() <= start.as_second() {
        return Ok(None);
    }
    let goes_on = match newest.is_some_and(|newest| newest > start) {
        true => true,
        false => goes_on(client, catalog, Window { start, end: now }).await?,
    };
    Ok(goes_on.then(|| {
        Gap::new(
            WINDOW_PAST,
            format!("what the cluster does since {end}, the end of the window"),
            "a window of the past was asked for, and the cluster has gone on since: what was idle then may be busy now",
            "for changes, ask about a window that ends now, without --month or --until; what was spent is told by this one",
        )
    }))
}
