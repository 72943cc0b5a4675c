//! What fits, and what does not; the words are cel-go's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Language, Program, Shape, Type};

const LANGUAGE: Language = Language {
    variables: None,
    functions: &[],
};

fn object(fields: &[(&str, Type)]) -> Type {
    let fields = fields.iter().cloned();
    let fields: BTreeMap<String, Type> =
        fields.map(|(name, kind)| (name.to_owned(), kind)).collect();
    Type::Object(Arc::new(fields))
}

fn check(text: &str) -> Result<Type, String> {
    let this = object(&[
        ("s", Type::String),
        ("n", Type::Int),
        ("f", Type::Double),
        ("b", Type::Bool),
        ("t", Type::Timestamp),
        ("d", Type::Duration),
        ("any", Type::Dyn),
        ("l", Type::list(Type::String)),
        ("m", Type::map(Type::Int)),
        ("o", object(&[("x", Type::Bool)])),
        (
            "os",
            Type::list(object(&[("name", Type::String), ("n", Type::Int)])),
        ),
    ]);
    let old = Type::Optional(Arc::new(this.clone()));
    let program = Program::compile(text, LANGUAGE).unwrap();
    let checked = program.check(text, &[("self", this), ("oldSelf", old)])?;
    let _ = checked.most(&Shape::default());
    Ok(checked.kind)
}

#[test]
fn what_fits_has_a_type() {
    for (text, kind) in [
        ("self.n > 1 && self.s.size() < 3", Type::Bool),
        ("self.l.all(x, x != self.s) && has(self.o.x)", Type::Bool),
        ("self.n < self.f", Type::Bool),
        ("self.any == 1 || self.any == 'a'", Type::Bool),
        ("self.any.x.y > 3", Type::Bool),
        ("self.n + 1", Type::Int),
        ("self.s + 'a'", Type::String),
        (
            "self.t + self.d > timestamp('2020-01-01T00:00:00Z')",
            Type::Bool,
        ),
        ("self.t - self.t", Type::Duration),
        ("-self.n", Type::Int),
        ("self.m['a'] == 1", Type::Bool),
        ("'a' in self.m && 'a' in self.l", Type::Bool),
        ("self.l[0]", Type::String),
        ("self.l.map(x, x.size())", Type::list(Type::Int)),
        ("self.l.map(x, x != '', x + 'b')", Type::list(Type::String)),
        ("self.l.filter(x, x != '')", Type::list(Type::String)),
        (
            "self.os.filter(x, x.n > 1).all(y, y.name != '')",
            Type::Bool,
        ),
        ("self.os.exists_one(x, x.n == 1)", Type::Bool),
        ("self.m.all(k, self.m[k] > 0)", Type::Bool),
        ("self.n > 1 ? 'a' : 'b'", Type::String),
        (
            "oldSelf.hasValue() ? oldSelf.value().n <= self.n : true",
            Type::Bool,
        ),
        (
            "self.l.size() == 0 || self.l[self.l.size() - 1] == 'x'",
            Type::Bool,
        ),
        ("[self.s, 'b'].exists(x, x == 'a')", Type::Bool),
        ("!(self.s in ['a', \"b'[\", r'\\.'])", Type::Bool),
        ("self.o == self.o && self.l == ['a']", Type::Bool),
        ("[] == self.l && self.t != null", Type::Bool),
        (
            "self.l.map(x, int(x)).filter(y, y > 1).size() > 0",
            Type::Bool,
        ),
    ] {
        assert_eq!(check(text), Ok(kind), "{text}");
    }
}

