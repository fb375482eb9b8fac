//! Protocol buffer parser: the fields of a message by number, without a schema.

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'message> {
    /// A varint.
    Number(u64),
    /// Eight bytes.
    Eight([u8; 8]),
    /// Text, bytes, or a message.
    Bytes(&'message [u8]),
    /// Four bytes.
    Four([u8; 4]),
}

/// The fields of a message in order, with their numbers; or the offset at which the message is invalid.
pub(super) fn fields(message: &[u8]) -> Result<Vec<(u64, Field<'_>)>, usize> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let at = message.len() - rest.len();
        let field = field(&mut rest).ok_or(at)?;
        fields.push(field);
    }
    Ok(fields)
}

fn field<'message>(rest: &mut &'message [u8]) -> Option<(u64, Field<'message>)> {
    let tag = number(rest)?;
    let field = match tag & 7 {
        0 => Field::Number(number(rest)?),
        1 => Field::Eight(take(rest, 8)?.try_into().ok()?),
        2 => {
            let length = usize::try_from(number(rest)?).ok()?;
            Field::Bytes(take(rest, length)?)
        }
        5 => Field::Four(take(rest, 4)?.try_into().ok()?),
        _ => return None, // groups, which are obsolete
    };
    Some((tag >> 3, field))
}

fn take<'message>(rest: &mut &'message [u8], length: usize) -> Option<&'message [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// A varint: seven bits a byte, the lowest first; the highest bit means that more follow.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_numbers_and_a_cut_message_is_refused_with_the_offset() {
        let message =
            [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1D, 0, 0, 0x80, 0x3F, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
        let expected = [
            (1, Field::Number(150)),
            (2, Field::Bytes(b"hi")),
            (3, Field::Four(1.0_f32.to_le_bytes())),
            (4, Field::Eight([1, 2, 3, 4, 5, 6, 7, 8])),
        ];
        assert_eq!(fields(&message).unwrap(), expected);
        let cuts = [(1, 0), (2, 0), (5, 3), (9, 7), (20, 12)];
        for (length, place) in cuts {
            assert_eq!(fields(&message[..length]), Err(place), "{length} bytes");
        }
        assert_eq!(fields(&[0x0B]), Err(0), "a group");
        assert_eq!(fields(&[0xFF; 11]), Err(0), "a number without end");
    }
}
