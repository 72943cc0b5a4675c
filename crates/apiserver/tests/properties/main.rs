//! What must hold whatever clients do: watches tell all that happened, once and
//! in order, and an acknowledged write survives `kill -9`.
//! `OCMADM_PROPERTY_CASES=200` tries more than the few that are always tried.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod client;
mod crashes;
mod watches;

/// How often a property is tried.
pub(crate) fn cases(few: u64) -> u64 {
    std::env::var("OCMADM_PROPERTY_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(few)
}

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
