//! Columns of a Parquet file: values that may be absent, and their page.

use super::thrift::{Struct, varint};

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Type {
    /// A text in UTF-8.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A number of 64 bits.
    Double,
    /// True or false.
    Boolean,
    /// Milliseconds since 1970 in UTC.
    Timestamp,
}

/// A column with the values of the rows that are not written yet.
#[derive(Debug)]
pub(in super::super) struct Column {
    pub(super) name: &'static str,
    kind: Type,
    /// Whether each row has a value.
    present: Vec<bool>,
    values: Values,
}

/// The values that are there.
#[derive(Debug)]
enum Values {
    /// As they are written.
    Plain(Vec<u8>),
    /// Bits, of which eight become a byte.
    Bits(Vec<bool>),
}

impl Column {
    pub(in super::super) fn new(name: &'static str, kind: Type) -> Self {
        let values = if kind == Type::Boolean { Values::Bits(Vec::new()) } else { Values::Plain(Vec::new()) };
        Self { name, kind, present: Vec::new(), values }
    }

    /// The next row's text.
    pub(in super::super) fn text(&mut self, value: Option<&str>) {
        let bytes = value.map(|text| {
            let mut bytes = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
            bytes.extend_from_slice(text.as_bytes());
            bytes
        });
        self.plain(bytes.as_deref());
    }

    /// The next row's whole number or time.
    pub(in super::super) fn integer(&mut self, value: Option<i64>) {
        self.plain(value.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    /// The next row's number.
    pub(in super::super) fn double(&mut self, value: Option<f64>) {
        self.plain(value.map(f64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    /// The next row's truth.
    pub(in super::super) fn boolean(&mut self, value: Option<bool>) {
        self.present.push(value.is_some());
        if let Values::Bits(bits) = &mut self.values {
            bits.extend(value);
        }
    }

    fn plain(&mut self, value: Option<&[u8]>) {
        self.present.push(value.is_some());
        if let Values::Plain(bytes) = &mut self.values {
            bytes.extend_from_slice(value.unwrap_or_default());
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.present.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Plain(bytes) => bytes.len(),
            Values::Bits(bits) => bits.len(),
        };
        self.present.len() + values
    }

    /// The number of the physical type in `parquet.thrift`.
    pub(super) fn physical(&self) -> i32 {
        match self.kind {
            Type::Boolean => 0,
            Type::Integer | Type::Timestamp => 2,
            Type::Double => 5,
            Type::Text => 6,
        }
    }

    /// The column's element of the schema: type, repetition, name, and what the bytes mean.
    pub(super) fn describe(&self, repetition: i32) -> Struct {
        let element = Struct::default().i32(1, self.physical()).i32(3, repetition).text(4, self.name);
        match self.kind {
            // ConvertedType and LogicalType STRING.
            Type::Text => element.i32(6, 0).inner(10, Struct::default().inner(1, Struct::default())),
            // ConvertedType TIMESTAMP_MILLIS, which is in UTC.
            Type::Timestamp => element.i32(6, 9),
            Type::Integer | Type::Double | Type::Boolean => element,
        }
    }

    /// The page of all rows: which of them have a value, then the values. The column is empty after it.
    pub(super) fn take_page(&mut self) -> Vec<u8> {
        let levels = levels(&std::mem::take(&mut self.present));
        let mut page = u32::try_from(levels.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        page.extend(levels);
        match &mut self.values {
            Values::Plain(bytes) => page.append(bytes),
            Values::Bits(bits) => page.extend(packed(&std::mem::take(bits))),
        }
        page
    }
}

/// Definition levels of one bit in the hybrid of run lengths and packed bits: runs alone, which compress well.
fn levels(present: &[bool]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in present.chunk_by(|one, next| one == next) {
        varint((run.len() as u64) << 1, &mut bytes);
        bytes.push(u8::from(run[0]));
    }
    bytes
}

/// Eight bits a byte, the lowest first.
fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    bits.chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_levels_then_values() {
        let mut texts = Column::new("t", Type::Text);
        [Some("ab"), None, None, Some("")].into_iter().for_each(|text| texts.text(text));
        assert_eq!(texts.take_page(), [6, 0, 0, 0, 2, 1, 4, 0, 2, 1, 2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0]);
        assert_eq!((texts.rows(), texts.bytes()), (0, 0));
        let mut truths = Column::new("b", Type::Boolean);
        let row = [true, false, true, true, false, false, false, false, true];
        row.into_iter().for_each(|truth| truths.boolean(Some(truth)));
        assert_eq!(truths.take_page(), [2, 0, 0, 0, 18, 1, 0b1101, 1]);
        let mut numbers = Column::new("n", Type::Integer);
        numbers.integer(Some(-2));
        assert_eq!(numbers.take_page()[6..], (-2_i64).to_le_bytes());
    }
}
