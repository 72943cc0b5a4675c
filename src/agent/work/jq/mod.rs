//! The part of jq that names fields to ignore (protocol-work 2.7,
//! `jqPathExpressions`): paths, `select` with conditions, and the functions that
//! conditions are made of. All of it ends: there are no definitions, loops or
//! variables, and what it may cost is bounded, as expressions come from the hub
//! and are evaluated on the managed cluster. Anything else is refused, with what
//! was not understood.

mod eval;
mod parse;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::jsonpath::{Place, Segment, get_mut};

/// Deletes what `expression` names, as jq's `del(expression)`.
///
/// # Errors
/// The expression is malformed, more than this understands, names nothing that
/// can be deleted, or costs too much; the object is as it was then.
pub fn delete(object: &mut Value, expression: &str) -> Result<(), String> {
    let filter = parse::parse(expression)?;
    let mut places = eval::places(&filter, object)?;
    if places.iter().any(Vec::is_empty) {
        return Err("the whole object cannot be deleted".to_owned());
    }
    // From the back, so that indices stay true.
    places.sort();
    places.dedup();
    for place in places.iter().rev() {
        remove(object, place);
    }
    Ok(())
}

fn remove(object: &mut Value, place: &Place) {
    let Some((last, parent)) = place.split_last() else {
        return;
    };
    match (get_mut(object, parent), last) {
        (Some(Value::Object(map)), Segment::Key(key)) => {
            map.remove(key);
        }
        (Some(Value::Array(items)), Segment::Index(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => {}
    }
}
