//! Sizes that are not known exactly, and costs by them.

/// What it costs to go through a byte of a text.
pub(super) const TRAVERSAL: f64 = 0.1;
/// What a byte of a regular expression costs.
pub(super) const REGEX: f64 = 0.25;

/// How large a value is: characters of a text, entries of a list or a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Size {
    /// Any.
    pub(super) const UNKNOWN: Self = Self {
        min: 0,
        max: u64::MAX,
    };
    /// Of none of them: the beginning of a union.
    pub(super) const NONE: Self = Self {
        min: u64::MAX,
        max: 0,
    };

    pub(super) const fn of(size: u64) -> Self {
        Self {
            min: size,
            max: size,
        }
    }

    pub(super) const fn up_to(max: u64) -> Self {
        Self { min: 0, max }
    }

    pub(super) fn add(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    pub(super) fn multiply(self, other: Self) -> Self {
        Self {
            min: self.min.saturating_mul(other.min),
            max: self.max.saturating_mul(other.max),
        }
    }

    /// What is one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Of nothing at all, where a union had no parts.
    pub(super) const fn or_empty(self, empty: bool) -> Self {
        if empty { Self::of(0) } else { self }
    }
}

/// A number of things of which each costs so much, rounded up.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as the real one reckons; what is too much is the most"
)]
pub(super) fn times(count: u64, each: f64) -> u64 {
    (count as f64 * each).ceil() as u64
}
