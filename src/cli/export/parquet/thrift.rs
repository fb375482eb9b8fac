//! Thrift's compact protocol: what the metadata of a Parquet file is written in.
//!
//! Source: the Thrift specification `thrift-compact-protocol.md`.

/// The type of a field or of a list's elements, as the protocol numbers them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    I32 = 5,
    I64 = 6,
    Binary = 8,
    List = 9,
    Struct = 12,
}

/// Writes one struct. Fields are written in increasing order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Struct {
    bytes: Vec<u8>,
    last: i16,
}

impl Struct {
    /// Adds an `i32`, or an enumeration by its number.
    #[must_use]
    pub(super) fn i32(mut self, field: i16, value: i32) -> Self {
        self.header(field, Kind::I32);
        varint(zigzag(value.into()), &mut self.bytes);
        self
    }

    /// Adds an `i64`.
    #[must_use]
    pub(super) fn i64(mut self, field: i16, value: i64) -> Self {
        self.header(field, Kind::I64);
        varint(zigzag(value), &mut self.bytes);
        self
    }

    /// Adds a text.
    #[must_use]
    pub(super) fn text(mut self, field: i16, value: &str) -> Self {
        self.header(field, Kind::Binary);
        binary(value.as_bytes(), &mut self.bytes);
        self
    }

    /// Adds a struct.
    #[must_use]
    pub(super) fn inner(mut self, field: i16, value: Self) -> Self {
        self.header(field, Kind::Struct);
        self.bytes.extend(value.finish());
        self
    }

    /// Adds a list of structs.
    #[must_use]
    pub(super) fn structs(mut self, field: i16, values: Vec<Self>) -> Self {
        self.list(field, Kind::Struct, values.len());
        values.into_iter().for_each(|value| self.bytes.extend(value.finish()));
        self
    }

    /// Adds a list of `i32`.
    #[must_use]
    pub(super) fn i32s(mut self, field: i16, values: &[i32]) -> Self {
        self.list(field, Kind::I32, values.len());
        values.iter().for_each(|&value| varint(zigzag(value.into()), &mut self.bytes));
        self
    }

    /// Adds a list of texts.
    #[must_use]
    pub(super) fn texts(mut self, field: i16, values: &[&str]) -> Self {
        self.list(field, Kind::Binary, values.len());
        values.iter().for_each(|value| binary(value.as_bytes(), &mut self.bytes));
        self
    }

    /// The bytes of the struct with its end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }

    fn list(&mut self, field: i16, kind: Kind, length: usize) {
        self.header(field, Kind::List);
        let kind = kind as u8;
        if length < 15 {
            self.bytes.push((length as u8) << 4 | kind);
        } else {
            self.bytes.push(0xf0 | kind);
            varint(length as u64, &mut self.bytes);
        }
    }

    /// The distance to the last field where it is short, else the number itself.
    fn header(&mut self, field: i16, kind: Kind) {
        let distance = field - self.last;
        self.last = field;
        if (1..=15).contains(&distance) {
            self.bytes.push((distance as u8) << 4 | kind as u8);
        } else {
            self.bytes.push(kind as u8);
            varint(zigzag(field.into()), &mut self.bytes);
        }
    }
}

fn binary(value: &[u8], bytes: &mut Vec<u8>) {
    varint(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
pub(super) fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_bytes_of_the_specification() {
        let inner = Struct::default().i32(1, -1);
        let written = Struct::default().i32(1, 1).i64(3, 300).text(20, "é").structs(21, vec![inner]).finish();
        let expected: &[u8] = &[0x15, 2, 0x26, 0xd8, 4, 0x08, 40, 2, 0xc3, 0xa9, 0x19, 0x1c, 0x15, 1, 0, 0];
        assert_eq!(written, expected);
        let long = Struct::default().i32s(1, &[0; 16]).finish();
        assert_eq!(long[..3], [0x19, 0xf5, 16]);
        assert_eq!(Struct::default().finish(), [0]);
    }
}
