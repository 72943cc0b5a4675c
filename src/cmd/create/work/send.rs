//! Writes that the hub's webhook has to agree to, while it may not be there yet.

use std::time::Duration;

use tokio::time::Instant;

use crate::k8s::client::{Connection, ServerError};
use crate::runtime::Backoff;

/// A hub that starts answers within a few seconds.
const PATIENCE: Duration = Duration::from_secs(15);
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));

/// Sends a write. Where the API server cannot ask the hub's webhook, the hub may
/// just be starting: the write is sent again for a while.
pub(super) async fn patiently<T, F>(
    hub: &Connection,
    write: impl Fn() -> F,
) -> Result<T, ServerError>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let until = Instant::now() + PATIENCE;
    let mut tries = 0;
    loop {
        let sent = hub.call(write()).await;
        tries += 1;
        let Err(error) = &sent else { return sent };
        let delay = BACKOFF.delay(tries);
        if !unasked(error) || Instant::now() + delay > until {
            return sent;
        }
        tracing::debug!(%error, "the hub's webhook does not answer yet");
        tokio::time::sleep(delay).await;
    }
}

/// Whether the API server could not ask the hub about a work.
fn unasked(error: &ServerError) -> bool {
    error.status().is_some_and(|status| {
        status.code == 500
            && status.message.contains("failed calling webhook")
            && status.message.contains("manifestworkvalidators.")
    })
}
