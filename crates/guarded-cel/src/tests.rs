use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

const OPEN: Language = Language {
    variables: Some(&["object", "result"]),
    functions: &["hasConditions", "parseJSON"],
};

fn object() -> serde_json::Value {
    let data: serde_json::Map<String, serde_json::Value> = (0..1_000)
        .map(|number| (format!("key{number:04}"), json!("x".repeat(20))))
        .collect();
    json!({
        "metadata": {"name": "n", "labels": {"a": "1", "b": "2"}},
        "data": data,
        "list": [3, 1, 2],
        "status": {"ready": 2, "conditions": [{"type": "Done", "status": "True"}]},
    })
}

fn evaluate(text: &str) -> Result<Value, String> {
    thread_local! {
        static OBJECT: Value = from_json(&object());
    }
    let program = Program::compile(text, OPEN).map_err(|error| format!("{error:?}"))?;
    let variables = [
        ("object", OBJECT.with(Clone::clone)),
        ("result", Value::Bool(true)),
    ];
    let (made, cost) = program.evaluate(&variables, &no_host, COST_OF_ONE);
    assert_eq!(made == Err(Fault::Cost), cost > COST_OF_ONE, "{text}");
    made.map_err(|fault| format!("{fault:?}"))
}

#[test]
fn healthy_expressions_hold() {
    for text in [
        "true",
        "object.metadata.name == 'n' && object['metadata']['name'] == 'n'",
        "object.status.ready == 2 && object.status.ready >= 2 && object.status.ready < 3",
        "object.status.conditions.exists(c, c.type == 'Done' && c.status == 'True')",
        "object.status.conditions.filter(c, c.type == 'Done').size() == 1",
        "object.status.conditions[0].type == 'Done'",
        "object.metadata.labels.all(key, key in ['a', 'b'])",
        "object.metadata.labels.map(key, key) == ['a', 'b']",
        "object.metadata.labels.map(key, key == 'b', key + '!') == ['b!']",
        "object.list.exists_one(x, x == 3) && 3 in object.list && !(4 in object.list)",
        "object.list.sort() == [1, 2, 3] && object.list.sum() == 6 && object.list.max() == 3",
        "has(object.status.ready) && !has(object.status.none) && !has(object.metadata.name.none)",
        "object.?status.?none.orValue('x') == 'x' && object.?status.?ready.orValue(0) == 2",
        "object[?'none'].orValue('x') == 'x' && [1][?0].hasValue() && ![?object.?none, 1].exists(x, x == 2) && optional.of(object).status.ready.value() == 2",
        "{'a': 1, 'b': [1, 2]} == {'b': [1, 2], 'a': 1} && {'a': 1}.a == 1",
        "1 + 2 == 3 && 1.5 + 1.5 == 3.0 && 7 / 2 == 3 && 7 % 2 == 1 && -(1) == 0 - 1 && 2u * 2u == 4u",
        "'a' + 'b' == 'ab' && [1] + [2] == [1, 2] && 'b' > 'a' && 1 < 2 && 1 == 1.0",
        "false || 1 / 0 == 1 || true",
        "!(false && 1 / 0 == 1) && (true ? true : 1 / 0 == 1)",
        "[1, 2].all(x, x > 0 || x / 0 == 1) && ![1, 0].all(x, x / x == 1 && x < 0)",
        "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b' && 'abc'.replace('b', 'x') == 'axc'",
        "'v1.30.2'.matches('^v1\\\\.3\\\\d\\\\.') && matches('abc', 'b') && 'ab12'.find('[0-9]+') == '12'",
        "'a1b2'.findAll('[0-9]') == ['1', '2'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
        "'name'.matches('^\\\\w{1,63}$') && !'n\u{e9}'.matches('^\\\\w+$') && 'a b'.matches('^a\\\\sb$')",
        "'a-1'.matches('^[\\\\w-]+$') && '-]'.matches('^[]\\\\D]+$') && 'ab cd'.find('\\\\bc\\\\w') == 'cd'",
        "semver('1.30.0').isLessThan(semver('1.31.0')) && quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
        "math.abs(-1) == 1 && sets.contains([1, 2], [1]) && base64.encode(b'a') == 'YQ=='",
        "'%s has %d'.format(['n', 2]) == 'n has 2' && '%.2f'.format([1.0]) == '1.00'",
        "[[1], [2]].flatten() == [1, 2] && [1, 2].first().value() == 1",
        "'{\"a\": [1]}'.parseJSON().a[0] == 1 && ip('10.0.0.1').family() == 4",
        "int('3') == 3 && string(3) == '3' && size('abc') == 3 && 'abc'.size() == 3 "
            .trim_end_matches(" "),
    ] {
        assert_eq!(evaluate(text), Ok(Value::Bool(true)), "{text}");
    }
}

