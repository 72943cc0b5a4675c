//! Templates of `-o jsonpath=`, in the grammar of kubectl: text, and in braces
//! fields, indices, slices, unions, `..`, filters, quoted text and `range … end`.

use serde_json::Value;

/// A template that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Printed as it is.
    Text(String),
    /// What is found, with blanks between.
    Action(Vec<Step>),
    /// The parts, once for each thing found.
    Range(Vec<Step>, Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Slice {
        from: Option<i64>,
        to: Option<i64>,
        step: Option<i64>,
        one: bool,
    },
    All,
    Below,
    Union(Vec<Vec<Step>>),
    Filter(Vec<Step>, Option<(Compare, Vec<Step>)>),
    Constant(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut blocks = split(text)?.into_iter();
        let parts = parts(&mut blocks, false)?;
        Ok(Self(parts))
    }

    /// The text for an object.
    ///
    /// # Errors
    /// An index outside its list, or things that cannot be compared. What is
    /// missing is no error.
    pub fn render(&self, object: &Value) -> Result<String, String> {
        let mut out = String::new();
        render(&self.0, object, &mut out)?;
        Ok(out)
    }
}

/// A path as `--sort-by` and custom columns take it: without braces, or
/// without the first dot.
///
/// # Errors
/// What is wrong with it.
pub fn relaxed(text: &str) -> Result<Path, String> {
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let inner = inner.unwrap_or(text);
    if inner.is_empty() || inner.contains(['{', '}']) {
        return Err(format!(
            "{text:?} is no path; write one such as .metadata.name"
        ));
    }
    let dotted = match inner.strip_prefix('.') {
        Some(_) => inner.to_owned(),
        None => format!(".{inner}"),
    };
    Ok(Path(steps(&mut Reader::new(&dotted))?))
}

/// A way to values in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// Everything at its end.
    ///
    /// # Errors
    /// An index outside its list, or things that cannot be compared.
    pub fn find(&self, object: &Value) -> Result<Vec<Value>, String> {
        walk(&self.0, vec![object.clone()])
    }
}

/// A value as it is printed: text bare, objects and lists as JSON.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

enum Block {
    Text(String),
    Action(String),
}

/// Text and what stands in braces. Braces within quotes are text.
fn split(template: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        if at > 0 {
            blocks.push(Block::Text(rest[..at].to_owned()));
        }
        let inner = &rest[at + 1..];
        let mut quote = None;
        let mut escaped = false;
        let end = inner.char_indices().find(|(_, c)| {
            if escaped {
                escaped = false;
            } else if *c == '\\' {
                escaped = true;
            } else if quote == Some(*c) {
                quote = None;
            } else if quote.is_none() && matches!(c, '"' | '\'') {
                quote = Some(*c);
            } else if quote.is_none() && *c == '}' {
                return true;
            }
            false
        });
        let (end, _) = end.ok_or_else(|| format!("a brace is not closed: {{{inner}"))?;
        blocks.push(Block::Action(inner[..end].to_owned()));
        rest = &inner[end + 1..];
    }
    if !rest.is_empty() {
        blocks.push(Block::Text(rest.to_owned()));
    }
    Ok(blocks)
}

