//! What names, labels and annotation keys may look like, in Kubernetes' words.

use std::sync::LazyLock;

use regex::Regex;

/// A name of a certain form: its pattern, its longest length, its complaint.
pub struct Form {
    pattern: LazyLock<Option<Regex>>,
    longest: usize,
    complaint: &'static str,
}

macro_rules! form {
    ($pattern:expr, $longest:expr, $complaint:expr) => {
        Form {
            pattern: LazyLock::new(|| Regex::new(concat!("^(?:", $pattern, ")$")).ok()),
            longest: $longest,
            complaint: concat!(
                $complaint,
                ", regex used for validation is '",
                $pattern,
                "')"
            ),
        }
    };
}

/// A DNS label, such as the name of a namespace.
pub static LABEL: Form = form!(
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    63,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc'"
);

/// A DNS name, as most objects have.
pub static SUBDOMAIN: Form = form!(
    "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    253,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com'"
);

/// The value of a label.
pub static LABEL_VALUE: Form = form!(
    "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    63,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345'"
);

static CONFIG_KEY: Form = form!(
    "[-._a-zA-Z0-9]+",
    253,
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name'"
);

static NAME_PART: Form = form!(
    "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    63,
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc'"
);

impl Form {
    /// What is wrong with a text; nothing when it has the form.
    pub fn complaints(&self, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        if text.len() > self.longest {
            // Kubernetes counts the same in two words.
            let of_labels = [&LABEL_VALUE, &NAME_PART]
                .iter()
                .any(|form| std::ptr::eq(self, *form));
            let unit = if of_labels { "bytes" } else { "characters" };
            complaints.push(format!("must be no more than {} {unit}", self.longest));
        }
        if !self.pattern.as_ref().is_some_and(|p| p.is_match(text)) {
            let dots = std::ptr::eq(self, &LABEL) && SUBDOMAIN.fits(text);
            complaints.push(if dots {
                "must not contain dots".to_owned()
            } else {
                self.complaint.to_owned()
            });
        }
        complaints
    }

    /// Whether a text has the form.
    pub fn fits(&self, text: &str) -> bool {
        self.complaints(text).is_empty()
    }
}

/// The key of a label or annotation: `prefix.example/name`.
pub fn qualified(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec!["a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')".to_owned()];
        }
        Some(("", name)) => {
            complaints.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            let wrong = SUBDOMAIN.complaints(prefix);
            complaints.extend(wrong.iter().map(|what| {
                let what = what.replace("no more than 253 characters", "no more than 253 bytes");
                format!("prefix part {what}")
            }));
            name
        }
    };
    if name.is_empty() {
        complaints.push("name part must be non-empty".to_owned());
    }
    let wrong = NAME_PART.complaints(name);
    complaints.extend(wrong.iter().map(|what| format!("name part {what}")));
    complaints
}

/// A key in a ConfigMap or Secret.
pub fn config_key(text: &str) -> Vec<String> {
    let mut complaints = CONFIG_KEY.complaints(text);
    match text {
        "." | ".." => complaints.push(format!("must not be '{text}'")),
        text if text.starts_with("..") => complaints.push("must not start with '..'".to_owned()),
        _ => {}
    }
    complaints
}

/// A name that is a part of a path, as roles have.
pub fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|bad| text.contains(**bad))
        .map(|bad| format!("may not contain '{bad}'"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (form, text, good) in [
            (&LABEL, "a-1", true),
            (&LABEL, "a.1", false),
            (&LABEL, "A", false),
            (&LABEL, "-a", false),
            (&SUBDOMAIN, "a.b-c.1", true),
            (&SUBDOMAIN, "a..b", false),
            (&LABEL_VALUE, "", true),
            (&LABEL_VALUE, "A_b.c", true),
            (&LABEL_VALUE, "a b", false),
            (&CONFIG_KEY, "a/b", false),
        ] {
            assert_eq!(form.fits(text), good, "{text}");
        }
        assert!(!LABEL.fits(&"a".repeat(64)));
        assert!(SUBDOMAIN.complaints("A")[0].ends_with(
            r"regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        ));
        for (key, good) in [
            ("app", true),
            ("a.example/app", true),
            ("a/b/c", false),
            ("/a", false),
            ("A/b", false),
            ("a/", false),
            ("a b", false),
        ] {
            assert_eq!(qualified(key).is_empty(), good, "{key}");
        }
        assert_eq!(LABEL.complaints("a.b"), ["must not contain dots"]);
        assert_eq!(config_key("a..b"), Vec::<String>::new());
        assert_eq!(config_key(".."), ["must not be '..'"]);
        assert_eq!(config_key("..a"), ["must not start with '..'"]);
        assert_eq!(path_segment("a:b"), Vec::<String>::new());
        assert_eq!(path_segment("a/b"), ["may not contain '/'"]);
    }
}