#[test]
fn errors_say_what_is_wrong() {
    for (text, expected) in [
        ("object.missing", "Failed(\"No such key: missing\")"),
        ("object.metadata.name.x", "Failed(\"No such key: x\")"),
        ("1 + 'a'", "Failed(\"No such overload\")"),
        ("1 / 0", "Failed(\"Division by zero of Int(1)\")"),
        ("object.list[7]", "Failed(\"Index out of bounds: Int(7)\")"),
        ("nothing", "Invalid(\"undeclared reference to 'nothing'\")"),
        ("frob('x')", "Invalid(\"undeclared reference to 'frob'\")"),
        ("X{} == X{}", "Invalid(\"undeclared reference to 'X'\")"),
        (
            "Foo{a: 1}.a == 1",
            "Invalid(\"undeclared reference to 'Foo'\")",
        ),
        ("b'abc'.contains(b'')", "Broken"),
    ] {
        assert_eq!(evaluate(text), Err(expected.to_owned()), "{text}");
    }
    assert!(
        evaluate("'a'.matches('(')")
            .unwrap_err()
            .starts_with("Refused(\"invalid regex")
    );
    assert!(
        evaluate("object.")
            .unwrap_err()
            .starts_with("Invalid(\"ERROR")
    );
}

#[test]
fn unknown_names_are_looked_up_when_they_are_needed() {
    let open = Language {
        variables: None,
        functions: &[],
    };
    let program = Program::compile("true || other.x == frob(1)", open).unwrap();
    assert!(program.mentions("other") && !program.mentions("x"));
    assert_eq!(
        program.evaluate(&[], &no_host, 100).0,
        Ok(Value::Bool(true))
    );
}

/// Expressions that would end or occupy the process for long, each with a word
/// of what is said of it.
fn bombs() -> Vec<(String, &'static str)> {
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let chain = |start: &str, link: &str, times: usize| format!("{start}{}", link.repeat(times));
    let fill = |start: &str, link: &str| chain(start, link, (LONGEST - start.len()) / link.len());
    let nested = |times: usize, inner: &str| {
        let mut text = inner.to_owned();
        for number in 0..times {
            text = format!("{ten}.all(v{number}, {text})");
        }
        text
    };
    vec![
        // Stack.
        (fill("object", ".a"), "nested"),
        (fill("1", "+1"), "nested"),
        (fill("object", "[0]"), "nested"),
        (fill("object", ".size()"), "nested"),
        (format!("{}true", "!".repeat(LONGEST - 4)), ""),
        (format!("{}1", "-".repeat(LONGEST - 1)), ""),
        ("(".repeat(LONGEST), "nested"),
        (format!("{}{}", "(".repeat(8_000), ")".repeat(8_000)), "nested"),
        (format!("{}{}", "[".repeat(8_000), "]".repeat(8_000)), "nested"),
        (format!("[{}0]", format!("{}{},", "[".repeat(89), "]".repeat(89)).repeat(90)), ""),
        (format!("[{}0]", format!("{}1{},", "(".repeat(89), ")".repeat(89)).repeat(90)), ""),
        (format!("[{}0]", format!("{}1{},", "{1:".repeat(89), "}".repeat(89)).repeat(45)), ""),
        (format!("[{}0]", format!("{}1{},", "true?(".repeat(89), "):1".repeat(89)).repeat(18)), ""),
        (format!("[{}0]", format!("{},", "[".repeat(89)).repeat(180)), ""),
        (format!("[{}0]", "[1],".repeat(4_000)), ""),
        (format!("{}0", "['(',".repeat(3_000)), "nested"),
        (fill("true", "?true:true"), ""),
        (fill("true", "&&true"), ""),
        ("x".repeat(LONGEST + 1), "bytes"),
        ("{".repeat(LONGEST), "nested"),
        (fill("'", "%"), "Invalid"),
        (fill("", "a b "), "Invalid"),
        // Memory.
        (chain("'a'", ".replace('a', 'aaaaaaaaaa')", 11), "Cost"),
        (chain("'a'", ".replace('', 'aaaaaaaaaa')", 11), "Cost"),
        (chain("['a', 'a']", ".map(x, x + x)", 40), "Cost"),
        (chain("[[1, 1, 1, 1]]", ".map(x, [x, x, x, x, x, x, x, x])", 12) + " == []", "Cost"),
        (chain("[[1, 1, 1, 1]]", ".map(x, [x, x, x, x]).flatten()", 14), "Cost"),
        (chain("'aaaaaaaaaa'", ".split('').map(x, 'aaaaaaaaaa').join('')", 8), "Cost"),
        ("object.data.map(x, x).join('y'.replace('y', '".to_owned() + &"y".repeat(5_000) + "'))", "Cost"),
        ("lists.range(10000000000).size() > 0".to_owned(), "Cost"),
        ("'%.1000000000f'.format([1.0])".to_owned(), "precision"),
        (format!("'{}'.format({ten}.map(x, 1.0))", "%.999f".repeat(2_000)), ""),
        (chain("base64.encode(b'aaaa')", ".replace('Y', 'YYYYYYYYYYYYYYYYYYYY')", 8), "Cost"),
        (format!("'{}'.parseJSON().size() > 0", "[".repeat(5_000)), "Failed"),
        ("'[' + object.data.map(x, object.data.map(y, '[]').join(',')).join(',') + ']'".to_owned(), "Cost"),
        // Time.
        (nested(7, "true"), "Cost"),
        (nested(20, "true"), ""),
        ("object.data.all(a, object.data.all(b, object.data.all(c, true)))".to_owned(), "Cost"),
        ("object.data.all(a, object.data == object.data)".to_owned(), "Cost"),
        ("object.data.all(a, object.data.map(x, x).distinct().size() > 0)".to_owned(), "Cost"),
        ("object.data.all(a, object.data.map(x, x).sort().size() > 0)".to_owned(), "Cost"),
        ("object.data.all(a, !'a'.matches('((a{30}){30}){30}' + a))".to_owned(), "Cost"),
        ("object.data.map(x, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').join('').findAll('(a|b)*c|.*x|a').size() > 0".to_owned(), ""),
        ("'a'.matches('((((a{100}){100}){100}){100})')".to_owned(), "size limit"),
        ("object.data.map(x, x).join(',').indexOf('zzzzzzzzzzzzzzzzzzzzzzzzz') > 0".to_owned(), ""),
    ]
}