#[test]
fn what_is_not_known_here_fits() {
    for text in [
        "quantity(self.s).isGreaterThan(quantity('1Gi'))",
        "self.l.isSorted() && self.l.sum() == 'a'",
        "sets.contains(self.l, ['a'])",
        "self.s.find('a').size() == 0",
        "math.greatest(self.n, 1) == 1",
        "optional.of(self.n).orValue(0) > 1",
        "self.?s.orValue('') == ''",
        "type(self.n) == int",
        "self.s.format(['a']) == ''",
        "{'a': 1}['a'] == self.n",
    ] {
        if let Ok(program) = Program::compile(text, LANGUAGE) {
            let this = object(&[
                ("s", Type::String),
                ("n", Type::Int),
                ("l", Type::list(Type::String)),
            ]);
            let found = program.check(text, &[("self", this)]);
            assert!(found.is_ok(), "{text}: {found:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    for (text, said) in [
        ("self.none > 1", "1:5: undefined field 'none'"),
        ("self.n > 1 && self.o.y", "1:21: undefined field 'y'"),
        (
            "self.n + self.s == 1",
            "1:8: found no matching overload for '_+_' applied to '(int, string)'",
        ),
        (
            "self.n + 1 == 2 && self.n + 'a' == 'b'",
            "1:27: found no matching overload for '_+_' applied to '(int, string)'",
        ),
        (
            "self.f == 1",
            "1:8: found no matching overload for '_==_' applied to '(double, int)'",
        ),
        (
            "self.s == null",
            "1:8: found no matching overload for '_==_' applied to '(string, null)'",
        ),
        (
            "self.l.all(x, x > 1)",
            "1:17: found no matching overload for '_>_' applied to '(string, int)'",
        ),
        (
            "self.s.size() && self.b",
            "1:12: expected type 'bool' but found 'int'",
        ),
        (
            "self.s.x == 1",
            "1:7: type 'string' does not support field selection",
        ),
        ("has(self.nothing)", "1:4: undefined field 'nothing'"),
        (
            "sef.n == 1",
            "1:1: undeclared reference to 'sef' (in container '')",
        ),
        (
            "!self.s",
            "1:1: found no matching overload for '!_' applied to '(string)'",
        ),
        (
            "self.n.startsWith('a')",
            "1:18: found no matching overload for 'startsWith' applied to 'int.(string)'",
        ),
        (
            "size(self.n) > 1",
            "1:5: found no matching overload for 'size' applied to '(int)'",
        ),
        (
            "self.l['a'] == 'b'",
            "1:7: found no matching overload for '_[_]' applied to '(list(string), string)'",
        ),
        (
            "1 in self.l",
            "1:3: found no matching overload for '@in' applied to '(int, list(string))'",
        ),
        (
            "self.n ? 1 : 2",
            "1:8: found no matching overload for '_?_:_' applied to '(int, int, int)'",
        ),
        (
            "self.l.filter(x, x).size() > 1",
            "1:14: found no matching overload for '_?_:_' applied to '(string, list(string), list(string))'",
        ),
        (
            "self.l.all(x, self.n)",
            "1:19: expected type 'bool' but found 'int'",
        ),
        (
            "nothing(self.s)",
            "1:8: undeclared reference to 'nothing' (in container '')",
        ),
        (
            "self.s.nothing()",
            "1:15: undeclared reference to 'nothing' (in container '')",
        ),
        (
            "self.s.contains(1)",
            "1:16: found no matching overload for 'contains' applied to 'string.(int)'",
        ),
        ("self.os.all(x, x.nam != '')", "1:17: undefined field 'nam'"),
        ("true &&\n self.none", "2:6: undefined field 'none'"),
    ] {
        let error = check(text).unwrap_err();
        let first = error.lines().next().unwrap();
        assert_eq!(first, format!("ERROR: <input>:{said}"), "{text}");
    }
}

#[test]
fn each_place_is_shown() {
    assert_eq!(
        check("self.a && self.b && self.c").unwrap_err(),
        "ERROR: <input>:1:5: undefined field 'a'\n | self.a && self.b && self.c\n | ....^\n\
         ERROR: <input>:1:25: undefined field 'c'\n | self.a && self.b && self.c\n | ........................^"
    );
}