fn parts(blocks: &mut std::vec::IntoIter<Block>, in_range: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    loop {
        let action = match blocks.next() {
            Some(Block::Text(text)) => {
                parts.push(Part::Text(text));
                continue;
            }
            Some(Block::Action(action)) => action,
            None if in_range => return Err("{range} has no {end}".to_owned()),
            None => return Ok(parts),
        };
        let trimmed = action.trim();
        if trimmed == "end" {
            return match in_range {
                true => Ok(parts),
                false => Err("{end} has no {range}".to_owned()),
            };
        }
        let over = trimmed.strip_prefix("range");
        match over.filter(|over| !over.starts_with(|c: char| c.is_ascii_alphanumeric())) {
            Some(over) => {
                let over = steps(&mut Reader::new(over))?;
                parts.push(Part::Range(over, self::parts(blocks, true)?));
            }
            None => parts.push(Part::Action(steps(&mut Reader::new(trimmed))?)),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Up to the bracket that closes the one before, and over it.
    fn bracket(&mut self) -> Result<&'a str, String> {
        let (mut depth, mut quote) = (1_u32, None);
        for (at, c) in self.rest.char_indices() {
            if let Some(open) = quote {
                if c == open {
                    quote = None;
                }
                continue;
            }
            match c {
                '"' | '\'' => quote = Some(c),
                '[' => depth += 1,
                ']' => {
                    depth -= 1;
                    if depth == 0 {
                        let inner = self.take(at);
                        self.take(1);
                        return Ok(inner);
                    }
                }
                _ => {}
            }
        }
        Err(format!("a bracket is not closed: [{}", self.rest))
    }

    /// A field's name; a backslash makes the next character part of it.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = characters.next() {
            if c == '\\' {
                name.extend(characters.next().map(|(_, c)| c));
            } else if c.is_whitespace() || ".,[]$@{}".contains(c) {
                end = at;
                break;
            } else {
                name.push(c);
            }
        }
        self.take(end);
        name
    }

    /// Text in quotes, the first of which is there.
    fn quoted(&mut self) -> Result<String, String> {
        let whole = self.rest;
        let mut characters = whole.char_indices();
        let open = characters.next().map(|(_, c)| c);
        let mut out = String::new();
        while let Some((at, c)) = characters.next() {
            if Some(c) == open {
                self.take(at + 1);
                return Ok(out);
            }
            match c {
                '\\' => out.extend(characters.next().map(|(_, c)| match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                })),
                other => out.push(other),
            }
        }
        Err(format!("a quote is not closed: {whole}"))
    }
}

fn steps(reader: &mut Reader<'_>) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    while let Some(c) = reader.rest.chars().next() {
        match c {
            ' ' | '\t' | '\n' | '@' | '$' => {
                reader.take(1);
            }
            '.' if reader.rest.starts_with("..") => {
                // `..name` is everything below, then its field.
                reader.take(2);
                steps.push(Step::Below);
                if reader
                    .rest
                    .starts_with(|c: char| !c.is_whitespace() && c != '[')
                {
                    steps.push(field(reader.name()));
                }
            }
            '.' => {
                reader.take(1);
                let name = reader.name();
                // `.` alone is the object itself; `.[0]` is `[0]`.
                if !name.is_empty() {
                    steps.push(field(name));
                }
            }
            '[' => {
                reader.take(1);
                let inner = reader.bracket()?;
                steps.push(bracket(inner.trim())?);
            }
            '"' | '\'' => steps.push(Step::Constant(Value::String(reader.quoted()?))),
            '+' | '-' | '0'..='9' => {
                let end = reader
                    .rest
                    .find(|c: char| c != '.' && c != '+' && c != '-' && !c.is_ascii_alphanumeric())
                    .unwrap_or(reader.rest.len());
                let number = reader.take(end);
                let value = serde_json::from_str(number.trim_start_matches('+'))
                    .map_err(|_| format!("{number} is no number"))?;
                steps.push(Step::Constant(value));
            }
            c if c.is_alphanumeric() => match reader.name().as_str() {
                "true" => steps.push(Step::Constant(true.into())),
                "false" => steps.push(Step::Constant(false.into())),
                other => {
                    return Err(format!(
                        "unknown word {other:?}; fields begin with a dot: {{.{other}}}"
                    ));
                }
            },
            other => return Err(format!("{other:?} does not belong there")),
        }
    }
    Ok(steps)
}

fn field(name: String) -> Step {
    if name == "*" {
        Step::All
    } else {
        Step::Field(name)
    }
}

