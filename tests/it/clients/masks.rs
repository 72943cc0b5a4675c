//! What differs from run to run is put out of sight: times, ages, uids, random
//! names, addresses, and the widths of columns that hold them.

use regex::Regex;

/// Patterns and what stands in their place, in this order.
const MASKS: &[(&str, &str)] = &[
    // Progress, which depends on the moment.
    (r"(?m)^(Waiting for|waiting for) .*\n", ""),
    (r"(?m)^[WIE]\d{4} \d\d:\d\d:\d\d.*\n", ""),
    (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
        "<time>",
    ),
    (
        r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
        "<time>",
    ),
    (
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "<uid>",
    ),
    (r#"(?m)(resourceVersion"?: ?)"?\d+"?"#, "${1}<version>"),
    (r"(?m)(Resource Version: +)\d+", "${1}<version>"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<token>"),
    (r"https://[\w.-]+:\d+", "<server>"),
    (r"10\.\d+\.\d+\.\d+", "<ip>"),
    (r"\b127\.0\.0\.1(:\d+)?\b", "<address>"),
    (r"/tmp/[\w./-]+", "<path>"),
    (r"X509SHA256=[0-9a-f]{64}", "X509SHA256=<hash>"),
    // Quoted whole by the one, as patched by the other: a known difference.
    (r#"(patch: Invalid value: )".*": "#, "${1}<object>: "),
    // Names with a hash of the pods' template, or random ones.
    (
        r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}(-[bcdfghjklmnpqrstvwxz2456789]{5})?\b",
        "-<hash>",
    ),
    (r"(pod-template-hash[=:]) ?[a-z0-9]+", "${1}<hash>"),
    (
        r"\b(made|again|once|everywhere)-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
        "${1}-<id>",
    ),
    // Ages, where they stand for themselves.
    (
        r"(?m)(^|[ (])((\d+[smhd]){1,2}|<unknown>|<invalid>)( |\)|,|$)",
        "${1}<age>${4}",
    ),
    // Columns are as wide as what they hold.
    (r"(?m)(\S)(  +| *\t+ *)", "${1}  "),
    (r"(?m)[ \t]+$", ""),
    (r"(?m)^\n", ""),
];

/// The patterns, compiled once.
pub(super) struct Masks(Vec<(Regex, &'static str)>);

impl Masks {
    pub(super) fn new() -> Self {
        let compiled = MASKS
            .iter()
            .map(|(pattern, by)| (Regex::new(pattern).unwrap(), *by));
        Self(compiled.collect())
    }

    pub(super) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, by) in &self.0 {
            text = pattern.replace_all(&text, *by).into_owned();
        }
        text
    }
}

#[test]
fn only_what_is_random_is_masked() {
    let masks = Masks::new();
    let masked = masks.apply(
        "NAME                   READY   AGE   LABELS\n\
         web-6d4cf56db6-x7x2z   1/1     12s   a=b\n\
         \n\
         web-front              1/1     2d3h  resourceVersion: \"12\"\n",
    );
    assert_eq!(
        masked,
        "NAME  READY  AGE  LABELS\n\
         web-<hash>  1/1  <age>  a=b\n\
         web-front  1/1  <age>  resourceVersion: <version>\n"
    );
}
