//! Label selectors: the grammar and the words of Kubernetes' own parser.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::builtin::names;
use crate::schema::cause::quote;
use crate::status::Status;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Exists(String),
    Absent(String),
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
    Greater(String, i64),
    Less(String, i64),
}

/// A parsed `labelSelector`: all rules must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Rule>);

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
    pub fn parse(text: &str) -> Result<Self, Status> {
        Parser::new(text).selector().map_err(Status::bad_request)
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object has such labels.
    pub fn matches(&self, object: &Value) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let labels = &object["metadata"]["labels"];
        let label = |key: &str| labels.get(key).and_then(Value::as_str);
        let number = |key: &str| label(key).and_then(|value| value.parse::<i64>().ok());
        self.0.iter().all(|rule| match rule {
            Rule::Exists(key) => label(key).is_some(),
            Rule::Absent(key) => label(key).is_none(),
            Rule::In(key, values) => label(key).is_some_and(|value| values.contains(value)),
            Rule::NotIn(key, values) => label(key).is_none_or(|value| !values.contains(value)),
            Rule::Greater(key, than) => number(key).is_some_and(|n| n > *than),
            Rule::Less(key, than) => number(key).is_some_and(|n| n < *than),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A key, a value, or one of the words `in` and `notin`.
    Word(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> String {
        match self {
            Self::Word(text) => text.clone(),
            Self::Sign(sign) => (*sign).to_owned(),
            Self::End => String::new(),
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(own) if *own == sign)
    }
}

/// Longest first.
const SIGNS: &[&str] = &["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let special = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(blank);
    while !rest.is_empty() {
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        let length = if let Some(sign) = sign {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else {
            let end = rest.find(|c| special(c) || blank(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = rest[length..].trim_start_matches(blank);
    }
    tokens.push(Token::End);
    tokens
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            tokens: tokens(text),
            at: 0,
        }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn selector(&mut self) -> Result<LabelSelector, String> {
        let mut rules = Vec::new();
        loop {
            match self.peek() {
                Token::End => break,
                token if matches!(token, Token::Word(_)) || token.is("!") => {}
                other => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    ));
                }
            }
            let rule = self
                .rule()
                .map_err(|why| format!("unable to parse requirement: {why}"))?;
            rules.push(rule);
            match self.next() {
                Token::End => break,
                token if token.is(",") => {
                    let after = self.peek();
                    if !(matches!(after, Token::Word(_)) || after.is("!")) {
                        return Err(format!(
                            "found '{}', expected: identifier after ','",
                            after.text()
                        ));
                    }
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',' or 'end of string'",
                        other.text()
                    ));
                }
            }
        }
        Ok(LabelSelector(rules))
    }

    fn rule(&mut self) -> Result<Rule, String> {
        let mut token = self.next();
        let absent = token.is("!");
        if absent {
            token = self.next();
        }
        let Token::Word(key) = token else {
            return Err(format!("found '{}', expected: identifier", token.text()));
        };
        let wrong = names::qualified(&key);
        if !wrong.is_empty() {
            return Err(invalid("<nil>", &key, &wrong.join("; ")));
        }
        if absent {
            return Ok(Rule::Absent(key));
        }
        if matches!(self.peek(), Token::End) || self.peek().is(",") {
            return Ok(Rule::Exists(key));
        }
        let operator = self.next().text();
        let values = match operator.as_str() {
            "in" | "notin" => self.values()?,
            "=" | "==" | "!=" | ">" | "<" => BTreeSet::from([self.value()?]),
            other => {
                return Err(format!(
                    "found '{other}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        };
        let mut wrong = Vec::new();
        let mut number = 0;
        if matches!(operator.as_str(), ">" | "<") {
            for value in &values {
                match value.parse() {
                    Ok(parsed) => number = parsed,
                    Err(_) => wrong.push(invalid(
                        "values[0]",
                        value,
                        "for 'Gt', 'Lt' operators, the value must be an integer",
                    )),
                }
            }
        }
        for (index, value) in values.iter().enumerate() {
            let complaints = names::LABEL_VALUE.complaints(value);
            if !complaints.is_empty() {
                let field = format!("values[{index}][{key}]");
                wrong.push(invalid(&field, value, &complaints.join("; ")));
            }
        }
        match wrong.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            several => return Err(format!("[{}]", several.join(", "))),
        }
        Ok(match operator.as_str() {
            "notin" | "!=" => Rule::NotIn(key, values),
            ">" => Rule::Greater(key, number),
            "<" => Rule::Less(key, number),
            _ => Rule::In(key, values),
        })
    }

    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End) || self.peek().is(",") {
            return Ok(String::new());
        }
        match self.next() {
            Token::Word(value) => Ok(value),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let open = self.next();
        if !open.is("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        let mut values = BTreeSet::new();
        if self.peek().is(")") {
            self.next();
            values.insert(String::new());
            return Ok(values);
        }
        if !matches!(self.peek(), Token::Word(_)) && !self.peek().is(",") {
            return Err(format!(
                "found '{}', expected: ',', ')' or identifier",
                self.peek().text()
            ));
        }
        loop {
            match self.next() {
                Token::Word(value) => {
                    values.insert(value);
                    if self.peek().is(")") {
                        break;
                    }
                    if !self.peek().is(",") {
                        return Err(format!(
                            "found '{}', expected: ',' or ')'",
                            self.peek().text()
                        ));
                    }
                }
                token if token.is(",") => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    if self.peek().is(")") {
                        values.insert(String::new());
                        break;
                    }
                    if self.peek().is(",") {
                        values.insert(String::new());
                    }
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',', or identifier",
                        other.text()
                    ));
                }
            }
        }
        self.next();
        Ok(values)
    }
}

fn invalid(field: &str, value: &str, why: &str) -> String {
    format!("{field}: Invalid value: {}: {why}", quote(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected() {
        let object =
            json!({"metadata": {"labels": {"app": "web", "tier": "front", "n": "5", "e": ""}}});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app!=web", false),
            ("missing!=web", true),
            ("app in (web, db)", true),
            ("app notin (web,db)", false),
            ("missing notin (web)", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("n>4", true),
            ("n<4", false),
            ("e=", true),
            ("missing=", false),
            ("example.com/a.b!=x , app", true),
        ] {
            let parsed =
                LabelSelector::parse(selector).unwrap_or_else(|e| panic!("{selector}: {e}"));
            assert_eq!(parsed.matches(&object), expected, "{selector}");
        }
        for selector in ["a in (b", "a b", "=x", "a=b c", ",", "a>b"] {
            assert_eq!(
                LabelSelector::parse(selector).unwrap_err().code,
                400,
                "{selector}"
            );
        }
    }

    #[test]
    fn words_are_those_of_kubernetes() {
        for (text, why) in [
            (
                "==",
                "found '==', expected: !, identifier, or 'end of string'",
            ),
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            ("a,", "found '', expected: identifier after ','"),
            (
                "a in (b",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            (
                "a in b",
                "unable to parse requirement: found 'b' expected: '('",
            ),
            (
                "!",
                "unable to parse requirement: found '', expected: identifier",
            ),
            (
                "a like b",
                "unable to parse requirement: found 'like', expected: in, notin, =, ==, !=, gt, lt",
            ),
            (
                "a>x",
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
        ] {
            assert_eq!(
                LabelSelector::parse(text).unwrap_err().message,
                why,
                "{text}"
            );
        }
    }

    #[test]
    fn empty_members_and_words_as_values() {
        let object = json!({"metadata": {"labels": {"a": "in", "b": ""}}});
        for (text, matches) in [
            ("a=in", true),
            ("a in (in,notin)", true),
            ("b in (,x)", true),
            ("b in ()", true),
            ("b=", true),
            ("c!=", true),
            ("!a", false),
            ("", true),
            (" a = in , b ", true),
        ] {
            let selector = LabelSelector::parse(text).unwrap();
            assert_eq!(selector.matches(&object), matches, "{text}");
        }
    }
}
