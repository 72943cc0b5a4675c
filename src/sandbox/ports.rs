//! Free ports on the loopback address, outside the range that the system gives
//! to outgoing connections, so that they are still free tomorrow.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::error::SandboxError;

const FROM: u16 = 20_000;
const TO: u16 = 29_999;

/// The address of a port on this machine only.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A free port, none of `taken`. The search starts at a place that depends on
/// `seed`, so that sandboxes seldom meet.
///
/// # Errors
/// None is free.
pub fn free(seed: &str, taken: &[u16]) -> Result<u16, SandboxError> {
    let hash = seed.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let size = u32::from(TO - FROM) + 1;
    (0..size)
        .filter_map(|step| u16::try_from((hash.wrapping_add(step)) % size).ok())
        .map(|offset| FROM + offset)
        .find(|port| !taken.contains(port) && TcpListener::bind(loopback(*port)).is_ok())
        .ok_or(SandboxError::NoPort { from: FROM, to: TO })
}

/// Whether a port can be listened on.
///
/// # Errors
/// It is taken, or not allowed.
pub fn check(cluster: &str, port: u16) -> Result<(), SandboxError> {
    match TcpListener::bind(loopback(port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(SandboxError::PortTaken {
            cluster: cluster.to_owned(),
            port,
        }),
        Err(error) => Err(SandboxError::Start {
            cluster: cluster.to_owned(),
            source: Box::new(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_noticed() {
        let port = free("a_taken_port_is_noticed", &[]).unwrap();
        let _listener = TcpListener::bind(loopback(port)).unwrap();
        assert!(matches!(
            check("hub", port),
            Err(SandboxError::PortTaken { .. })
        ));
        let other = free("a_taken_port_is_noticed", &[]).unwrap();
        assert_ne!(other, port);
        assert_ne!(free("a_taken_port_is_noticed", &[other]).unwrap(), other);
    }
}
