//! The messages of Konnectivity's `ProxyService`, and how gRPC frames them.
//!
//! There are six of them, of numbers and texts only: a table of fields is
//! shorter than a code generator.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The longest message that is taken. Servers send data in pieces of 32 KiB at most.
const LONGEST: usize = 4 << 20;

/// One message of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Open a connection to `host:port`.
    DialRequest {
        /// Where to.
        address: String,
        /// Names the request until there is a connection.
        random: i64,
    },
    /// It is open, or why it is not.
    DialResponse {
        /// Why not; empty where it is open.
        error: String,
        /// Names the connection.
        connection: i64,
        /// The request's.
        random: i64,
    },
    /// Bytes of a connection.
    Data {
        /// Which.
        connection: i64,
        /// What.
        data: Bytes,
    },
    /// Close a connection.
    CloseRequest {
        /// Which.
        connection: i64,
    },
    /// It is closed.
    CloseResponse {
        /// What was wrong with it, if anything.
        error: String,
        /// Which.
        connection: i64,
    },
    /// Give up a request.
    CloseDial {
        /// Which.
        random: i64,
    },
    /// One that this client does not know.
    Other,
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// They end in the middle.
    #[error("a message ends in the middle")]
    Short,
    /// They are of a kind that protobuf does not have, or compressed.
    #[error("a message is not encoded as agreed")]
    Encoding,
    /// There are too many.
    #[error("a message is longer than {LONGEST} bytes")]
    Long,
}

/// A field as it is on the wire.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Packet {
    /// The message with its frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let (kind, field, body) = self.body();
        let mut message = BytesMut::new();
        number(&mut message, 1, kind);
        block(&mut message, field, &body, true);
        let mut framed = BytesMut::with_capacity(message.len() + 5);
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        framed.put(message);
        framed.freeze()
    }

    /// Its type, the field its content is in, and the content.
    fn body(&self) -> (i64, u64, BytesMut) {
        let mut body = BytesMut::new();
        let (kind, field) = match self {
            Self::DialRequest { address, random } => {
                block(&mut body, 1, b"tcp", false);
                block(&mut body, 2, address.as_bytes(), false);
                number(&mut body, 3, *random);
                (0, 2)
            }
            Self::DialResponse {
                error,
                connection,
                random,
            } => {
                block(&mut body, 1, error.as_bytes(), false);
                number(&mut body, 2, *connection);
                number(&mut body, 3, *random);
                (1, 3)
            }
            Self::Data { connection, data } => {
                number(&mut body, 1, *connection);
                block(&mut body, 3, data, false);
                (4, 4)
            }
            Self::CloseRequest { connection } => {
                number(&mut body, 1, *connection);
                (2, 5)
            }
            Self::CloseResponse { error, connection } => {
                block(&mut body, 1, error.as_bytes(), false);
                number(&mut body, 2, *connection);
                (3, 6)
            }
            Self::CloseDial { random } => {
                number(&mut body, 1, *random);
                (5, 7)
            }
            Self::Other => (6, 8),
        };
        (kind, field, body)
    }

    /// Takes the first whole message off the bytes that have come.
    ///
    /// # Errors
    /// What comes is no message.
    pub fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Malformed> {
        let Some((head, rest)) = buffer.split_first_chunk::<5>() else {
            return Ok(None);
        };
        let [compressed, length @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if compressed != 0 {
            return Err(Malformed::Encoding);
        }
        if length > LONGEST {
            return Err(Malformed::Long);
        }
        if rest.len() < length {
            return Ok(None);
        }
        buffer.advance(5);
        let message = buffer.split_to(length).freeze();
        Self::decode(&message).map(Some)
    }

    fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let mut found = Self::Other;
        fields(message, |field, value| {
            if let Field::Bytes(body) = value {
                found = match field {
                    2 => Self::DialRequest {
                        address: text(body, 2)?,
                        random: signed(body, 3)?,
                    },
                    3 => Self::DialResponse {
                        error: text(body, 1)?,
                        connection: signed(body, 2)?,
                        random: signed(body, 3)?,
                    },
                    4 => Self::Data {
                        connection: signed(body, 1)?,
                        data: Bytes::copy_from_slice(&content(body, 3)?),
                    },
                    5 => Self::CloseRequest {
                        connection: signed(body, 1)?,
                    },
                    6 => Self::CloseResponse {
                        error: text(body, 1)?,
                        connection: signed(body, 2)?,
                    },
                    7 => Self::CloseDial {
                        random: signed(body, 1)?,
                    },
                    _ => Self::Other,
                };
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// A number; zero is not written.
fn number(out: &mut BytesMut, field: u64, value: i64) {
    if value != 0 {
        varint(out, field << 3);
        varint(out, value.cast_unsigned());
    }
}

/// Text, bytes or a message; empty ones are written only where they say something.
fn block(out: &mut BytesMut, field: u64, bytes: &[u8], always: bool) {
    if always || !bytes.is_empty() {
        varint(out, field << 3 | 2);
        varint(out, bytes.len() as u64);
        out.put(bytes);
    }
}

fn read_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Malformed::Short)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Encoding)
}

/// Every field of a message.
fn fields<'a>(
    mut bytes: &'a [u8],
    mut each: impl FnMut(u64, Field<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = bytes.split_at_checked(length).ok_or(Malformed::Short)?;
        *bytes = rest;
        Ok(taken)
    }
    while !bytes.is_empty() {
        let key = read_varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Field::Number(read_varint(&mut bytes)?),
            1 => Field::Bytes(split(&mut bytes, 8)?),
            2 => {
                let length = read_varint(&mut bytes)?;
                let length = usize::try_from(length).map_err(|_| Malformed::Long)?;
                Field::Bytes(split(&mut bytes, length)?)
            }
            5 => Field::Bytes(split(&mut bytes, 4)?),
            _ => return Err(Malformed::Encoding),
        };
        each(key >> 3, value)?;
    }
    Ok(())
}

