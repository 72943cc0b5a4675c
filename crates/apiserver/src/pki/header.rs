//! What is wrong with the outermost part of what should be DER, in the words of Go's
//! reader: clients see them in refusals.

/// Why these bytes are no sequence that is whole, as far as its header says; `of` is the
/// name of the structure that it should be.
pub(super) fn complaint(bytes: &[u8], of: &str) -> Option<String> {
    let syntax = |what: &str| Some(format!("asn1: syntax error: {what}"));
    if bytes.is_empty() {
        return syntax("sequence truncated");
    }
    let header = match Header::read(bytes) {
        Ok(header) => header,
        Err(Wrong::Syntax(what)) => return syntax(what),
        Err(Wrong::Structure(what)) => return Some(format!("asn1: structure error: {what}")),
    };
    let Header {
        class,
        compound,
        tag,
        length,
        size,
    } = header;
    if (class, compound, tag) != (0, true, 16) {
        return Some(format!(
            "asn1: structure error: tags don't match (16 vs {{class:{class} tag:{tag} length:{length} isCompound:{compound}}}) {{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}} {of} @{size}"
        ));
    }
    match length {
        _ if size + length > bytes.len() => syntax("data truncated"),
        0 => syntax("sequence truncated"),
        _ => None,
    }
}

enum Wrong {
    Syntax(&'static str),
    Structure(&'static str),
}

struct Header {
    class: u8,
    compound: bool,
    tag: usize,
    length: usize,
    /// How many bytes it has itself.
    size: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Wrong> {
        let mut rest = bytes.iter().copied();
        let first = rest.next().ok_or(TRUNCATED)?;
        let mut tag = usize::from(first & 0x1f);
        if tag == 0x1f {
            tag = long_tag(&mut rest)?;
            if tag < 0x1f {
                return Err(Wrong::Syntax("non-minimal tag"));
            }
        }
        let mut length = usize::from(rest.next().ok_or(TRUNCATED)?);
        if length >= 0x80 {
            let count = length & 0x7f;
            if count == 0 {
                return Err(Wrong::Syntax("indefinite length found (not DER)"));
            }
            length = 0;
            for _ in 0..count {
                let byte = rest.next().ok_or(TRUNCATED)?;
                if length >= 1 << 23 {
                    return Err(Wrong::Structure("length too large"));
                }
                length = length << 8 | usize::from(byte);
                if length == 0 {
                    return Err(Wrong::Structure("superfluous leading zeros in length"));
                }
            }
            if length < 0x80 {
                return Err(Wrong::Structure("non-minimal length"));
            }
        }
        Ok(Self {
            class: first >> 6,
            compound: first & 0x20 != 0,
            tag,
            length,
            size: bytes.len() - rest.len(),
        })
    }
}

const TRUNCATED: Wrong = Wrong::Syntax("truncated tag or length");

fn long_tag(rest: &mut impl Iterator<Item = u8>) -> Result<usize, Wrong> {
    let mut tag = 0_usize;
    for count in 0.. {
        let Some(byte) = rest.next() else { break };
        match count {
            5 => break,
            0 if byte == 0x80 => return Err(Wrong::Syntax("integer is not minimally encoded")),
            _ => tag = tag << 7 | usize::from(byte & 0x7f),
        }
        if byte & 0x80 == 0 {
            return match tag > i32::MAX.unsigned_abs() as usize {
                true => Err(Wrong::Structure("base 128 integer too large")),
                false => Ok(tag),
            };
        }
        if count == 4 {
            return Err(match rest.next() {
                Some(_) => Wrong::Structure("base 128 integer too large"),
                None => Wrong::Syntax("truncated base 128 integer"),
            });
        }
    }
    Err(Wrong::Syntax("truncated base 128 integer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_judged_in_the_words_of_go() {
        let mismatch = |found: &str, at: usize| {
            format!(
                "structure error: tags don't match (16 vs {found}) {{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}} x @{at}"
            )
        };
        let said = |bytes: &[u8]| complaint(bytes, "x");
        for (bytes, expected) in [
            (&b""[..], "syntax error: sequence truncated".to_owned()),
            (b"\x30", "syntax error: truncated tag or length".to_owned()),
            (
                b"\x30\x82\x01",
                "syntax error: truncated tag or length".to_owned(),
            ),
            (
                b"\x30\x80",
                "syntax error: indefinite length found (not DER)".to_owned(),
            ),
            (
                b"\x30\x81\x05",
                "structure error: non-minimal length".to_owned(),
            ),
            (
                b"\x30\x82\x00\x05",
                "structure error: superfluous leading zeros in length".to_owned(),
            ),
            (
                b"\x30\x84\xff\xff\xff\xff",
                "structure error: length too large".to_owned(),
            ),
            (b"\x30\x05\x01", "syntax error: data truncated".to_owned()),
            (b"\x30\x00", "syntax error: sequence truncated".to_owned()),
            (b"\x3f\x05\x00", "syntax error: non-minimal tag".to_owned()),
            (
                b"\x3f\x80\x00",
                "syntax error: integer is not minimally encoded".to_owned(),
            ),
            (
                b"\x3f\xff",
                "syntax error: truncated base 128 integer".to_owned(),
            ),
            (
                b"\x3f\xff\xff\xff\xff\xff\x01",
                "structure error: base 128 integer too large".to_owned(),
            ),
            (
                b"hello",
                mismatch("{class:1 tag:8 length:101 isCompound:true}", 2),
            ),
            (
                b"\x04\x03abc",
                mismatch("{class:0 tag:4 length:3 isCompound:false}", 2),
            ),
            (
                b"\xdf\x81\x01\x00",
                mismatch("{class:3 tag:129 length:0 isCompound:false}", 4),
            ),
        ] {
            assert_eq!(said(bytes), Some(format!("asn1: {expected}")), "{bytes:x?}");
        }
        assert_eq!(said(b"\x30\x02\x05\x00"), None);
    }
}
