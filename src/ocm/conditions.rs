//! Conditions in a status: find them, set them, and keep their transition times.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The status of a condition that holds.
pub const TRUE: &str = "True";
/// The status of a condition that does not hold.
pub const FALSE: &str = "False";
/// The status of a condition nothing is known about.
pub const UNKNOWN: &str = "Unknown";

/// A condition that changed just now.
pub fn condition(type_: &str, status: &str, reason: &str, message: impl Into<String>) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
        last_transition_time: now(),
        observed_generation: None,
    }
}

/// The present, in whole seconds as Kubernetes writes it.
pub fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// The condition of a type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The status of a condition; `Unknown` when it is absent.
pub fn status<'a>(conditions: &'a [Condition], type_: &str) -> &'a str {
    find(conditions, type_).map_or(UNKNOWN, |condition| condition.status.as_str())
}

/// Whether the condition is there and True.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == TRUE)
}

/// Whether the condition is there and False.
pub fn is_false(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == FALSE)
}

/// Adds or replaces a condition and says whether anything but the time changed.
///
/// The transition time is kept as long as the status stays the same. A new
/// condition without an observed generation clears that of the old one.
pub fn set(conditions: &mut Vec<Condition>, mut new: Condition) -> bool {
    let Some(old) = conditions.iter_mut().find(|old| old.type_ == new.type_) else {
        conditions.push(new);
        return true;
    };
    if old.status == new.status {
        new.last_transition_time = old.last_transition_time.clone();
    }
    if *old == new {
        return false;
    }
    *old = new;
    true
}

/// Removes a condition and says whether it was there.
pub fn remove(conditions: &mut Vec<Condition>, type_: &str) -> bool {
    let before = conditions.len();
    conditions.retain(|condition| condition.type_ != type_);
    conditions.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, mut condition: Condition) -> Condition {
        condition.last_transition_time = Time(Timestamp::from_second(second).unwrap());
        condition
    }

    #[test]
    fn transition_time_moves_with_the_status_only() {
        let mut conditions = vec![at(1, condition("A", TRUE, "R", "m"))];
        assert!(set(
            &mut conditions,
            at(2, condition("A", TRUE, "Other", "m"))
        ));
        assert_eq!(conditions[0].last_transition_time.0.as_second(), 1);
        assert_eq!(conditions[0].reason, "Other");
        assert!(set(
            &mut conditions,
            at(3, condition("A", FALSE, "Other", "m"))
        ));
        assert_eq!(conditions[0].last_transition_time.0.as_second(), 3);
    }

    #[test]
    fn same_condition_is_no_change() {
        let mut conditions = vec![at(1, condition("A", TRUE, "R", "m"))];
        assert!(!set(&mut conditions, at(9, condition("A", TRUE, "R", "m"))));
        assert_eq!(conditions.len(), 1);
        assert!(set(&mut conditions, condition("B", UNKNOWN, "R", "")));
        assert_eq!(conditions.len(), 2);
    }

    #[test]
    fn absent_conditions_are_unknown_and_neither_true_nor_false() {
        let mut conditions = vec![condition("A", FALSE, "R", "m")];
        assert!(is_false(&conditions, "A") && !is_true(&conditions, "A"));
        assert!(!is_false(&conditions, "B") && !is_true(&conditions, "B"));
        assert_eq!(status(&conditions, "B"), UNKNOWN);
        assert!(remove(&mut conditions, "A") && !remove(&mut conditions, "A"));
        assert!(find(&conditions, "A").is_none());
    }

    #[test]
    fn now_has_whole_seconds() {
        assert_eq!(now().0.subsec_nanosecond(), 0);
    }
}
