//! Credentials that were found good are not verified again with every request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ring::digest;

/// How many are remembered; then all are forgotten.
const LARGEST: usize = 4096;

/// Remembers what a credential stands for, by its hash, until it expires.
pub(super) struct Cache<T>(Mutex<HashMap<[u8; 32], (i64, T)>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// SHA-256.
pub(super) fn hash(credential: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, credential).as_ref());
    out
}

impl<T: Clone> Cache<T> {
    /// What was remembered, if it is still good at this second.
    pub(super) fn get(&self, key: &[u8; 32], now: i64) -> Option<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(key) {
            Some((end, found)) if now < *end => Some(found.clone()),
            Some(_) => {
                known.remove(key);
                None
            }
            None => None,
        }
    }

    /// Remembers until a second, exclusively.
    pub(super) fn put(&self, key: [u8; 32], end: i64, value: T) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LARGEST {
            known.clear();
        }
        known.insert(key, (end, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_until_the_end() {
        let cache = Cache::default();
        cache.put(hash(b"a"), 10, "user");
        assert_eq!(cache.get(&hash(b"a"), 9), Some("user"));
        assert_eq!(cache.get(&hash(b"b"), 9), None);
        assert_eq!(cache.get(&hash(b"a"), 10), None);
        assert_eq!(cache.get(&hash(b"a"), 9), None);
        for index in 0..5000_u32 {
            cache.put(hash(&index.to_be_bytes()), 10, "other");
        }
        assert!(cache.0.lock().unwrap().len() <= LARGEST);
    }
}
