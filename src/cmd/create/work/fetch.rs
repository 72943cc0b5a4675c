//! Manifests from web servers: `-f https://…`.

use std::time::Duration;

use http::header::LOCATION;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use kube::Config;
use kube::client::Body;

use crate::error::CommandError;
use crate::k8s::transport;

/// More than a work may hold, comments and all.
const MOST_BYTES: usize = 4 << 20;

/// As often as browsers follow a web server elsewhere, and far from it.
const REDIRECTS: usize = 5;

/// How long a web server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether `-f` means an address.
pub(super) fn is_address(name: &str) -> bool {
    name.starts_with("http://") || name.starts_with("https://")
}

/// What stands at an address. Nothing of the kubeconfig goes there; the system
/// says whom to trust.
///
/// # Errors
/// No answer, another one than 200, or one that is too long.
pub(super) async fn fetch(address: &str) -> Result<Vec<u8>, CommandError> {
    let mut from = address.to_owned();
    for _ in 0..=REDIRECTS {
        let answer = tokio::time::timeout(PATIENCE, get(&from)).await;
        let answer = answer.map_err(|_| {
            CommandError::new(
                crate::error::Kind::Timeout,
                format!("{from} did not answer within {} s", PATIENCE.as_secs()),
            )
        })?;
        match answer? {
            Answer::Content(bytes) => return Ok(bytes),
            Answer::Elsewhere(place) => from = place,
        }
    }
    Err(CommandError::user(format!(
        "{address} leads elsewhere more than {REDIRECTS} times"
    )))
}

enum Answer {
    Content(Vec<u8>),
    Elsewhere(String),
}

async fn get(address: &str) -> Result<Answer, CommandError> {
    let failed = || CommandError::user(format!("cannot read {address}"));
    let uri: Uri = address.parse().map_err(|error| failed().because(error))?;
    let base = Uri::builder()
        .scheme(uri.scheme_str().unwrap_or("https"))
        .authority(uri.authority().map_or("", |authority| authority.as_str()))
        .path_and_query("/")
        .build();
    let config = Config::new(base.map_err(|error| failed().because(error))?);
    let client = transport::client(config).map_err(|error| failed().because(error))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .body(Body::empty())
        .map_err(|error| failed().because(error))?;
    let answer = client.send(request).await;
    let answer = answer.map_err(|error| failed().because(error))?;
    let status = answer.status();
    if status.is_redirection()
        && let Some(place) = answer.headers().get(LOCATION)
    {
        let place = place.to_str().map_err(|error| failed().because(error))?;
        return if is_address(place) {
            // Whoever asked for https gets nothing less.
            match address.starts_with("https://") && place.starts_with("http://") {
                true => Err(failed().hint(format!("it leads to {place}, which is not encrypted"))),
                false => Ok(Answer::Elsewhere(place.to_owned())),
            }
        } else if place.starts_with('/') && !place.starts_with("//") {
            let scheme = uri.scheme_str().unwrap_or("https");
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            Ok(Answer::Elsewhere(format!("{scheme}://{authority}{place}")))
        } else {
            Err(failed().hint(format!("it leads to {place}; pass the whole address")))
        };
    }
    if status != StatusCode::OK {
        return Err(CommandError::user(format!(
            "cannot read {address}: the server answered {status}"
        )));
    }
    let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
    let body = body.map_err(|error| {
        CommandError::user(format!("cannot read {address}")).hint(error.to_string())
    })?;
    Ok(Answer::Content(body.to_bytes().to_vec()))
}
