//! When the process ends: signals, and a supervisor that went away.

use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// The environment variable by which a supervisor (the sandbox) says that it
/// holds this process's standard input open for as long as it lives.
pub const SUPERVISED: &str = "OCMADM_SUPERVISED";

/// Whether a supervisor (the sandbox) started this process.
#[must_use]
pub fn is_supervised() -> bool {
    std::env::var_os(SUPERVISED).is_some_and(|value| value == "1")
}

/// A token that is cancelled by SIGTERM or SIGINT, and, for a supervised
/// process, by the end of standard input.
///
/// # Errors
/// Signals cannot be handled.
pub fn shutdown_on_signals() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancel = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: shutting down"),
            _ = interrupt.recv() => tracing::info!("SIGINT: shutting down"),
            () = supervisor_gone() => tracing::info!("the supervisor is gone: shutting down"),
            () = cancel.cancelled() => {}
        }
        cancel.cancel();
    });
    Ok(token)
}

async fn supervisor_gone() {
    if !is_supervised() {
        std::future::pending::<()>().await;
    }
    let mut input = tokio::io::stdin();
    let mut buffer = [0_u8; 64];
    loop {
        match input.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