#[test]
fn no_expression_ends_or_hangs_the_process() {
    for (text, word) in bombs() {
        let start = Instant::now();
        let made = evaluate(&text);
        let took = start.elapsed();
        let said = format!("{made:?}");
        let begin: String = text.chars().take(60).collect();
        eprintln!(
            "{took:>12?} {begin} {}",
            said.chars().take(100).collect::<String>()
        );
        assert!(said.contains(word), "{begin}: {said}");
        assert!(
            made.is_ok() || said.len() < 10_000,
            "{begin}: {}",
            said.len()
        );
        // Many times what the slowest takes here, which no hang would keep to.
        assert!(took < Duration::from_secs(120), "{begin}: {took:?}");
    }
}

/// On the stack of a worker.
#[test]
fn the_deepest_program_fits_a_small_stack() {
    let deep = format!("1{}", "+1".repeat(DEEPEST - 2));
    let list = format!("{}1{}", "[".repeat(45), "]".repeat(45));
    for text in [deep, list] {
        let run = move || {
            let program = Program::compile(&text, OPEN).unwrap();
            program.check(&text, &[])?;
            evaluate(&text).map(|_| ())
        };
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        assert_eq!(thread.spawn(run).unwrap().join().unwrap(), Ok(()));
    }
}

/// Tokens thrown together; more of them with `CEL_ROUNDS`.
#[test]
fn what_is_thrown_together_does_no_harm() {
    const TOKENS: &[&str] = &[
        "object",
        ".data",
        ".a",
        ".?a",
        "[0]",
        "[?0]",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        "?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        " in ",
        "'a'",
        "''",
        "1",
        "1.5",
        "2u",
        "true",
        "null",
        ".map(x, ",
        ".all(x, ",
        ".filter(x, ",
        ".exists_one(x, ",
        "x",
        ".size()",
        ".join(',')",
        ".split('')",
        ".replace('a', 'aaa')",
        ".flatten()",
        ".sort()",
        ".sum()",
        ".reverse()",
        ".distinct()",
        ".format([",
        "])",
        "'%s%d'",
        "b'a'",
        ".contains(",
        ".matches('",
        "a*b+",
        "')",
        "has(object.",
        "optional.of(",
        ".orValue(",
        "timestamp('2024-01-01T00:00:00Z')",
        "duration('1h')",
        "quantity('1Gi')",
        "X{",
        "r'",
        "\"\"\"",
        "//",
        "\n",
        "\\",
        "é",
        "lists.range(",
        "999999999",
        ".parseJSON()",
    ];
    let rounds = std::env::var("CEL_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap() % below
    };
    for _ in 0..rounds {
        // A few tokens, again and again, or many.
        let some: Vec<&str> = (0..1 + random(6))
            .map(|_| TOKENS[random(TOKENS.len())])
            .collect();
        let times = 1 + random(400);
        let mut text = TOKENS[random(TOKENS.len())].to_owned();
        for _ in 0..times {
            if random(20) == 0 {
                text.push_str(TOKENS[random(TOKENS.len())]);
            }
            text.extend(some.iter().copied());
        }
        let start = Instant::now();
        drop(evaluate(&text));
        let open = Language {
            variables: None,
            functions: &[],
        };
        if let Ok(program) = Program::compile(&text, open) {
            drop(program.check(&text, &[("object", Type::map(Type::list(Type::Int)))]));
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(120), "{took:?}: {text}");
        if rounds > 200 && took > Duration::from_secs(2) {
            eprintln!("{took:?} {}", text.chars().take(200).collect::<String>());
        }
    }
}
