//! Quantities such as `100m`, `1.5Gi`, `2e3`: read, and written the one way
//! Kubernetes writes them.

/// How a quantity is written; it stays what it was.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Decimal,
    Binary,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const DECIMAL: [(&str, i128); 10] = [
    ("E", 1_000_000_000_000_000_000 * NANO),
    ("P", 1_000_000_000_000_000 * NANO),
    ("T", 1_000_000_000_000 * NANO),
    ("G", 1_000_000_000 * NANO),
    ("M", 1_000_000 * NANO),
    ("k", 1_000 * NANO),
    ("", NANO),
    ("m", 1_000_000),
    ("u", 1_000),
    ("n", 1),
];
const BINARY: [(&str, u32); 6] = [
    ("Ei", 60),
    ("Pi", 50),
    ("Ti", 40),
    ("Gi", 30),
    ("Mi", 20),
    ("Ki", 10),
];

/// The value in billionths, rounded up, and how it was written.
fn parse(text: &str) -> Option<(i128, Style)> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let (multiplier, style) = scale(suffix)?;
    let (mut value, mut rest) = (digits.checked_mul(multiplier)?, false);
    for _ in 0..places {
        rest |= value % 10 != 0;
        value /= 10;
    }
    if rest {
        value += 1;
    }
    Some((if negative { -value } else { value }, style))
}

/// What a suffix multiplies by, in billionths.
fn scale(suffix: &str) -> Option<(i128, Style)> {
    if let Some((_, unit)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*unit, Style::Decimal));
    }
    if let Some((_, bits)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some(((1_i128 << bits) * NANO, Style::Binary));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    let multiplier = if exponent < 0 {
        NANO / power
    } else {
        NANO.checked_mul(power)?
    };
    Some((multiplier, Style::Exponent))
}

/// The quantity as Kubernetes writes it: no fraction, the largest suffix.
/// `None` if it is none.
pub fn canonical(text: &str) -> Option<String> {
    let (value, style) = parse(text.trim())?;
    if value == 0 {
        return Some("0".to_owned());
    }
    let style = if style == Style::Binary && (value % NANO != 0 || value.abs() < 1024 * NANO) {
        Style::Decimal
    } else {
        style
    };
    Some(match style {
        Style::Binary => {
            let whole = value / NANO;
            let (name, bits) = BINARY
                .iter()
                .find(|(_, bits)| whole % (1_i128 << bits) == 0)
                .copied()
                .unwrap_or(("", 0));
            format!("{}{name}", whole / (1_i128 << bits))
        }
        Style::Decimal | Style::Exponent => {
            let (index, (name, unit)) = DECIMAL
                .iter()
                .enumerate()
                .find(|(_, (_, unit))| value % unit == 0)
                .unwrap_or((9, &DECIMAL[9]));
            let number = value / unit;
            let exponent = 18 - 3 * i32::try_from(index).unwrap_or_default();
            if style == Style::Decimal {
                format!("{number}{name}")
            } else if exponent == 0 {
                number.to_string()
            } else {
                format!("{number}e{exponent}")
            }
        }
    })
}

/// The value in thousandths, rounded up, for comparing and adding.
pub fn milli(text: &str) -> Option<i128> {
    let (value, _) = parse(text.trim())?;
    let unit = NANO / 1000;
    Some(value.div_euclid(unit) + i128::from(value.rem_euclid(unit) != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_one_way_is_stable_and_keeps_the_value(
            whole in 0_u32..2_000_000,
            fraction in prop::option::of(0_u32..1000),
            suffix in prop::sample::select(vec!["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e2", "E3"]),
        ) {
            let text = match fraction {
                Some(fraction) => format!("{whole}.{fraction:03}{suffix}"),
                None => format!("{whole}{suffix}"),
            };
            let once = canonical(&text).unwrap();
            prop_assert_eq!(canonical(&once), Some(once.clone()));
            prop_assert_eq!(milli(&once), milli(&text));
        }
    }

    #[test]
    fn quantities_are_written_the_one_way() {
        for (from, to) in [
            ("1", "1"),
            ("0", "0"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("128974848", "128974848"),
            ("1e3", "1e3"),
            ("12E6", "12e6"),
            ("-1.5", "-1500m"),
            ("100Mi", "100Mi"),
            (".5", "500m"),
        ] {
            assert_eq!(canonical(from).as_deref(), Some(to), "{from}");
        }
        for bad in ["", "x", "1x", "1.2.3", "--1", "."] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
        assert_eq!(milli("1.5"), Some(1500));
        assert_eq!(milli("1u"), Some(1));
    }
}
