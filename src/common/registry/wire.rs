//! Wire format of Confluent's serializers: a magic byte of zero, the schema's id, and for Protobuf the message's place.

/// The first byte of each value.
pub const MAGIC: u8 = 0;

/// Bytes before the body: the magic byte, and the id as four bytes, the highest first.
pub const HEADER_BYTES: usize = 5;

/// The deepest message within messages, and with it the most numbers of a place. Compilers of Protobuf allow 32 or less.
const MAX_PLACE: usize = 32;

/// A value in the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed<'a> {
    /// The id of its schema.
    pub id: u32,
    /// What follows the id.
    pub body: &'a [u8],
}

/// Whether a value is written in the wire format. No JSON begins with a byte of zero.
#[must_use]
pub fn is_framed(value: &[u8]) -> bool {
    value.first() == Some(&MAGIC)
}

/// The parts of a value in the wire format.
///
/// # Errors
/// It does not begin with the magic byte, or ends within its header.
pub fn framed(value: &[u8]) -> Result<Framed<'_>, String> {
    match value {
        [MAGIC, a, b, c, d, body @ ..] => Ok(Framed { id: u32::from_be_bytes([*a, *b, *c, *d]), body }),
        [MAGIC, ..] => Err(format!(
            "the record begins with the magic byte of a Schema Registry, and has {} bytes: the schema's id ends at byte \
             {HEADER_BYTES}",
            value.len()
        )),
        _ => Err("the record does not begin with the magic byte of a Schema Registry".to_owned()),
    }
}

/// A value of the wire format with its header alone.
#[must_use]
pub fn header(id: u32) -> Vec<u8> {
    let mut value = vec![MAGIC];
    value.extend_from_slice(&id.to_be_bytes());
    value
}

/// The place of a message of Protobuf among those of its file, each number within the message before it, and the bytes
/// behind it. The single byte zero stands for the first message.
///
/// # Errors
/// The place is cut off, or no place.
pub fn message_place(body: &[u8]) -> Result<(Vec<usize>, &[u8]), String> {
    let mut rest = body;
    let count = number(&mut rest)?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    if count > MAX_PLACE {
        return Err(format!(
            "the place of the message has {count} numbers, more than the {MAX_PLACE} that it may have"
        ));
    }
    let place = (0..count).map(|_| number(&mut rest)).collect::<Result<Vec<usize>, String>>()?;
    Ok((place, rest))
}

/// A number in zigzag encoding of variable length, which is not negative.
fn number(rest: &mut &[u8]) -> Result<usize, String> {
    let mut value: u64 = 0;
    for shift in 0..5 {
        let [byte, behind @ ..] = *rest else {
            return Err("the record ends within the place of its message".to_owned());
        };
        *rest = behind;
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            let is_negative = value & 1 == 1;
            return usize::try_from(value >> 1)
                .ok()
                .filter(|_| !is_negative)
                .ok_or_else(|| "the place of the message has a negative number".to_owned());
        }
    }
    Err("the place of the message has a number of more than five bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_and_what_is_cut_off_is_told() {
        assert_eq!(framed(&[0, 0, 0, 1, 2, 9, 8]), Ok(Framed { id: 258, body: &[9, 8] }));
        assert_eq!(framed(&header(u32::MAX)), Ok(Framed { id: u32::MAX, body: &[] }));
        assert!(framed(&[0, 1, 2]).unwrap_err().contains("has 3 bytes"));
        assert!(framed(b"{}").unwrap_err().contains("does not begin"));
        assert!(is_framed(&[0]) && !is_framed(b"{") && !is_framed(b""));
    }

    #[test]
    fn the_place_of_a_message_has_a_short_form_and_a_long_one() {
        assert_eq!(message_place(&[0, 7]), Ok((vec![0], &[7_u8][..])));
        // Two numbers: 1 and 100, in zigzag encoding 2 and 200.
        assert_eq!(message_place(&[4, 2, 0xc8, 1, 7]), Ok((vec![1, 100], &[7_u8][..])));
        for (body, part) in [
            (&[][..], "ends within the place"),
            (&[4, 2], "ends within the place"),
            (&[1], "a negative number"),
            (&[0x84, 0x80, 0x80, 0x80, 0x80, 0x80], "more than five bytes"),
            (&[0xfe, 0xff, 0xff, 0xff, 0x0f], "more than the 32"),
        ] {
            let fault = message_place(body).unwrap_err();
            assert!(fault.contains(part), "{body:?}: {fault}");
        }
    }
}
