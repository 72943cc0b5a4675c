//! A door in front of an API server that can be shut and opened again: how a
//! hub goes away, whichever server it runs on. And a network that stalls, or
//! forgets the connections that went through it.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Passes connections on while it is open.
pub(crate) struct Gate {
    address: SocketAddr,
    server: SocketAddr,
    open: Option<DropGuard>,
    /// Whether what is sent arrives.
    flows: watch::Sender<bool>,
    /// Grows when what is sent over the connections of until then is lost.
    forgotten: watch::Sender<u32>,
    /// How many connections were tried, let through or not.
    tried: watch::Sender<usize>,
}

impl Gate {
    /// An open one, on a port of its own.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut gate = Self {
            address: listener.local_addr().unwrap(),
            server,
            open: None,
            flows: watch::Sender::new(true),
            forgotten: watch::Sender::new(0),
            tried: watch::Sender::new(0),
        };
        gate.pass(listener);
        gate
    }

    /// Where it stands.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to another server from now on; it has to be opened.
    pub(crate) fn lead_to(&mut self, server: SocketAddr) {
        self.shut();
        self.server = server;
    }

    /// Ends every connection and refuses new ones.
    pub(crate) fn shut(&mut self) {
        self.open = None;
    }

    /// Passes connections on again, at the address it had.
    pub(crate) async fn open(&mut self) {
        let listener = self.listener().await;
        self.pass(listener);
    }

    /// Ends every connection; new ones break off at once, and are counted.
    pub(crate) async fn cut(&mut self) {
        self.shut();
        let listener = self.listener().await;
        let (cut, tried) = (CancellationToken::new(), self.tried.clone());
        self.open = Some(cut.clone().drop_guard());
        tokio::spawn(cut.run_until_cancelled_owned(async move {
            loop {
                drop(listener.accept().await);
                tried.send_modify(|tried| *tried += 1);
            }
        }));
    }

    /// Ends a cut.
    pub(crate) async fn restore(&mut self) {
        self.shut();
        self.open().await;
    }

    /// Nothing arrives any more, and nothing is lost: connections hang.
    pub(crate) fn freeze(&self) {
        self.flows.send_replace(false);
    }

    /// What is under way arrives.
    pub(crate) fn thaw(&self) {
        self.flows.send_replace(true);
    }

    /// The connections of now are silent for ever, at both ends; new ones pass.
    pub(crate) fn forget(&self) {
        self.forgotten.send_modify(|times| *times += 1);
    }

    /// How many connections were tried so far.
    pub(crate) fn tried(&self) -> usize {
        *self.tried.borrow()
    }

    /// Returns when somebody tries a connection after so many.
    pub(crate) async fn tried_again(&self, before: usize) {
        let mut tried = self.tried.subscribe();
        let again = tried.wait_for(|tried| *tried > before);
        tokio::time::timeout(super::PATIENCE, again)
            .await
            .expect("somebody tries again")
            .unwrap();
    }

    async fn listener(&self) -> TcpListener {
        let address = self.address;
        super::eventually("the port is free again", || async {
            TcpListener::bind(address).await.ok()
        })
        .await
    }

    fn pass(&mut self, listener: TcpListener) {
        let shut = CancellationToken::new();
        let server = self.server;
        self.open = Some(shut.clone().drop_guard());
        let (flows, forgotten) = (self.flows.subscribe(), self.forgotten.subscribe());
        let tried = self.tried.clone();
        tokio::spawn(async move {
            loop {
                let inside = tokio::select! {
                    () = shut.cancelled() => return,
                    accepted = listener.accept() => accepted.unwrap().0,
                };
                tried.send_modify(|tried| *tried += 1);
                let line = Line {
                    flows: flows.clone(),
                    since: *forgotten.borrow(),
                    forgotten: forgotten.clone(),
                };
                let shut = shut.clone();
                tokio::spawn(async move {
                    let _ = shut.run_until_cancelled(line.carry(inside, server)).await;
                });
            }
        });
    }
}

/// What becomes of what is sent.
#[derive(Clone)]
struct Line {
    flows: watch::Receiver<bool>,
    forgotten: watch::Receiver<u32>,
    /// How often connections had been forgotten when this one began.
    since: u32,
}

impl Line {
    async fn carry(self, mut inside: TcpStream, server: SocketAddr) -> std::io::Result<()> {
        let mut outside = TcpStream::connect(server).await?;
        let (from, to) = inside.split();
        let (back_from, back_to) = outside.split();
        tokio::try_join!(
            self.clone().pump(from, back_to),
            self.clone().pump(back_from, to)
        )?;
        Ok(())
    }

    async fn pump(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            if self.flows.wait_for(|flows| *flows).await.is_err() {
                // The test is over.
                return Ok(());
            }
            if *self.forgotten.borrow() != self.since {
                // Neither end learns of the other any more.
                std::future::pending::<()>().await;
            }
            if read == 0 {
                return to.shutdown().await;
            }
            to.write_all(&buffer[..read]).await?;
        }
    }
}