/// What stands in brackets.
fn bracket(inner: &str) -> Result<Step, String> {
    if inner == "*" {
        return Ok(Step::All);
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        return filter_of(filter);
    }
    let members = outside_quotes(inner, ',');
    if members.len() > 1 {
        let union: Result<Vec<_>, String> = members
            .into_iter()
            .map(|member| Ok(vec![bracket(member.trim())?]))
            .collect();
        return Ok(Step::Union(union?));
    }
    if inner.starts_with(['\'', '"']) {
        let mut reader = Reader::new(inner);
        let name = reader.quoted()?;
        return match reader.rest.is_empty() {
            true => Ok(Step::Field(name)),
            false => Err(format!("{inner:?} is no name")),
        };
    }
    let numbers: Result<Vec<Option<i64>>, _> = inner
        .split(':')
        .map(|number| match number.trim() {
            "" => Ok(None),
            number => number.parse().map(Some),
        })
        .collect();
    match numbers.as_deref() {
        Ok([Some(at)]) => Ok(Step::Slice {
            from: Some(*at),
            to: None,
            step: None,
            one: true,
        }),
        Ok([from, to, rest @ ..]) if rest.len() < 2 => Ok(Step::Slice {
            from: *from,
            to: *to,
            step: rest.first().copied().flatten(),
            one: false,
        }),
        _ => Err(format!("invalid array index {inner:?}")),
    }
}

fn outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quote = None;
    text.split(|c: char| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        quote.is_none() && c == separator
    })
    .collect()
}

fn filter_of(text: &str) -> Result<Step, String> {
    const SIGNS: [(&str, Compare); 6] = [
        ("==", Compare::Equal),
        ("!=", Compare::NotEqual),
        ("<=", Compare::LessOrEqual),
        (">=", Compare::GreaterOrEqual),
        ("<", Compare::Less),
        (">", Compare::Greater),
    ];
    let mut quote = None;
    let at = text.char_indices().find(|(_, c)| {
        match quote {
            Some(open) if *c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(*c),
            _ => {}
        }
        quote.is_none() && matches!(c, '=' | '!' | '<' | '>')
    });
    let side = |text: &str| steps(&mut Reader::new(text.trim()));
    let Some((at, _)) = at else {
        return Ok(Step::Filter(side(text)?, None));
    };
    let sign = SIGNS
        .into_iter()
        .find(|(sign, _)| text[at..].starts_with(sign));
    let (sign, compare) = sign
        .ok_or_else(|| format!("the filter {text:?} compares with none of ==, !=, <, <=, >, >="))?;
    let right = side(&text[at + sign.len()..])?;
    Ok(Step::Filter(side(&text[..at])?, Some((compare, right))))
}

fn render(parts: &[Part], object: &Value, out: &mut String) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Action(steps) => {
                let found = walk(steps, vec![object.clone()])?;
                let texts: Vec<String> = found.iter().map(text).collect();
                out.push_str(&texts.join(" "));
            }
            Part::Range(over, parts) => {
                for each in walk(over, vec![object.clone()])? {
                    render(parts, &each, out)?;
                }
            }
        }
    }
    Ok(())
}

fn walk(steps: &[Step], mut values: Vec<Value>) -> Result<Vec<Value>, String> {
    for step in steps {
        let mut next = Vec::new();
        match step {
            // Stands for itself, whatever was found before.
            Step::Constant(value) => next.push(value.clone()),
            Step::Below => values.iter().for_each(|value| below(value, &mut next)),
            _ => {
                for value in &values {
                    advance(step, value, &mut next)?;
                }
            }
        }
        values = next;
    }
    Ok(values)
}

