//! Real control planes: etcd, kube-apiserver and kube-controller-manager as
//! processes. A few of them serve all tests, one test at a time each; between
//! tests `reset` puts a plane back to how it was when it had just started,
//! which takes a tenth of the time of a start.

mod assets;
mod plane;
mod reset;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use apiserver::pki::Authority;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use assets::{Assets, program, upstream};
use plane::Plane;

/// More than two tests at a time with a hub and a managed cluster each: so one
/// that waits for its second cluster never waits for another that does too.
const PLANES: usize = 5;

/// How many tests a plane serves. kube-apiserver does not expect definitions to
/// vanish from etcd: with every time it takes longer until those that come again
/// can be deleted ("storage is (re)initializing").
const TESTS: usize = 8;

struct Pool {
    free: Mutex<Vec<Plane>>,
    permits: Arc<Semaphore>,
}

static POOL: std::sync::LazyLock<Pool> = std::sync::LazyLock::new(|| Pool {
    free: Mutex::default(),
    permits: Arc::new(Semaphore::new(PLANES)),
});

/// A control plane for one test; the next one gets it clean.
pub(crate) struct Lease {
    plane: Option<Plane>,
    client: kube::Client,
    _permit: OwnedSemaphorePermit,
}

/// Waits for a plane and makes it clean.
pub(crate) async fn lease() -> Lease {
    let permit = POOL.permits.clone().acquire_owned().await.unwrap();
    // The one that is free for longest: what its last test left running has ended.
    let free = {
        let mut free = POOL.free.lock().unwrap();
        (!free.is_empty()).then(|| free.remove(0))
    };
    let mut plane = match free {
        Some(plane) if plane.tests < TESTS => {
            reset::reset(&plane).await;
            plane
        }
        worn => {
            drop(worn);
            Plane::start().await
        }
    };
    plane.tests += 1;
    Lease {
        client: plane.client().await,
        plane: Some(plane),
        _permit: permit,
    }
}

impl Lease {
    fn plane(&self) -> &Plane {
        self.plane.as_ref().expect("there until it is dropped")
    }

    /// An administrator's client; it belongs to this test's runtime.
    pub(crate) fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Where kube-apiserver listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.plane().address
    }

    /// Its certificate authority.
    pub(crate) fn authority(&self) -> &Authority {
        &self.plane().authority
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(plane) = self.plane.take() {
            POOL.free.lock().unwrap().push(plane);
        }
    }
}
