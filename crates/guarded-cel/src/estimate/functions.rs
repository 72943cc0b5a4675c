//! What the functions of CEL and Kubernetes cost, and how large what they give is.

use cel::common::ast::operators;

use super::path::Step;
use super::size::{REGEX, Size, TRAVERSAL, times};
use super::{Estimate, Part};
use crate::types::{CIDR, FORMAT, IP, QUANTITY, SEMVER, Type, URL};

/// What going through a text once costs.
fn traversed(size: Size) -> u64 {
    times(size.max, TRAVERSAL)
}

/// What it costs to match a text with a regular expression.
fn matched(text: Size, pattern: Size) -> u64 {
    traversed(text.add(Size::of(1))).saturating_mul(times(pattern.max, REGEX))
}

/// What a call costs beside its arguments, and the size of what it gives; nothing for
/// macros that are not known here.
pub(super) fn cost(
    of: &Estimate<'_>,
    name: &str,
    target: Option<&Part<'_>>,
    arguments: &[Part<'_>],
) -> Option<(u64, Option<Size>)> {
    let first = arguments.first();
    let text = |part: &Part<'_>| traversed(part.size());
    Some(match (name, target, first) {
        (
            "all" | "exists" | "exists_one" | "existsOne" | "map" | "filter" | "bind" | "optMap"
            | "optFlatMap" | "transformList" | "transformMap" | "transformMapEntry" | "sortBy",
            Some(_),
            _,
        ) => return None,
        // Of any two of them with the same text.
        ("bytes", None, Some(part)) if part.kind == Type::String => {
            let size = part.size();
            let most = size.max.wrapping_mul(4);
            (
                text(part),
                Some(Size {
                    min: size.min,
                    max: most,
                }),
            )
        }
        ("string", None, Some(part)) if part.kind == Type::Bytes => {
            let size = part.size();
            (
                text(part),
                Some(Size {
                    min: size.min / 4,
                    max: size.max,
                }),
            )
        }
        ("strings.quote", None, Some(part)) => {
            let size = part.size();
            let quoted = Size {
                min: size.min.wrapping_add(2),
                max: size.max.wrapping_mul(2).wrapping_add(2),
            };
            (text(part), Some(quoted))
        }
        ("startsWith" | "endsWith", Some(_), Some(part))
        | (
            "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver",
            None,
            Some(part),
        ) => (text(part), None),
        ("contains", Some(one), Some(part)) => (text(one).saturating_mul(text(part)), None),
        ("matches", Some(one), Some(pattern)) => (matched(one.size(), pattern.size()), None),
        ("matches", None, Some(one)) => match arguments.get(1) {
            Some(pattern) => (matched(one.size(), pattern.size()), None),
            None => (1, None),
        },
        ("find" | "findAll", Some(one), Some(pattern)) => {
            let size = one.size();
            (matched(size, pattern.size()), Some(Size::up_to(size.max)))
        }
        ("format", Some(one), _) => (text(one), None),
        ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", Some(one), _) => {
            (gone_through(of, one), None)
        }
        ("url" | "jsonpatch.escapeKey", None, Some(part)) => (text(part), Some(part.size())),
        ("lowerAscii" | "upperAscii" | "substring" | "trim", Some(one), _) => {
            (text(one), Some(one.size()))
        }
        ("replace", Some(one), Some(what)) if arguments.len() > 1 => {
            let size = replaced(one.size(), what.size(), arguments[1].size());
            (times(one.size().max, 2.0 * TRAVERSAL), Some(size))
        }
        ("split", Some(one), _) => {
            let limit = arguments.get(1).and_then(|part| part.number);
            let most = limit.unwrap_or(one.size().max);
            let cost = times(one.size().max, 2.0 * TRAVERSAL);
            (cost, Some(Size::up_to(most)))
        }
        ("join", Some(list), _) => {
            let size = joined(of, list, first);
            (traversed(size), Some(size))
        }
        ("ip.isCanonical", _, Some(part)) => (times(part.size().max, 2.0 * TRAVERSAL), None),
        ("containsIP" | "containsCIDR", Some(_), Some(part)) => {
            let compared = Size { min: 4, max: 16 };
            let mut cost = traversed(compared.add(compared));
            if name == "containsCIDR" {
                cost += traversed(compared) + 1;
            }
            if part.kind == Type::String {
                cost = cost.saturating_add(text(part));
            }
            (cost, None)
        }
        ("validate", Some(_), Some(part)) => (text(part).saturating_mul(32), None),
        ("sets.contains" | "sets.intersects" | "sets.equivalent", None, Some(one)) => {
            let other = arguments.get(1)?;
            let each = if name == "sets.equivalent" { 2.0 } else { 1.0 };
            let pairs = one.size().multiply(other.size());
            (times(pairs.max, each).saturating_add(1), None)
        }
        ("reverse", Some(list), None) if matches!(list.kind, Type::List(_)) => {
            made_list(1.0, list.size())
        }
        ("distinct" | "sort", Some(list), None) => {
            let text = matches!(&list.kind, Type::List(item) if matches!(**item, Type::String | Type::Bytes));
            let each = if text && name == "sort" {
                2.0 + TRAVERSAL
            } else {
                2.0
            };
            made_list(each, list.size().multiply(list.size()))
        }
        ("flatten", Some(list), _) => {
            #[expect(clippy::cast_precision_loss, reason = "as the real one")]
            let depth = first.map_or(1.0, |part| part.number.unwrap_or(u64::MAX) as f64);
            made_list(depth, list.size())
        }
        ("slice", Some(list), Some(from)) => {
            let start = from.number.unwrap_or(0);
            let to = arguments.get(1).and_then(|part| part.number);
            let end = to.unwrap_or(list.size().max);
            made_list(1.0, Size::of(end.wrapping_sub(start)))
        }
        ("lists.range", None, Some(part)) => {
            made_list(1.0, Size::of(part.number.unwrap_or(u64::MAX)))
        }
        _ => (1, None),
    })
}