fn advance(step: &Step, value: &Value, out: &mut Vec<Value>) -> Result<(), String> {
    match step {
        Step::Constant(_) | Step::Below => {}
        Step::Field(name) => {
            if let Value::Object(map) = value {
                out.extend(map.get(name).cloned());
            }
        }
        Step::All => out.extend(children(value).cloned()),
        Step::Union(members) => {
            for member in members {
                out.extend(walk(member, vec![value.clone()])?);
            }
        }
        Step::Slice {
            from,
            to,
            step,
            one,
        } => match value {
            Value::Array(items) => out.extend(slice(items, *from, *to, *step, *one)?),
            Value::Null => {}
            other => return Err(format!("{} is no list", short(other))),
        },
        Step::Filter(left, compare) => {
            let items = match value {
                Value::Array(items) => items,
                Value::Null => return Ok(()),
                other => {
                    return Err(format!(
                        "{} is no list and cannot be filtered",
                        short(other)
                    ));
                }
            };
            for item in items {
                if passes(item, left, compare.as_ref())? {
                    out.push(item.clone());
                }
            }
        }
    }
    Ok(())
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// A value that has children, and all such values below it.
fn below(value: &Value, out: &mut Vec<Value>) {
    if children(value).next().is_none() {
        return;
    }
    out.push(value.clone());
    children(value).for_each(|child| below(child, out));
}

fn slice(
    items: &[Value],
    from: Option<i64>,
    to: Option<i64>,
    step: Option<i64>,
    one: bool,
) -> Result<Vec<Value>, String> {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let from_end = |at: i64| if at < 0 { at + length } else { at };
    let first = from_end(from.unwrap_or(0));
    let end = match (one, to) {
        (true, _) => first + 1,
        (false, to) => from_end(to.unwrap_or(length)),
    };
    if first == end {
        return Ok(Vec::new());
    }
    for (at, inside) in [
        (first, (0..length).contains(&first)),
        (end - 1, (0..=length).contains(&end)),
    ] {
        if !inside {
            return Err(format!(
                "array index out of bounds: index {at}, length {length}"
            ));
        }
    }
    if first > end {
        return Err(format!(
            "starting index {first} is greater than ending index {end}"
        ));
    }
    let step = match step.map(usize::try_from) {
        None => 1,
        Some(Ok(step)) if step > 0 => step,
        Some(_) => return Err("step must be > 0".to_owned()),
    };
    // Both lie within the list.
    let bound = |at: i64| usize::try_from(at).unwrap_or_default();
    let chosen = items[bound(first)..bound(end)].iter().step_by(step);
    Ok(chosen.cloned().collect())
}

fn passes(
    item: &Value,
    left: &[Step],
    compare: Option<&(Compare, Vec<Step>)>,
) -> Result<bool, String> {
    let left = walk(left, vec![item.clone()])?;
    let Some((compare, right)) = compare else {
        return Ok(!left.is_empty());
    };
    let right = walk(right, vec![item.clone()])?;
    let (left, right) = match (&left[..], &right[..]) {
        ([left], [right]) => (left, right),
        ([], _) | (_, []) => return Ok(false),
        _ => return Err("can only compare one element at a time".to_owned()),
    };
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left
            .as_f64()
            .zip(right.as_f64())
            .map(|(left, right)| left.total_cmp(&right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let order =
        order.ok_or_else(|| format!("{} cannot be compared with {}", short(left), short(right)))?;
    Ok(match compare {
        Compare::Equal => order.is_eq(),
        Compare::NotEqual => order.is_ne(),
        Compare::Less => order.is_lt(),
        Compare::LessOrEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterOrEqual => order.is_ge(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({
            "kind": "List",
            "items": [
                {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "a"}},
                 "status": {"capacity": {"cpu": "4"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}]}},
                {"kind": "None", "metadata": {"name": "127.0.0.2"}, "ready": true,
                 "status": {"capacity": {"cpu": "8"}, "addresses": [
                    {"type": "LegacyHostIP", "address": "127.0.0.2"}, {"type": "another", "address": "127.0.0.3"}]}},
            ],
            "users": [{"name": "myself", "user": {}}, {"name": "e2e", "n": 3, "user": {"username": "admin"}}],
        })
    }

    /// Templates of kubectl's documentation and what kubectl says to them.
    #[test]
    fn templates_mean_what_they_mean_to_kubectl() {
        let cases = [
            ("kind is {.kind}", "kind is List"),
            ("{['kind']}", "List"),
            ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
            ("{.items[*]['metadata.name', 'kind']}", "None None"),
            (
                "{.items[*].metadata['name','labels']}",
                "127.0.0.1 {\"kubernetes.io/hostname\":\"a\"} 127.0.0.2",
            ),
            ("{..name}", "127.0.0.1 127.0.0.2 myself e2e"),
            ("{.users[?(@.name==\"e2e\")].user.username}", "admin"),
            ("{.users[?(@.n>=3)].name}", "e2e"),
            ("{.users[?(@.n)].name}", "e2e"),
            ("{.users[?(@.name!='e2e')].name}", "myself"),
            ("{.items[?(@.ready==true)].metadata.name}", "127.0.0.2"),
            (
                "{range .items[*]}[{.metadata.name}, {.status.capacity.cpu}] {end}",
                "[127.0.0.1, 4] [127.0.0.2, 8] ",
            ),
            (
                "{range .items[*]}{.metadata.name}{'\\t'}{range .status.addresses[*]}{.type}{\",\"}{end}{\"\\n\"}{end}",
                "127.0.0.1\tLegacyHostIP,\n127.0.0.2\tLegacyHostIP,another,\n",
            ),
            (r"{.items[0].metadata.labels.kubernetes\.io/hostname}", "a"),
            ("{.items[0].metadata.labels['kubernetes.io/hostname']}", "a"),
            ("{.items[-1].metadata.name}", "127.0.0.2"),
            ("{.items[0:1].metadata.name}", "127.0.0.1"),
            ("{.items[::2].metadata.name}", "127.0.0.1"),
            ("{.items[0,1].metadata.name}", "127.0.0.1 127.0.0.2"),
            ("{.items[0].missing}", ""),
            (
                "{.users[1]}",
                "{\"n\":3,\"name\":\"e2e\",\"user\":{\"username\":\"admin\"}}",
            ),
            ("{$.kind}{@.kind}", "ListList"),
            (".kind", ".kind"),
            ("{.users[0]['name']}{\"}\"}", "myself}"),
        ];
        for (template, expected) in cases {
            let said = Template::parse(template).and_then(|t| t.render(&object()));
            assert_eq!(said.as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("{.kind", "is not closed"),
            ("{.items[0}", "is not closed"),
            ("{kind}", "{.kind}"),
            ("{range .items[*]}", "has no {end}"),
            ("{end}", "has no {range}"),
            ("{.items[a]}", "invalid array index"),
            ("{.items[?(@.a=1)]}", "==, !="),
            (
                "{.items[7].kind}",
                "array index out of bounds: index 7, length 2",
            ),
            ("{.kind[0]}", "is no list"),
            ("{.users[?(@.name>1)]}", "cannot be compared"),
            ("{.items[1:0]}", "greater than ending index"),
            ("{.items[::0]}", "step must be > 0"),
        ];
        for (template, expected) in cases {
            let said = Template::parse(template).and_then(|t| t.render(&object()));
            let error = said.unwrap_err();
            assert!(error.contains(expected), "{template}: {error}");
        }
    }

    #[test]
    fn paths_need_neither_braces_nor_a_dot() {
        for path in [
            "{.users[1].name}",
            ".users[1].name",
            "users[1].name",
            "{users[1].name}",
        ] {
            let found = relaxed(path).and_then(|path| path.find(&object()));
            assert_eq!(found, Ok(vec![json!("e2e")]), "{path}");
        }
        assert!(relaxed("{.a}{.b}").is_err() && relaxed("").is_err());
    }

    #[test]
    fn no_text_makes_it_panic() {
        use proptest::prelude::*;
        let alphabet = prop::sample::select(vec![
            "{", "}", "[", "]", ".", "..", "*", "?(", ")", "@", "'", "\"", "\\", ",", ":", "-1",
            "0", "range ", "end", "items", "name", "==", " ", "é",
        ]);
        let strategy = prop::collection::vec(alphabet, 0..12).prop_map(|parts| parts.concat());
        proptest!(ProptestConfig::with_cases(300), |(text in strategy)| {
            let _ = Template::parse(&text).and_then(|t| t.render(&object()));
            let _ = relaxed(&text).and_then(|path| path.find(&object()));
        });
    }
}
