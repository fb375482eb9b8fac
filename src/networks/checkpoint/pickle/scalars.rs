//! Numbers, text and bytes of a pickle: each stands in it behind its opcode, some behind a length.

use std::io::Read;

use super::machine::{Done, Machine};
use super::value::{Object, Value};
use crate::networks::checkpoint::CheckpointError;

impl<R: Read> Machine<'_, '_, R> {
    pub(super) fn integer(&mut self, opcode: u8) -> Done {
        const WHAT: &str = "a number";
        let long = match opcode {
            b'K' => i64::from(self.input.array::<1>(WHAT)?[0]), // BININT1
            b'M' => i64::from(u16::from_le_bytes(self.input.array(WHAT)?)), // BININT2
            b'J' => i64::from(i32::from_le_bytes(self.input.array(WHAT)?)), // BININT
            _ => return self.long(opcode),                      // LONG1, LONG4
        };
        self.push(Value::Int(long));
        Ok(())
    }

    /// A number of any length, the lowest byte first. One beyond 64 bits counts nothing in a checkpoint.
    fn long(&mut self, opcode: u8) -> Done {
        const WHAT: &str = "a long number";
        let length = self.length(if opcode == 0x8a { 1 } else { 4 }, WHAT)?;
        if length > 8 {
            self.input.skip(length, WHAT)?;
            self.push(Value::Float);
            return Ok(());
        }
        let bytes = self.input.bytes(length, WHAT)?;
        let negative = bytes.last().is_some_and(|highest| highest & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..bytes.len()].copy_from_slice(&bytes);
        self.push(Value::Int(i64::from_le_bytes(whole)));
        Ok(())
    }

    /// A length, written in so many bytes.
    fn length(&mut self, bytes: usize, what: &str) -> Result<u64, CheckpointError> {
        Ok(match bytes {
            1 => u64::from(self.input.array::<1>(what)?[0]),
            4 => u64::from(u32::from_le_bytes(self.input.array(what)?)),
            _ => u64::from_le_bytes(self.input.array(what)?),
        })
    }

    pub(super) fn text(&mut self, opcode: u8) -> Done {
        const WHAT: &str = "text";
        let length = match opcode {
            0x8c | b'U' => self.length(1, WHAT)?, // SHORT_BINUNICODE, and Python 2's SHORT_BINSTRING
            b'X' | b'T' => self.length(4, WHAT)?, // BINUNICODE, and Python 2's BINSTRING
            _ => self.length(8, WHAT)?,           // BINUNICODE8
        };
        let bytes = self.input.bytes(length, WHAT)?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => Object::Text(text),
            // Python 2 wrote bytes in the same way.
            Err(_) if matches!(opcode, b'U' | b'T') => Object::Bytes,
            Err(error) => return Err(self.damaged("text in UTF-8", &error.to_string())),
        };
        self.push_object(text);
        Ok(())
    }

    pub(super) fn bytes(&mut self, opcode: u8) -> Done {
        const WHAT: &str = "bytes";
        let length = match opcode {
            b'C' => self.length(1, WHAT)?, // SHORT_BINBYTES
            b'B' => self.length(4, WHAT)?, // BINBYTES
            _ => self.length(8, WHAT)?,    // BINBYTES8, BYTEARRAY8
        };
        self.input.skip(length, WHAT)?;
        self.push_object(Object::Bytes);
        Ok(())
    }
}
