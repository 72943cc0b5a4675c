//! Makes of what was observed a status that the hub can take. Pure.
//!
//! A hub refuses a status as a whole: one condition of an impossible type, or
//! one value too many, and nobody would hear anything of the work. So bounds are
//! kept here, and what had to be left out is said in a condition of its own;
//! [`minimal`] is for a hub that refuses all the same.

use std::borrow::Cow;

use super::model::{Condition, WorkStatus};
use super::status::{self, Availability, Observed, RuleCondition};

/// A status may be this large (JSON): with the largest spec it still is an
/// object that an API server stores (1.5 MiB).
pub const LIMIT: usize = 900_000;
/// Type of the condition that says what is left out.
pub const TRUNCATED: &str = "StatusTruncated";
/// Messages are shortened to this when there are too many of them.
const SHORT: usize = 1024;
/// And to this when that does not help.
const SHORTEST: usize = 200;
/// About what a manifest takes in the status beside its own texts.
const ENTRY: usize = 620;
/// The same of a value and of a condition.
const PART: usize = 200;
/// Types of conditions that rules cannot have.
const RESERVED: &[&str] = &[
    "Applied",
    "Available",
    "StatusFeedbackSynced",
    "Deleting",
    TRUNCATED,
    status::PRUNED,
    INVALID_RULES,
];
/// Type of the condition that tells of rules that can have none.
const INVALID_RULES: &str = "ConditionRulesValid";

/// What does not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Manifests without their feedback.
    values: usize,
    /// Messages have at most so many bytes.
    messages: Option<usize>,
    /// Manifests that are well have no conditions.
    pub healthy: bool,
}

impl LeftOut {
    /// In words; `None` when everything is there.
    pub fn told(&self, manifests: usize) -> Option<String> {
        let mut parts = Vec::new();
        if self.values > 0 {
            parts.push(format!("the feedback of {} of them", self.values));
        }
        if let Some(length) = self.messages {
            parts.push(format!("what messages have beyond {length} bytes"));
        }
        if self.healthy {
            parts.push("the conditions of those that are well".to_owned());
        }
        (!parts.is_empty()).then(|| {
            format!(
                "The status of {manifests} manifests is too large to be stored. Left out: {}",
                parts.join("; ")
            )
        })
    }
}

/// Keeps the bounds of conditions, and of the whole.
pub fn fit(mut observed: Vec<Observed>, limit: usize) -> (Vec<Observed>, LeftOut) {
    for one in &mut observed {
        one.rules = sound(std::mem::take(&mut one.rules));
    }
    let mut left_out = LeftOut::default();
    let mut size: usize = observed.iter().map(weight).sum();
    if size <= limit {
        return (observed, left_out);
    }
    // The values of those manifests first that have most.
    let mut order: Vec<(usize, usize)> = observed
        .iter()
        .enumerate()
        .map(|(i, one)| (values_weight(one), i))
        .filter(|(weight, _)| *weight > 0)
        .collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, i) in order {
        if size <= limit {
            break;
        }
        let feedback = &mut observed[i].feedback;
        let before = weight_of(feedback);
        feedback.values.clear();
        feedback.errors =
            vec!["the values are left out, as the status of the work is too large".to_owned()];
        left_out.values += 1;
        size = size - before + weight_of(&observed[i].feedback);
    }
    for length in [SHORT, SHORTEST] {
        if size <= limit {
            return (observed, left_out);
        }
        left_out.messages = Some(length);
        for one in &mut observed {
            shorten(one, length);
        }
        size = observed.iter().map(weight).sum();
    }
    left_out.healthy = size > limit;
    (observed, left_out)
}

fn values_weight(one: &Observed) -> usize {
    if one.feedback.values.is_empty() {
        return 0;
    }
    weight_of(&one.feedback)
}

fn weight_of(feedback: &status::Feedback) -> usize {
    let values: usize = feedback
        .values
        .iter()
        .map(|value| {
            let field = &value.field_value;
            let text = field.string.as_deref().or(field.json_raw.as_deref());
            PART / 2 + length(&value.name) + text.map_or(0, length)
        })
        .sum();
    values + feedback.errors.iter().map(|e| length(e)).sum::<usize>()
}

/// About how many bytes of the status are this manifest's.
fn weight(one: &Observed) -> usize {
    let meta = &one.meta;
    let names = [
        &meta.group,
        &meta.version,
        &meta.kind,
        &meta.resource,
        &meta.name,
        &meta.namespace,
    ];
    let mut size = ENTRY + names.into_iter().map(String::len).sum::<usize>();
    if let Err(failure) = &one.applied {
        size += length(&failure.message);
    }
    if let Availability::Unknown(error) = &one.availability {
        size += length(error);
    }
    for rule in &one.rules {
        size += PART + rule.kind.len() + length(&rule.message);
    }
    size + weight_of(&one.feedback)
}

