//! What names may be made of, in Kubernetes' words. Each function answers the
//! sentences about what is wrong; none means the name is good.

use std::sync::LazyLock;

use regex::Regex;

type Lazy = LazyLock<Option<Regex>>;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

fn subdomain_pattern() -> String {
    format!("{LABEL}(\\.{LABEL})*")
}

fn fits(lazy: &'static Lazy, text: &str) -> bool {
    lazy.as_ref().is_some_and(|regex| regex.is_match(text))
}

fn too_long(max: usize) -> String {
    format!("must be no more than {max} bytes")
}

fn explain(what: &str, examples: &[&str], pattern: &str) -> String {
    let mut text = format!("{what} (e.g. ");
    for (index, example) in examples.iter().enumerate() {
        if index > 0 {
            text.push_str(" or ");
        }
        text.push_str(&format!("'{example}', "));
    }
    text.push_str(&format!("regex used for validation is '{pattern}')"));
    text
}

/// A lower-case RFC 1123 label: the name of a namespace, …
pub fn dns_1123_label(name: &str) -> Vec<String> {
    static PATTERN: Lazy = LazyLock::new(|| whole(LABEL));
    let mut wrong = Vec::new();
    if name.len() > 63 {
        wrong.push(too_long(63));
    }
    if !fits(&PATTERN, name) {
        wrong.push(explain(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            &["my-name", "123-abc"],
            LABEL,
        ));
    }
    wrong
}

/// A lower-case RFC 1123 subdomain: the name of most objects.
pub fn dns_1123_subdomain(name: &str) -> Vec<String> {
    static PATTERN: Lazy = LazyLock::new(|| whole(&subdomain_pattern()));
    let mut wrong = Vec::new();
    if name.len() > 253 {
        wrong.push(too_long(253));
    }
    if !fits(&PATTERN, name) {
        wrong.push(explain(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            &["example.com"],
            &subdomain_pattern(),
        ));
    }
    wrong
}

/// An RFC 1035 label: the name of a service, of a version, …
pub fn dns_1035_label(name: &str) -> Vec<String> {
    static PATTERN: Lazy = LazyLock::new(|| whole(LABEL_1035));
    let mut wrong = Vec::new();
    if name.len() > 63 {
        wrong.push(too_long(63));
    }
    if !fits(&PATTERN, name) {
        wrong.push(explain(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
            &["my-name", "abc-123"],
            LABEL_1035,
        ));
    }
    wrong
}

/// A name that may stand in a path: of roles and their bindings.
pub fn path_segment(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|bad| name.contains(**bad))
        .map(|bad| format!("may not contain '{bad}'"))
        .collect()
}

/// The key of a label, an annotation or a finalizer: `[prefix/]name`.
pub fn qualified_name(key: &str) -> Vec<String> {
    static PATTERN: Lazy = LazyLock::new(|| whole(QUALIFIED));
    let describe = || {
        explain(
            "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            &["MyName", "my.name", "123-abc"],
            QUALIFIED,
        )
    };
    let mut wrong = Vec::new();
    let parts: Vec<&str> = key.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                let found = dns_1123_subdomain(prefix);
                wrong.extend(found.into_iter().map(|why| format!("prefix part {why}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                describe()
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !fits(&PATTERN, name) {
        wrong.push(format!("name part {}", describe()));
    }
    wrong
}

/// The value of a label.
pub fn label_value(value: &str) -> Vec<String> {
    static PATTERN: Lazy = LazyLock::new(|| whole(&format!("({QUALIFIED})?")));
    let mut wrong = Vec::new();
    if value.len() > 63 {
        wrong.push(too_long(63));
    }
    if !fits(&PATTERN, value) {
        wrong.push(explain(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            &["MyValue", "my_value", "12345"],
            &format!("({QUALIFIED})?"),
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_pass_and_bad_ones_do_not() {
        type Rule = fn(&str) -> Vec<String>;
        let table: [(Rule, &str, &str); 8] = [
            (dns_1123_label, "1a-b", "a.b"),
            (dns_1123_subdomain, "a.b-c", "a..b"),
            (dns_1123_subdomain, "a", "A"),
            (dns_1035_label, "a1", "1a"),
            (path_segment, "system:node", "a/b"),
            (qualified_name, "example.com/My.Name", "a/b/c"),
            (qualified_name, "name", "-name"),
            (label_value, "", "a b"),
        ];
        for (rule, good, bad) in table {
            assert!(rule(good).is_empty(), "{good}: {:?}", rule(good));
            assert!(!rule(bad).is_empty(), "{bad}");
        }
        assert_eq!(
            dns_1035_label("A"),
            [
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
            ]
        );
    }
}
