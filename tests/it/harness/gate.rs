//! A door in front of an API server that can be shut and opened again: how a
//! hub goes away, whichever server it runs on.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Passes connections on while it is open.
pub(crate) struct Gate {
    address: SocketAddr,
    server: SocketAddr,
    open: Option<DropGuard>,
}

impl Gate {
    /// An open one, on a port of its own.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut gate = Self {
            address: listener.local_addr().unwrap(),
            server,
            open: None,
        };
        gate.pass(listener);
        gate
    }

    /// Where it stands.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and refuses new ones.
    pub(crate) fn shut(&mut self) {
        self.open = None;
    }

    /// Passes connections on again, at the address it had.
    pub(crate) async fn open(&mut self) {
        let address = self.address;
        let listener = super::eventually("the port is free again", || async {
            TcpListener::bind(address).await.ok()
        })
        .await;
        self.pass(listener);
    }

    fn pass(&mut self, listener: TcpListener) {
        let shut = CancellationToken::new();
        let server = self.server;
        self.open = Some(shut.clone().drop_guard());
        tokio::spawn(async move {
            loop {
                let inside = tokio::select! {
                    () = shut.cancelled() => return,
                    accepted = listener.accept() => accepted.unwrap().0,
                };
                let shut = shut.clone();
                tokio::spawn(async move {
                    let _ = shut.run_until_cancelled(carry(inside, server)).await;
                });
            }
        });
    }
}

async fn carry(mut inside: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut outside = TcpStream::connect(server).await?;
    tokio::io::copy_bidirectional(&mut inside, &mut outside).await?;
    Ok(())
}
