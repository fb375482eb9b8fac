//! Cursor: the primitive values of Avro's binary encoding, one after the other.

/// The longest number: 64 bits, seven in a byte.
const MAX_NUMBER_BYTES: u32 = 10;

/// What is left of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// How many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.length - self.rest.len()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(format!("{count} bytes should follow, and {} do", self.rest.len())),
        }
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], String> {
        let mut bytes = [0; COUNT];
        bytes.copy_from_slice(self.take(COUNT)?);
        Ok(bytes)
    }

    /// A number in zigzag encoding of variable length.
    pub(super) fn long(&mut self) -> Result<i64, String> {
        let mut value: u64 = 0;
        for index in 0..MAX_NUMBER_BYTES {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(format!("a number has more than {MAX_NUMBER_BYTES} bytes"))
    }

    pub(super) fn int(&mut self) -> Result<i32, String> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| format!("the number {number} is no `int`"))
    }

    /// Bytes behind their number.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(format!("{length} is no length")),
        }
    }

    pub(super) fn string(&mut self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|fault| {
            format!("a string is not UTF-8: byte {} begins no character", fault.valid_up_to())
        })
    }

    /// The number of elements of the next block of a list, which is its last where it is zero. Its bytes may stand
    /// behind its number, which is then negative.
    pub(super) fn block(&mut self) -> Result<u64, String> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        Ok(count.unsigned_abs())
    }
}
