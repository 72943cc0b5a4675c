//! Labels in little memory: a fleet's clusters share most keys and values, and
//! they are kept by several controllers.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::labels::Labelled;

/// The texts that are in use, each once.
#[derive(Default)]
struct Pool {
    texts: HashSet<Arc<str>>,
    /// When there are so many, those that nobody uses any more are dropped.
    sweep_at: usize,
}

/// Below this many texts nobody looks for unused ones.
const SMALL: usize = 4096;

impl Pool {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        if self.texts.len() >= self.sweep_at.max(SMALL) {
            self.texts.retain(|text| Arc::strong_count(text) > 1);
            self.sweep_at = self.texts.len() * 2;
        }
        let text: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&text));
        text
    }
}

fn pool() -> &'static Mutex<Pool> {
    static POOL: OnceLock<Mutex<Pool>> = OnceLock::new();
    POOL.get_or_init(Mutex::default)
}

/// Keys and values, ordered by key; read only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(other, _)| (**other).cmp(key));
        at.ok().map(|at| &*self.0[at].1)
    }

    /// The same with this one set.
    #[must_use]
    pub fn with(&self, key: &str, value: &str) -> Self {
        let pairs = self.iter().chain(std::iter::once((key, value)));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

#[cfg(test)]
impl Labels {
    /// The same with one less.
    pub(crate) fn without(&self, key: &str) -> Self {
        let pairs = self.iter().filter(|(other, _)| *other != key);
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }
}

impl Labelled for Labels {
    fn value(&self, key: &str) -> Option<&str> {
        self.get(key)
    }
}

impl From<&BTreeMap<String, String>> for Labels {
    fn from(labels: &BTreeMap<String, String>) -> Self {
        let mut pool = pool().lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = labels.iter();
        Self(
            pairs
                .map(|(key, value)| (pool.get(key), pool.get(value)))
                .collect(),
        )
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self::from(&pairs.into_iter().collect::<BTreeMap<_, _>>())
    }
}

impl std::fmt::Debug for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn equal_texts_are_one() {
        let (a, b) = (labels(&[("k", "v"), ("a", "v")]), labels(&[("k", "v")]));
        assert_eq!(a.get("k"), Some("v"));
        assert_eq!(a.get("x"), None);
        assert!(Arc::ptr_eq(&a.0[1].1, &b.0[0].1));
        assert_eq!(a.iter().next(), Some(("a", "v")));
        assert_ne!(a, b);
    }

    #[test]
    fn what_nobody_uses_is_dropped() {
        let mut pool = Pool::default();
        let kept = pool.get("kept");
        for number in 0..3 * SMALL {
            pool.get(&number.to_string());
        }
        assert!(pool.texts.len() <= 2 * SMALL, "{}", pool.texts.len());
        assert!(Arc::ptr_eq(&kept, &pool.get("kept")));
    }
}
