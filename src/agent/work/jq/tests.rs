use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::delete;

/// What expressions are tried on.
fn object() -> Value {
    json!({
        "metadata": {"name": "n", "annotations": {"a/b": "1", "team.x": "2", "c": "3"}},
        "spec": {
            "replicas": 1,
            "containers": [
                {"name": "app", "image": "app:1", "env": [
                    {"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
                {"name": "sidecar-proxy", "image": "proxy:2", "env": [], "ports": [
                    {"port": 80}, {"port": 8080}, {"port": 443}]},
                {"name": "sidecar-log", "image": "Log:3", "env": null},
            ],
            "tags": ["x", "y", "x"],
        },
        "rules": [{"clientConfig": {"caBundle": "abc"}}, {"clientConfig": null}, {}],
    })
}

/// An expression, and which places it deletes.
const CASES: &[(&str, &[&str])] = &[
    (".spec.replicas", &["/spec/replicas"]),
    (".spec[\"replicas\"]", &["/spec/replicas"]),
    (".spec.\"replicas\"", &["/spec/replicas"]),
    (". | .spec | .replicas", &["/spec/replicas"]),
    (".spec.containers[0].env[1]", &["/spec/containers/0/env/1"]),
    (".spec.containers[-1]", &["/spec/containers/2"]),
    (".spec.containers[7]", &[]),
    (".spec.missing.more", &[]),
    (
        ".spec.tags[]",
        &["/spec/tags/2", "/spec/tags/1", "/spec/tags/0"],
    ),
    (
        ".spec.tags[] | select(. == \"x\")",
        &["/spec/tags/2", "/spec/tags/0"],
    ),
    (
        ".spec.replicas, .spec.tags",
        &["/spec/replicas", "/spec/tags"],
    ),
    // A comma binds more than a pipe.
    (
        ".spec, .metadata | .replicas, .name",
        &["/spec/replicas", "/metadata/name"],
    ),
    (
        ".spec | (.replicas, .tags)",
        &["/spec/replicas", "/spec/tags"],
    ),
    (
        ".metadata.annotations[\"a/b\"]",
        &["/metadata/annotations/a~1b"],
    ),
    (
        ".spec.containers[] | select(.name == \"app\") | .env[] | select(.name == \"Y\") | .value",
        &["/spec/containers/0/env/1/value"],
    ),
    (
        ".spec.containers[]|select(.name!=\"app\")|.image",
        &["/spec/containers/1/image", "/spec/containers/2/image"],
    ),
    (
        ".spec.containers[] | select(.name | startswith(\"sidecar-\")) | .image",
        &["/spec/containers/1/image", "/spec/containers/2/image"],
    ),
    (
        ".spec.containers[] | select(.name | endswith(\"-log\"))",
        &["/spec/containers/2"],
    ),
    (
        ".spec.containers[] | select(.name | test(\"^side.*y$\")) | .ports",
        &["/spec/containers/1/ports"],
    ),
    (
        ".spec.containers[] | select(.image | test(\"log\"; \"i\")) | .image",
        &["/spec/containers/2/image"],
    ),
    (
        ".spec.containers[] | select(.image | contains(\"proxy\")) | .image",
        &["/spec/containers/1/image"],
    ),
    (
        ".spec.containers[] | select(.name == \"app\" or .name == \"sidecar-log\") | .image",
        &["/spec/containers/0/image", "/spec/containers/2/image"],
    ),
    (
        ".spec.containers[] | select((.name == \"app\") and .image == \"app:1\" and (.ports | not)) | .image",
        &["/spec/containers/0/image"],
    ),
    (
        ".spec.containers[] | select(has(\"ports\")) | .ports[] | select(.port > 80 and .port <= 443)",
        &["/spec/containers/1/ports/2"],
    ),
    (
        ".spec.containers[] | select(has(\"ports\") | not) | .name",
        &["/spec/containers/0/name", "/spec/containers/2/name"],
    ),
    (
        ".spec.containers[] | .env[]?",
        &["/spec/containers/0/env/1", "/spec/containers/0/env/0"],
    ),
    (
        ".spec.containers[] | select(.env | length > 1) | .env",
        &["/spec/containers/0/env"],
    ),
    (
        ".spec.containers[] | select(any(.env[]?; .name == \"Y\")) | .image",
        &["/spec/containers/0/image"],
    ),
    (
        ".spec.containers[] | select([.env[]?.name] | contains([\"Y\"])) | .image",
        &["/spec/containers/0/image"],
    ),
    (
        ".spec.containers[] | select((.env // []) | any(.name == \"Y\")) | .image",
        &["/spec/containers/0/image"],
    ),
    (
        ".spec.containers[] | select((.env // []) | map(.name) | length == 2) | .image",
        &["/spec/containers/0/image"],
    ),
    (
        ".spec.containers[] | select(.env | type == \"null\") | .env",
        &["/spec/containers/2/env"],
    ),
    (".spec.containers | first", &["/spec/containers/0"]),
    (
        ".spec.containers | last | .image",
        &["/spec/containers/2/image"],
    ),
    (
        "first(.spec.containers[] | select(.name | startswith(\"sidecar\"))) | .image",
        &["/spec/containers/1/image"],
    ),
    (
        ".rules[]?.clientConfig.caBundle",
        &["/rules/0/clientConfig/caBundle"],
    ),
    (".. | .caBundle?", &["/rules/0/clientConfig/caBundle"]),
    (
        "recurse | select(type == \"object\") | .port",
        &[
            "/spec/containers/1/ports/0/port",
            "/spec/containers/1/ports/1/port",
            "/spec/containers/1/ports/2/port",
        ],
    ),
    (".status.x // .spec.replicas", &["/spec/replicas"]),
    (
        "if .spec.replicas == 1 then .spec.tags else .spec.replicas end",
        &["/spec/tags"],
    ),
    (
        "if .a then .spec elif .spec.tags then .spec.replicas else empty end",
        &["/spec/replicas"],
    ),
    ("empty", &[]),
    (
        ".spec.containers[] | select(.name | ascii_upcase | . == \"APP\") | .image",
        &["/spec/containers/0/image"],
    ),
    (
        ".spec.containers[] | select(.ports | tostring | test(\"8080\")) | .image",
        &["/spec/containers/1/image"],
    ),
    (
        ".metadata.annotations | select(keys == [\"a/b\", \"c\", \"team.x\"]) | .c",
        &["/metadata/annotations/c"],
    ),
    ("select(.spec == {\"a\": 1}) | .spec", &[]),
    (
        "select(.spec.tags == [\"x\", \"y\", \"x\"]) | .spec.tags",
        &["/spec/tags"],
    ),
    ("select(all(.spec.tags[]; . == \"x\")) | .spec", &[]),
    (
        "select(.spec.tags | all(type == \"string\")) | .spec.tags",
        &["/spec/tags"],
    ),
    (
        "select(1.0 == 1 and -1 < 0 and null < false and \"a\" < [] ) | .spec.tags",
        &["/spec/tags"],
    ),
];

/// The object without what is at these JSON pointers, lists from the back.
fn without(pointers: &[&str]) -> Value {
    let mut object = object();
    for pointer in pointers {
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        let gone = match object.pointer_mut(parent).unwrap() {
            Value::Object(map) => map.remove(&last.replace("~1", "/")),
            Value::Array(items) => Some(items.remove(last.parse().unwrap())),
            _ => None,
        };
        assert!(gone.is_some(), "{pointer}");
    }
    object
}

#[test]
fn what_is_named_is_deleted_and_nothing_else() {
    for (expression, pointers) in CASES {
        let mut object = object();
        delete(&mut object, expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
        assert_eq!(object, without(pointers), "{expression}");
    }
}

/// The same by jq itself, where there is one.
#[test]
fn jq_says_the_same() {
    let jq = |expression: &str| {
        let mut child = Command::new("jq")
            .args(["-c", &format!("del({expression})")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let input = object().to_string();
        child.stdin.take()?.write_all(input.as_bytes()).ok()?;
        let output = child.wait_with_output().ok()?;
        Some(serde_json::from_slice::<Value>(&output.stdout).ok())
    };
    if jq(".spec").is_none() {
        let said = writeln!(std::io::stderr(), "skipped: there is no jq on this machine");
        said.unwrap();
        return;
    }
    for (expression, pointers) in CASES {
        let said = jq(expression).unwrap();
        assert_eq!(said, Some(without(pointers)), "{expression}");
    }
}

#[test]
fn what_it_does_not_understand_is_refused_and_changes_nothing() {
    for (expression, why) in [
        ("", "unexpected end"),
        ("[[[", "unexpected end"),
        (".spec.", "a field has no name"),
        (".", "the whole object cannot be deleted"),
        (".spec.replicas, .", "the whole object cannot be deleted"),
        (".spec.replicas[]", "cannot iterate over number"),
        (
            ".spec.tags.x",
            "expected an object but got: array for \"x\"",
        ),
        (".spec[0]", "expected an array but got: object"),
        (".spec.tags | map(.)", "invalid path expression"),
        (
            ".spec | keys",
            "invalid path expression with result [\"containers\"",
        ),
        ("select(", "unexpected end"),
        ("select(.a; .b)", "\"select\" cannot have 2 arguments"),
        ("$x", "unexpected token \"$x\""),
        (
            "def f: f; f",
            "\"def\" is not known here; there are: all, any",
        ),
        ("reduce .[] as $x (0; .)", "\"reduce\" is not known here"),
        ("repeat(.)", "\"repeat\" is not known here"),
        (".a = 1", "unexpected token \"= 1\""),
        (".spec.tags[1:]", "unexpected token \":]\""),
        (".spec.tags[true]", "true is no index"),
        ("if .a then .b", "unexpected end"),
        (
            ".metadata | select(.name | test(\"(\"))",
            "is no regular expression",
        ),
        (
            ".metadata | select(.name | test(\"a{1000}{1000}\"))",
            "is no regular expression",
        ),
        ("\"\\(.a)\"", "unexpected token"),
    ] {
        let mut changed = object();
        let error = delete(&mut changed, expression).unwrap_err();
        assert!(error.contains(why), "{expression}: {error}");
        assert_eq!(changed, object(), "{expression}");
    }
}

#[test]
fn what_costs_too_much_ends() {
    let deep = format!("{}.a{}", "(".repeat(100_000), ")".repeat(100_000));
    let error = delete(&mut object(), &deep).unwrap_err();
    assert!(error.contains("64 levels"), "{error}");
    let long = format!(".spec{}", " | .".repeat(200_000));
    assert!(delete(&mut object(), &long).is_ok());
    let mut large = json!({"items": vec![json!({"a": [1, 2, 3]}); 2_000]});
    for expression in [
        ".. | .. | .. | .a?",
        "select([..] | [.[] | [..]] | map([..]) | length > 0) | .items",
        "[..] | [., ., ., .] | [., ., ., .] | [., ., ., .] | [., ., ., .] | .a",
        ".items[] | select([.a[], .a[], .a[]] | [.[] == .[], .[] == .[] , .[] == .[]] | all) | .a",
        ".items | contains([1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40])",
    ] {
        let error = delete(&mut large, expression).unwrap_err();
        assert!(error.contains("costs too much"), "{expression}: {error}");
    }
    // What people write does not.
    assert!(delete(&mut large, ".. | .a?").is_ok());
}

/// Pieces of which expressions are put together, well or badly.
const PIECES: &[&str] = &[
    ".",
    "..",
    ".spec",
    ".containers",
    ".tags",
    ".name",
    "[]",
    "[0]",
    "[-1]",
    "[\"spec\"]",
    "?",
    "|",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "//",
    "==",
    "!=",
    "<",
    ">=",
    "and",
    "or",
    "not",
    "if",
    "then",
    "elif",
    "else",
    "end",
    "select(",
    "map(",
    "any(",
    "all",
    "first(",
    "last",
    "has(",
    "contains(",
    "startswith(\"s\")",
    "test(\"^s.*$\")",
    "test(\"(a*)*b\")",
    "recurse",
    "recurse(.[]?)",
    "keys",
    "length",
    "empty",
    "tostring",
    "ascii_downcase",
    "type",
    "null",
    "true",
    "\"x\"",
    "\"\\u00e9\"",
    "\"",
    "1",
    "-0.5e3",
    "99999999999999999999",
    ";",
    "$x",
    "as",
    "def f:",
    "reduce",
    ".é",
    "\u{0}",
];

proptest::proptest! {
    #[test]
    fn whatever_an_expression_says_it_ends_and_only_takes_away(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24),
        between in proptest::sample::select(&["", " "][..]),
    ) {
        let before = object();
        let mut after = before.clone();
        let begin = std::time::Instant::now();
        let done = delete(&mut after, &pieces.join(between));
        proptest::prop_assert!(begin.elapsed() < std::time::Duration::from_secs(10));
        if done.is_err() {
            proptest::prop_assert_eq!(&after, &before);
        }
        proptest::prop_assert!(after.to_string().len() <= before.to_string().len());
    }
}
