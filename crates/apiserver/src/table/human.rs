//! Times and lists as people read them in a table.

use jiff::Timestamp;
use serde_json::Value;

/// The time since a timestamp, as `kubectl` shows ages.
pub fn age(timestamp: &Value, now: Timestamp) -> String {
    match timestamp.as_str() {
        None | Some("") => "<unknown>".to_owned(),
        Some(text) => text.parse().map_or_else(
            |_| "<invalid>".to_owned(),
            |then: Timestamp| duration(now.as_second() - then.as_second()),
        ),
    }
}

/// Seconds in at most two units: `5s`, `3m2s`, `47h`, `5d3h`, `2y10d`.
pub fn duration(seconds: i64) -> String {
    const YEAR: i64 = 365;
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    if seconds < 0 {
        return "0s".to_owned();
    }
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit}{small}{small_unit}")
        }
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 24 * 8 => two(days, "d", hours % 24, "h"),
        () if days < YEAR * 2 => format!("{days}d"),
        () if days < YEAR * 8 => two(days / YEAR, "y", days % YEAR, "d"),
        () => format!("{}y", days / YEAR),
    }
}

/// A map of labels: `a=b,c=d`, or `<none>`.
pub(super) fn labels(map: &Value) -> String {
    let pairs: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    or_none(pairs.join(","))
}

/// A label selector: `a=b,c in (d,e),!f`, or `<none>`.
pub(super) fn selector(selector: &Value) -> String {
    let mut parts: Vec<String> = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for rule in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = rule["key"].as_str().unwrap_or_default();
        let mut values = strings(&rule["values"]);
        values.sort_unstable();
        let values = values.join(",");
        parts.push(match rule["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    or_none(parts.join(","))
}

/// The strings of a list.
pub(super) fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// `<none>` for an empty text.
pub(super) fn or_none(text: String) -> String {
    if text.is_empty() {
        "<none>".to_owned()
    } else {
        text
    }
}

/// The first few of a list, and how many more there are.
pub(super) fn some<S: AsRef<str>>(list: &[S], max: usize) -> String {
    let shown: Vec<&str> = list.iter().take(max).map(AsRef::as_ref).collect();
    let shown = shown.join(",");
    if list.len() > max {
        format!("{shown} + {} more...", list.len() - max)
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_short() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (3600, "60m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 61, "3h1m"),
            (20 * 3600, "20h"),
            (50 * 3600, "2d2h"),
            (9 * 86400, "9d"),
            (800 * 86400, "2y70d"),
            (3650 * 86400, "10y"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn selectors_and_ages() {
        let found = selector(&json!({
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "c", "operator": "In", "values": ["y", "x"]}, {"key": "d", "operator": "DoesNotExist"}],
        }));
        assert_eq!(found, "a=b,c in (x,y),!d");
        assert_eq!(selector(&json!(null)), "<none>");
        let now: Timestamp = "2024-01-01T00:01:00Z".parse().unwrap();
        assert_eq!(age(&json!("2024-01-01T00:00:00Z"), now), "60s");
        assert_eq!(age(&json!(null), now), "<unknown>");
        assert_eq!(age(&json!("x"), now), "<invalid>");
        assert_eq!(some(&["a", "b", "c", "d"], 3), "a,b,c + 1 more...");
    }
}
