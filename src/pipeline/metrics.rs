//! Which metrics a cluster's store has, with which labels: what alert rules are made of.

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::model::cluster::Inventory;
use crate::model::progress::Progress;
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::prometheus::facts::metric_facts;

/// Looks, and keeps what is found with the inventory.
pub(super) async fn look(
    client: &PrometheusClient,
    catalog: &Catalog,
    inventory: &mut Inventory,
    at: Timestamp,
    progress: &dyn Progress,
) -> Result<(), PrometheusError> {
    let (found, unread) = metric_facts(client, catalog, inventory, at).await?;
    inventory.metrics = Some(found);
    // No plan stands on these, so they are no gaps of one.
    unread.iter().for_each(|gap| progress.note(&gap.why));
    Ok(())
}
