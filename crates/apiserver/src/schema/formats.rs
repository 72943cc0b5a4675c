//! The string formats that Kubernetes checks. A format it does not know is no
//! rule at all.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use base64::Engine as _;
use regex::Regex;

use crate::types::quantity;

/// Whether a text has a format.
pub(super) fn matches(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => is_date_time(text),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "duration" => is_duration(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(format, text),
        "byte" => base64::engine::general_purpose::STANDARD
            .decode(text)
            .is_ok(),
        "hostname" => is_hostname(text),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "uri" => regex(&URI).is_some_and(|uri| uri.is_match(text)),
        "mac" => is_mac(text),
        "quantity" => quantity::canonical(text).is_some(),
        _ => true,
    }
}

type Lazy = LazyLock<Option<Regex>>;

static URI: Lazy = LazyLock::new(|| Regex::new("^([A-Za-z][A-Za-z0-9+.-]*:\\S+|/\\S*)$").ok());
static DATE_TIME: Lazy = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$").ok()
});
static HOSTNAME: Lazy = LazyLock::new(|| {
    Regex::new(r"^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$").ok()
});
static DURATION: Lazy =
    LazyLock::new(|| Regex::new(r"^[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$").ok());
// The library behind Kubernetes also takes "3 days" and "1 week".
static WORDS: Lazy = LazyLock::new(|| {
    Regex::new(r"(?i)^(\d+\s*(ns|nanos?(econds?)?|us|µs|micros?(econds?)?|ms|millis?(econds?)?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)\s*)+$").ok()
});

fn regex(lazy: &'static Lazy) -> Option<&'static Regex> {
    lazy.as_ref()
}

fn is_date_time(text: &str) -> bool {
    regex(&DATE_TIME).is_some_and(|r| r.is_match(text)) && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_duration(text: &str) -> bool {
    [&DURATION, &WORDS]
        .into_iter()
        .any(|r| regex(r).is_some_and(|r| r.is_match(text)))
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let Ok(bits) = bits.parse::<u8>() else {
        return false;
    };
    (address.parse::<Ipv4Addr>().is_ok() && bits <= 32)
        || (address.parse::<Ipv6Addr>().is_ok() && bits <= 128)
}

fn is_uuid(format: &str, text: &str) -> bool {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let plain = hex.len() == 32 && hex.chars().all(|c| c.is_ascii_hexdigit());
    let version = format.strip_prefix("uuid").unwrap_or_default();
    plain && (version.is_empty() || hex.get(12..13) == Some(version))
}

fn is_hostname(text: &str) -> bool {
    text.len() <= 255 && regex(&HOSTNAME).is_some_and(|r| r.is_match(text))
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let hex = |part: &&str| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit());
    matches!(parts.len(), 6 | 8 | 20) && parts.iter().all(hex)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn formats_accept_and_refuse() {
        let table = [
            ("date-time", "2024-01-02T03:04:05Z", "2024-01-02"),
            ("date-time", "2024-01-02T03:04:05.123+01:00", "yesterday"),
            ("date", "2024-01-02", "2024-13-02"),
            ("duration", "1h30m", "1x"),
            ("duration", "3 days", ""),
            ("ipv4", "10.0.0.1", "10.0.0"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
            (
                "uuid4",
                "123e4567-e89b-42d3-a456-426614174000",
                "123e4567-e89b-12d3-a456-426614174000",
            ),
            ("byte", "YQ==", "*"),
            ("hostname", "a.example.com", "-a"),
            ("email", "a@b", "a"),
            ("uri", "https://a/b", "a b"),
            ("quantity", "1.5Gi", "1.5 Gi"),
            ("mac", "00:11:22:33:44:55", "00:11"),
        ];
        for (format, good, bad) in table {
            assert!(matches(format, good), "{format} {good}");
            assert!(!matches(format, bad), "{format} {bad}");
        }
        assert!(matches("of-our-own", "anything"));
    }
}
