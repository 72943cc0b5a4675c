//! Connections to managed clusters through a Konnectivity proxy server, as the
//! cluster-proxy add-on runs one: gRPC over TLS, one connection a stream.

pub mod packet;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{Method, Request, Version};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use self::packet::{Malformed, Packet};

/// How many bytes one message carries.
const PIECE: usize = 32 << 10;

/// How long the server may take to say that a connection is closed.
const CLOSING: Duration = Duration::from_secs(5);

/// Something to speak through: a socket, or a port forwarded from a pod.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum TunnelError {
    /// The proxy server cannot be spoken to.
    #[error("the proxy server does not answer as expected")]
    Server(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does not take part.
    #[error("the proxy server refuses: {0}")]
    Refused(String),
    /// The agent in the managed cluster does not lead there.
    #[error("the proxy server cannot reach {address}: {why}")]
    Dial {
        /// Where to.
        address: String,
        /// The server's words.
        why: String,
    },
}

fn server(error: impl std::error::Error + Send + Sync + 'static) -> TunnelError {
    TunnelError::Server(Box::new(error))
}

type Outgoing = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

/// Opens a connection to `address` (`host:port`, the managed cluster's name as
/// the host) through the proxy server at the other end of `stream`.
///
/// # Errors
/// The server, or the agent behind it, does not open it.
pub async fn dial(
    stream: impl Stream,
    tls: Arc<ClientConfig>,
    name: &str,
    address: &str,
    random: i64,
) -> Result<DuplexStream, TunnelError> {
    let host = ServerName::try_from(name.to_owned()).map_err(server)?;
    let mut tls = tls;
    Arc::make_mut(&mut tls).alpn_protocols = vec![b"h2".to_vec()];
    let stream = TlsConnector::from(tls).connect(host, stream).await;
    let stream = TokioIo::new(stream.map_err(server)?);
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), stream)
        .await
        .map_err(server)?;
    // Ends with the last request.
    tokio::spawn(connection);
    let (out, body) = mpsc::channel(16);
    let request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(format!("https://{name}/ProxyService/Proxy"))
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .body(StreamBody::new(ReceiverStream::new(body)))
        .map_err(server)?;
    let wish = Packet::DialRequest {
        address: address.to_owned(),
        random,
    };
    // The channel is empty and open: this cannot wait nor fail.
    let _ = out.send(Ok(Frame::data(wish.encode()))).await;
    let answer = requests.send_request(request).await.map_err(server)?;
    if !answer.status().is_success() {
        return Err(TunnelError::Refused(answer.status().to_string()));
    }
    let mut answers = Answers {
        body: answer.into_body(),
        buffer: BytesMut::new(),
        status: None,
    };
    let connection = loop {
        match answers.next().await.map_err(server)? {
            Some(Packet::DialResponse {
                error,
                connection,
                random: of,
            }) if of == random => {
                if !error.is_empty() {
                    return Err(TunnelError::Dial {
                        address: address.to_owned(),
                        why: error,
                    });
                }
                break connection;
            }
            Some(_) => {}
            None => {
                let why = answers.status.unwrap_or_else(|| "it closed".to_owned());
                return Err(TunnelError::Refused(why));
            }
        }
    };
    let (near, far) = tokio::io::duplex(2 * PIECE);
    tokio::spawn(async move {
        carry(near, connection, out, answers).await;
        drop(requests);
    });
    Ok(far)
}

/// What the server sends.
struct Answers {
    body: Incoming,
    buffer: BytesMut,
    status: Option<String>,
}

/// A message that did not come, or is none.
#[derive(Debug, Error)]
enum AnswerError {
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Answers {
    async fn next(&mut self) -> Result<Option<Packet>, AnswerError> {
        loop {
            if let Some(packet) = Packet::take(&mut self.buffer)? {
                return Ok(Some(packet));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            match frame?.into_data() {
                Ok(data) => self.buffer.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    let message = trailers.get("grpc-message").or(trailers.get("grpc-status"));
                    self.status = message
                        .and_then(|text| text.to_str().ok())
                        .map(ToOwned::to_owned);
                }
            }
        }
    }
}

/// Carries bytes both ways until either side is done.
async fn carry(near: DuplexStream, connection: i64, out: Outgoing, mut answers: Answers) {
    let (mut read, mut write) = tokio::io::split(near);
    let (done, closing) = (CancellationToken::new(), CancellationToken::new());
    let up = done.run_until_cancelled(async {
        let mut piece = vec![0; PIECE];
        loop {
            let count = read.read(&mut piece).await.unwrap_or_default();
            let packet = match count {
                0 => Packet::CloseRequest { connection },
                _ => Packet::Data {
                    connection,
                    data: Bytes::copy_from_slice(&piece[..count]),
                },
            };
            let sent = out.send(Ok(Frame::data(packet.encode()))).await;
            if count == 0 || sent.is_err() {
                break;
            }
        }
        closing.cancel();
    });
    let down = async {
        let patience = async {
            closing.cancelled().await;
            tokio::time::sleep(CLOSING).await;
        };
        tokio::select! {
            // Whatever is wrong, the connection is at its end.
            _ = pour(&mut answers, connection, &mut write) => {}
            () = patience => {}
        }
        let _ = write.shutdown().await;
        done.cancel();
    };
    tokio::join!(up, down);
}

async fn pour(
    answers: &mut Answers,
    connection: i64,
    write: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    while let Ok(Some(packet)) = answers.next().await {
        match packet {
            Packet::Data {
                connection: of,
                data,
            } if of == connection => write.write_all(&data).await?,
            Packet::CloseResponse { connection: of, .. } if of == connection => break,
            _ => {}
        }
    }
    Ok(())
}
