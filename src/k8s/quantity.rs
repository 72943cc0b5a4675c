//! Sums of Kubernetes quantities: `500m` + `4` cores, `16Gi` + `8025Mi`.

use std::fmt;
use std::str::FromStr;

/// A quantity: a number of billionths, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// How a quantity is written; sums keep that of the first summand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `Ki`, `Mi`, …
    Binary,
    /// `m`, `k`, `M`, …
    Decimal,
    /// `e3`
    Exponent,
}

/// The text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a quantity")]
pub struct NoQuantity;

const NANO: i128 = 1_000_000_000;
const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];
const DECIMAL: [(&str, i32); 9] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

impl FromStr for Quantity {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Self, NoQuantity> {
        let number_end = text
            .char_indices()
            .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && "+-".contains(*c))))
            .map_or(text.len(), |(at, _)| at);
        let (number, suffix) = text.split_at(number_end);
        if let Some((_, shift)) = BINARY.iter().find(|(name, _)| *name == suffix) {
            return Ok(Self {
                nano: scaled(number, 1_i128 << shift, 1)?,
                format: Format::Binary,
            });
        }
        if suffix.is_empty() {
            return Ok(Self {
                nano: scaled(number, 1, 1)?,
                format: Format::Decimal,
            });
        }
        if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
            return Ok(Self {
                nano: powered(number, *power)?,
                format: Format::Decimal,
            });
        }
        let power = suffix
            .strip_prefix(['e', 'E'])
            .and_then(|power| power.parse::<i32>().ok())
            .filter(|power| power.abs() <= 27)
            .ok_or(NoQuantity)?;
        Ok(Self {
            nano: powered(number, power)?,
            format: Format::Exponent,
        })
    }
}

fn powered(number: &str, power: i32) -> Result<i128, NoQuantity> {
    let ten = 10_i128
        .checked_pow(power.unsigned_abs())
        .ok_or(NoQuantity)?;
    if power < 0 {
        scaled(number, 1, ten)
    } else {
        scaled(number, ten, 1)
    }
}

/// `number × times ÷ by` in billionths, rounded up as Kubernetes does.
fn scaled(number: &str, times: i128, by: i128) -> Result<i128, NoQuantity> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return Err(NoQuantity);
    }
    // More digits than these say nothing.
    let part = &part[..part.len().min(15)];
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(part.bytes()) {
        if !digit.is_ascii_digit() {
            return Err(NoQuantity);
        }
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i128::from(digit - b'0')))
            .ok_or(NoQuantity)?;
    }
    let part_digits = u32::try_from(part.len()).map_err(|_| NoQuantity)?;
    let divisor = 10_i128.pow(part_digits) * by;
    let value = value
        .checked_mul(times)
        .and_then(|value| value.checked_mul(NANO))
        .ok_or(NoQuantity)?;
    let value = value / divisor + i128::from(value % divisor != 0);
    Ok(if negative { -value } else { value })
}

impl Quantity {
    /// The number, as near as a float comes to it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a score needs no more digits")]
    pub fn as_f64(self) -> f64 {
        self.nano as f64 / NANO as f64
    }

    /// Both together, written like the first.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nano: self.nano.saturating_add(other.nano),
            // Zero says nothing about how to write.
            format: if self.nano == 0 {
                other.format
            } else {
                self.format
            },
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut format = self.format;
        // Small or fractional numbers have no binary suffix.
        if format == Format::Binary && (self.nano % NANO != 0 || self.nano.abs() < 1024 * NANO) {
            format = Format::Decimal;
        }
        if self.nano == 0 {
            return f.write_str("0");
        }
        match format {
            Format::Binary => {
                let value = self.nano / NANO;
                let (suffix, shift) = BINARY
                    .iter()
                    .rev()
                    .find(|(_, shift)| value % (1_i128 << shift) == 0)
                    .copied()
                    .unwrap_or(("", 0));
                write!(f, "{}{suffix}", value >> shift)
            }
            Format::Decimal | Format::Exponent => {
                let (mut value, mut power) = (self.nano, -9_i32);
                while value % 1000 == 0 && power < 18 {
                    value /= 1000;
                    power += 3;
                }
                if power == 0 {
                    return write!(f, "{value}");
                }
                if format == Format::Exponent {
                    return write!(f, "{value}e{power}");
                }
                let suffix = DECIMAL
                    .iter()
                    .find(|(_, p)| *p == power)
                    .map_or("", |(suffix, _)| suffix);
                write!(f, "{value}{suffix}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let a: Quantity = a.parse().unwrap();
        a.plus(b.parse().unwrap()).to_string()
    }

    #[test]
    fn sums_are_written_as_kubernetes_does() {
        for (a, b, expected) in [
            ("4", "500m", "4500m"),
            ("500m", "500m", "1"),
            ("16Gi", "8Gi", "24Gi"),
            ("16Gi", "512Mi", "16896Mi"),
            ("8145328Ki", "8145328Ki", "16290656Ki"),
            ("110", "110", "220"),
            ("0", "1Gi", "1Gi"),
            ("1024", "1Ki", "2048"),
            ("1Ki", "1024", "2Ki"),
            ("1500Mi", "1.5Gi", "3036Mi"),
            ("100k", "1M", "1100k"),
            ("1e3", "1e3", "2e3"),
            ("0.5", "0.25", "750m"),
            ("100n", "1u", "1100n"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_quantity() {
        for text in [
            "",
            "x",
            "1x",
            "1.2.3",
            "Ki",
            "--1",
            "1e99",
            "9".repeat(60).as_str(),
        ] {
            assert_eq!(text.parse::<Quantity>(), Err(NoQuantity), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(nano in 0_i64..i64::MAX, format in 0..3_u8) {
            let format = [Format::Binary, Format::Decimal, Format::Exponent][usize::from(format)];
            let quantity = Quantity { nano: i128::from(nano), format };
            let again: Quantity = quantity.to_string().parse().unwrap();
            prop_assert_eq!(again.nano, quantity.nano);
        }

        #[test]
        fn no_text_panics(text in "[-+.0-9eEKMGTPikmun]{0,12}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
