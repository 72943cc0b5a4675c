//! The few forms of DER that a certificate is written in. rcgen keeps one value
//! per attribute of a name, and a Kubernetes user has many groups (`O`).

/// A value with its tag and length in front.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or(0x7f));
    } else {
        let bytes = length.to_be_bytes();
        let significant: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        out.extend(significant);
    }
    out.extend_from_slice(content);
    out
}

fn concat(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.iter().flatten().copied().collect()
}

/// SEQUENCE.
pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &concat(parts))
}

/// SET of one or more.
pub(super) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x31, &concat(parts))
}

/// A constructed, explicit context tag.
pub(super) fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    tagged(0xa0 | number, content)
}

/// A primitive, implicit context tag.
pub(super) fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    tagged(0x80 | number, content)
}

/// INTEGER from unsigned big-endian bytes.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    if content.first().is_none_or(|b| b & 0x80 != 0) {
        content.insert(0, 0);
    }
    tagged(0x02, &content)
}

/// BOOLEAN true.
pub(super) fn yes() -> Vec<u8> {
    tagged(0x01, &[0xff])
}

/// OBJECT IDENTIFIER.
pub(super) fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = Vec::new();
    let (head, rest) = arcs.split_at(2.min(arcs.len()));
    let first = match head {
        [a, b] => a * 40 + b,
        _ => 0,
    };
    for arc in std::iter::once(&first).chain(rest) {
        let mut septets = vec![u8::try_from(arc & 0x7f).unwrap_or(0)];
        let mut left = arc >> 7;
        while left > 0 {
            septets.push(u8::try_from(left & 0x7f).unwrap_or(0) | 0x80);
            left >>= 7;
        }
        content.extend(septets.iter().rev());
    }
    tagged(0x06, &content)
}

/// BIT STRING of whole bytes.
pub(super) fn bits(content: &[u8]) -> Vec<u8> {
    let mut padded = vec![0];
    padded.extend_from_slice(content);
    tagged(0x03, &padded)
}

/// BIT STRING of named bits, without trailing zeros.
pub(super) fn named_bits(positions: &[u8]) -> Vec<u8> {
    let Some(last) = positions.iter().max().copied() else {
        return tagged(0x03, &[0]);
    };
    let mut content = vec![0u8; usize::from(last) / 8 + 2];
    content[0] = 7 - last % 8;
    for position in positions {
        content[usize::from(*position) / 8 + 1] |= 0x80 >> (position % 8);
    }
    tagged(0x03, &content)
}

/// OCTET STRING.
pub(super) fn octets(content: &[u8]) -> Vec<u8> {
    tagged(0x04, content)
}

/// UTF8String.
pub(super) fn utf8(text: &str) -> Vec<u8> {
    tagged(0x0c, text.as_bytes())
}

/// UTCTime to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5).
pub(super) fn time(at: jiff::Timestamp) -> Vec<u8> {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    if at.year() < 2050 {
        tagged(0x17, at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        tagged(0x18, at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(oid(&[2, 5, 4, 3]), [0x06, 3, 0x55, 4, 3]);
        assert_eq!(
            oid(&[1, 2, 840, 10045, 4, 3, 2]),
            [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]
        );
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0]), [2, 1, 0]);
        assert_eq!(named_bits(&[0, 2]), [3, 2, 5, 0xa0]);
        assert_eq!(tagged(4, &[0; 200])[..3], [4, 0x81, 200]);
        assert_eq!(tagged(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
    }
}