fn signed(body: &[u8], wanted: u64) -> Result<i64, Malformed> {
    let mut found = 0;
    fields(body, |field, value| {
        if let (true, Field::Number(value)) = (field == wanted, value) {
            found = value.cast_signed();
        }
        Ok(())
    })?;
    Ok(found)
}

fn content(body: &[u8], wanted: u64) -> Result<Vec<u8>, Malformed> {
    let mut found = Vec::new();
    fields(body, |field, value| {
        if let (true, Field::Bytes(value)) = (field == wanted, value) {
            found = value.to_vec();
        }
        Ok(())
    })?;
    Ok(found)
}

fn text(body: &[u8], wanted: u64) -> Result<String, Malformed> {
    Ok(String::from_utf8_lossy(&content(body, wanted)?).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written down by hand from the protocol's definition.
    #[test]
    fn messages_are_as_the_protocol_has_them() {
        let dial = Packet::DialRequest {
            address: "c1:443".to_owned(),
            random: 300,
        };
        let expected: &[u8] = b"\0\0\0\0\x12\x12\x10\x0a\x03tcp\x12\x06c1:443\x18\xac\x02";
        assert_eq!(dial.encode(), expected);
        let close = Packet::CloseRequest { connection: 7 };
        assert_eq!(close.encode(), &b"\0\0\0\0\x06\x08\x02\x2a\x02\x08\x07"[..]);
        let data = Packet::Data {
            connection: 1,
            data: Bytes::from_static(b"hi"),
        };
        let expected: &[u8] = b"\0\0\0\0\x0a\x08\x04\x22\x06\x08\x01\x1a\x02hi";
        assert_eq!(data.encode(), expected);
    }

    #[test]
    fn a_message_is_taken_when_it_is_whole() {
        let packet = Packet::CloseDial { random: -1 };
        let bytes = packet.encode();
        let mut buffer = BytesMut::new();
        for byte in &bytes[..bytes.len() - 1] {
            buffer.put_u8(*byte);
            assert_eq!(Packet::take(&mut buffer), Ok(None));
        }
        buffer.put_u8(bytes[bytes.len() - 1]);
        assert_eq!(Packet::take(&mut buffer), Ok(Some(packet)));
        assert!(buffer.is_empty());
        let mut compressed = BytesMut::from(&b"\x01\0\0\0\0"[..]);
        assert_eq!(Packet::take(&mut compressed), Err(Malformed::Encoding));
        let mut endless = BytesMut::from(&b"\0\xff\xff\xff\xff"[..]);
        assert_eq!(Packet::take(&mut endless), Err(Malformed::Long));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(error in "\\PC{0,20}", connection: i64, random: i64, data: Vec<u8>) {
            for packet in [
                Packet::DialRequest { address: error.clone(), random },
                Packet::DialResponse { error: error.clone(), connection, random },
                Packet::Data { connection, data: data.clone().into() },
                Packet::CloseRequest { connection },
                Packet::CloseResponse { error: error.clone(), connection },
                Packet::CloseDial { random },
                Packet::Other,
            ] {
                let mut buffer = BytesMut::from(&packet.encode()[..]);
                prop_assert_eq!(Packet::take(&mut buffer), Ok(Some(packet)));
            }
        }

        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = Packet::decode(&bytes);
            let _ = Packet::take(&mut BytesMut::from(&bytes[..]));
        }
    }
}