/// What a function that makes a list of that size costs.
fn made_list(each: f64, size: Size) -> (u64, Option<Size>) {
    (times(size.max, each).saturating_add(11), Some(size))
}

/// What going through a list, or a text, costs.
fn gone_through(of: &Estimate<'_>, target: &Part<'_>) -> u64 {
    match items(of, target) {
        None => traversed(target.size()),
        Some((kind, size)) => {
            let each = match kind {
                Type::String | Type::Bytes => traversed(size).saturating_add(1),
                _ => 1,
            };
            target.size().max.saturating_mul(each)
        }
    }
}

/// The type and size of the items of a list.
fn items(of: &Estimate<'_>, list: &Part<'_>) -> Option<(Type, Size)> {
    let (Type::List(kind) | Type::Map(kind, _) | Type::Optional(kind)) = &list.kind else {
        return None;
    };
    let path = &list.path;
    let most = match path.is_empty() {
        true => None,
        false => path.copied().then(Step::Item).most(of.variables),
    };
    let size = most.map_or(Size::UNKNOWN, Size::up_to);
    Some(((**kind).clone(), size))
}

/// The size of a text in which something is replaced.
fn replaced(text: Size, what: Size, by: Size) -> Size {
    let count = |size: u64, each: u64| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "as the real one reckons"
        )]
        let count = (size as f64 / each as f64).ceil() as u64;
        count
    };
    let (most, kept_at_most) = match what.min {
        0 => (text.max.saturating_add(1), text.max),
        least if by.max <= least => (0, text.max),
        least => (count(text.max, least), 0),
    };
    let (least, kept_at_least) = match what.max {
        0 => (text.min.saturating_add(1), text.min),
        most if most <= by.min => (0, text.min),
        most => (count(text.min, most), 0),
    };
    let count = Size {
        min: least,
        max: most,
    };
    let kept = Size {
        min: kept_at_least,
        max: kept_at_most,
    };
    count.multiply(by).add(kept)
}

/// The size of a text of all items of a list.
fn joined(of: &Estimate<'_>, list: &Part<'_>, between: Option<&Part<'_>>) -> Size {
    let count = list.size();
    let all = items(of, list).map_or(Size::of(0), |(_, item)| count.multiply(item));
    match between {
        None => all,
        Some(between) => {
            let gaps = Size {
                min: count.min.saturating_sub(1),
                max: count.max.saturating_sub(1),
            };
            all.add(between.size().multiply(gaps))
        }
    }
}

/// What it costs to compare two values of a type of Kubernetes.
pub(super) fn special_equality(name: &str, left: &Part<'_>, right: &Part<'_>) -> Option<u64> {
    match &left.kind {
        Type::Other(_) if name != operators::EQUALS || left.kind != right.kind => None,
        Type::Other(of) if [IP, CIDR, QUANTITY, SEMVER].contains(of) => Some(1),
        Type::Other(of) if *of == FORMAT => Some(times(64, TRAVERSAL)),
        Type::Other(of) if *of == URL => {
            Some(times(right.size.unwrap_or(Size::of(1)).max, TRAVERSAL))
        }
        _ => None,
    }
}