/// The length of a text in JSON.
fn length(text: &str) -> usize {
    let more = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(more).sum::<usize>()
}

fn shorten(one: &mut Observed, length: usize) {
    if let Err(failure) = &mut one.applied {
        cut(&mut failure.message, length);
    }
    if let Availability::Unknown(error) = &mut one.availability {
        cut(error, length);
    }
    for rule in &mut one.rules {
        cut(&mut rule.message, length);
    }
    let mut errors = one.feedback.errors.join(", ");
    if errors.len() > length {
        cut(&mut errors, length);
        one.feedback.errors = vec![errors];
    }
}

/// Cuts a text to `length` bytes, between two characters.
pub fn cut(text: &mut String, length: usize) {
    if text.len() > length {
        let end = (0..=length.saturating_sub('…'.len_utf8()))
            .rev()
            .find(|i| text.is_char_boundary(*i));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
}

/// Rules whose condition has a type that conditions cannot have become one
/// condition that names them.
fn sound(rules: Vec<RuleCondition>) -> Vec<RuleCondition> {
    let (mut good, bad): (Vec<_>, Vec<_>) = rules
        .into_iter()
        .partition(|rule| is_type(&rule.kind) && !RESERVED.contains(&rule.kind.as_str()));
    if bad.is_empty() {
        return good;
    }
    let told: Vec<String> = bad
        .into_iter()
        .map(|mut rule| {
            let reserved = RESERVED.contains(&rule.kind.as_str());
            cut(&mut rule.kind, SHORTEST);
            if reserved {
                format!("{:?} is a condition of the agent itself", rule.kind)
            } else {
                format!("{:?} cannot be the type of a condition", rule.kind)
            }
        })
        .collect();
    good.push(RuleCondition {
        kind: INVALID_RULES.to_owned(),
        status: "False",
        reason: "ConditionRuleInvalid",
        message: format!(
            "{}; use letters, digits, -, _ and . (like Ready or example.com/Ready)",
            told.join("; ")
        ),
    });
    good
}

/// Whether the API takes it as the type of a condition.
fn is_type(kind: &str) -> bool {
    let word = |text: &str, inner: &[u8], upper: bool| {
        let end = |b: u8| {
            b.is_ascii_digit() || b.is_ascii_lowercase() || (upper && b.is_ascii_uppercase())
        };
        let bytes = text.as_bytes();
        match (bytes.first(), bytes.last()) {
            (Some(first), Some(last)) => {
                end(*first) && end(*last) && bytes.iter().all(|b| end(*b) || inner.contains(b))
            }
            _ => false,
        }
    };
    let (prefix, name) = match kind.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, kind),
    };
    kind.len() <= 316
        && prefix.is_none_or(|p| p.split('.').all(|part| word(part, b"-", false)))
        && word(name, b"-_.", true)
}

/// A status for a hub that refuses `wanted` with these `words`: what it says of
/// the work and, unless `nothing_else`, whether each manifest is applied and there.
/// `old` is the status that the hub has.
pub fn minimal(
    old: &WorkStatus,
    wanted: &WorkStatus,
    words: &str,
    nothing_else: bool,
    now: &str,
) -> WorkStatus {
    let short = |condition: &Condition| {
        let mut message = condition.message.to_string();
        cut(&mut message, SHORTEST);
        Condition {
            message: Cow::Owned(message),
            ..condition.clone()
        }
    };
    let kept = |condition: &&Condition| {
        matches!(
            condition.kind.as_ref(),
            "Applied" | "Available" | "Complete" | "Deleting"
        )
    };
    let mut less = WorkStatus {
        conditions: wanted.conditions.iter().filter(kept).map(short).collect(),
        ..WorkStatus::default()
    };
    if !nothing_else {
        for manifest in &wanted.resource_status.manifests {
            let mut manifest = manifest.clone();
            manifest.status_feedback.values.clear();
            manifest.conditions = manifest.conditions.iter().filter(kept).map(short).collect();
            less.resource_status.manifests.push(manifest);
        }
    }
    let mut words = words.to_owned();
    cut(&mut words, SHORT);
    let left_out = if nothing_else {
        "what there is to say of single manifests"
    } else {
        "feedback, conditions by rules, and what messages have beyond 200 bytes"
    };
    less.conditions.push(Condition {
        kind: TRUNCATED.into(),
        status: "True".into(),
        reason: "StatusRefused".into(),
        message: format!("The hub refuses the status: {words} (left out: {left_out})").into(),
        last_transition_time: old
            .conditions
            .iter()
            .find(|c| c.kind == TRUNCATED && c.status == "True")
            .map_or_else(|| now.to_owned(), |c| c.last_transition_time.clone()),
        observed_generation: None,
    });
    less
}

/// Whether the hub will never take this, however often it is sent.
pub fn is_refusal(status: &kube::core::Status) -> bool {
    matches!(status.code, 400 | 413 | 422) || status.message.contains("too large")
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
