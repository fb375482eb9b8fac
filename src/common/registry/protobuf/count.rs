//! Count of values: a message is not decoded where it has more values than fit into memory.
//!
//! A decoded value takes fifty bytes and more, and two bytes of a message, or one of a packed list, make a value.

use prost_reflect::{Kind, MessageDescriptor};

use super::super::decode_fault::DecodeFault;

/// The most values of one message, with all in it: some ten megabytes. A post has some dozens, a picture is one.
const MAX_VALUES: usize = 200_000;

/// The deepest message within messages; decoders of Protobuf allow 100.
const MAX_DEPTH: usize = 100;

/// How values are written.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const WITH_LENGTH: u64 = 2;
const GROUP: u64 = 3;
const END_OF_GROUP: u64 = 4;
const FOUR_BYTES: u64 = 5;

/// Refuses a message of more than [`MAX_VALUES`], or one that nests too deep. Other faults are left to the decoder.
pub(super) fn check_count(descriptor: &MessageDescriptor, message: &[u8]) -> Result<(), DecodeFault> {
    let mut count = Count { left: MAX_VALUES };
    match count.message(Some(descriptor), message, 0) {
        Ok(()) | Err(Stop::Damaged) => Ok(()),
        Err(Stop::TooMany) => {
            Err(DecodeFault::beyond_limit(format!("the message has more than {MAX_VALUES} values")))
        }
        Err(Stop::TooDeep) => {
            Err(DecodeFault::beyond_limit(format!("messages nest deeper than {MAX_DEPTH}")))
        }
    }
}

enum Stop {
    TooMany,
    TooDeep,
    Damaged,
}

struct Count {
    left: usize,
}

impl Count {
    fn message(
        &mut self,
        descriptor: Option<&MessageDescriptor>,
        mut rest: &[u8],
        depth: usize,
    ) -> Result<(), Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::TooDeep);
        }
        let mut groups = 0_usize;
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            match tag & 7 {
                VARINT => {
                    varint(&mut rest)?;
                    self.add(1)?;
                }
                EIGHT_BYTES => {
                    take(&mut rest, 8)?;
                    self.add(1)?;
                }
                FOUR_BYTES => {
                    take(&mut rest, 4)?;
                    self.add(1)?;
                }
                WITH_LENGTH => {
                    let length = varint(&mut rest)?;
                    let inner = take(&mut rest, usize::try_from(length).map_err(|_| Stop::Damaged)?)?;
                    let number = u32::try_from(tag >> 3).map_err(|_| Stop::Damaged)?;
                    // Within a group the numbers are those of its own message, which is not looked up: all are counted
                    // as the message around it has them.
                    self.with_length(descriptor, number, inner, depth)?;
                }
                GROUP => {
                    groups += 1;
                    self.add(1)?;
                    if depth + groups > MAX_DEPTH {
                        return Err(Stop::TooDeep);
                    }
                }
                END_OF_GROUP => groups = groups.checked_sub(1).ok_or(Stop::Damaged)?,
                _ => return Err(Stop::Damaged),
            }
        }
        Ok(())
    }

    fn with_length(
        &mut self,
        descriptor: Option<&MessageDescriptor>,
        number: u32,
        inner: &[u8],
        depth: usize,
    ) -> Result<(), Stop> {
        self.add(1)?;
        let Some(field) = descriptor.and_then(|descriptor| descriptor.get_field(number)) else {
            return Ok(());
        };
        match field.kind() {
            Kind::Message(message) => self.message(Some(&message), inner, depth + 1),
            Kind::String | Kind::Bytes => Ok(()),
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => self.add(inner.len() / 8),
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => self.add(inner.len() / 4),
            // The last byte of each number has its highest bit clear.
            _ => self.add(inner.iter().filter(|byte| **byte & 0x80 == 0).count()),
        }
    }

    fn add(&mut self, values: usize) -> Result<(), Stop> {
        self.left = self.left.checked_sub(values).ok_or(Stop::TooMany)?;
        Ok(())
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64, Stop> {
    let mut value = 0;
    for shift in 0..10 {
        let [byte] = take(rest, 1)? else { return Err(Stop::Damaged) };
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Stop::Damaged)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Stop> {
    let (taken, behind) = rest.split_at_checked(count).ok_or(Stop::Damaged)?;
    *rest = behind;
    Ok(taken)
}
