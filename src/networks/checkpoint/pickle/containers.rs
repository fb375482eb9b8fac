//! Tuples, lists, dictionaries and sets of a pickle: made of what lies on the stack, or grown by it.

use std::io::Read;

use super::machine::{Done, Machine};
use super::value::Object;

impl<R: Read> Machine<'_, '_, R> {
    pub(super) fn tuple(&mut self, opcode: u8) -> Done {
        let items = match opcode {
            b')' => Vec::new(),          // EMPTY_TUPLE
            b't' => self.pop_to_mark()?, // TUPLE
            // TUPLE1 to TUPLE3
            _ => {
                let mut items = Vec::new();
                for _ in 0x85..=opcode {
                    items.push(self.pop("an item of a tuple")?);
                }
                items.reverse();
                items
            }
        };
        self.push_object(Object::Tuple(items));
        Ok(())
    }

    pub(super) fn list(&mut self, opcode: u8) -> Done {
        let items = match opcode {
            b']' => Vec::new(),                           // EMPTY_LIST
            b'a' => vec![self.pop("an item of a list")?], // APPEND
            _ => self.pop_to_mark()?,                     // LIST, APPENDS
        };
        if matches!(opcode, b']' | b'l') {
            self.push_object(Object::List(items));
            return Ok(());
        }
        let list = self.top("a list to add to")?;
        match self.object_mut(list) {
            Some(Object::List(list)) => list.extend(items),
            Some(Object::Opaque { .. }) => {}
            _ => return Err(self.damaged("a list to add to", "another value")),
        }
        Ok(())
    }

    pub(super) fn dict(&mut self, opcode: u8) -> Done {
        let flat = match opcode {
            b'}' => Vec::new(), // EMPTY_DICT
            b's' => {
                let value = self.pop("a value of a dictionary")?; // SETITEM
                vec![self.pop("a key of a dictionary")?, value]
            }
            _ => self.pop_to_mark()?, // DICT, SETITEMS
        };
        let (pairs, odd) = flat.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(self.damaged("keys and values in pairs", "a key without a value"));
        }
        let items = pairs.iter().map(|&[key, value]| (key, value));
        if matches!(opcode, b'}' | b'd') {
            self.push_object(Object::Dict(items.collect()));
            return Ok(());
        }
        let dict = self.top("a dictionary to add to")?;
        match self.object_mut(dict) {
            Some(Object::Dict(dict)) => dict.extend(items),
            Some(Object::Opaque { .. }) => {}
            _ => return Err(self.damaged("a dictionary to add to", "another value")),
        }
        Ok(())
    }

    pub(super) fn set(&mut self, opcode: u8) -> Done {
        if opcode == 0x90 {
            self.pop_to_mark()?; // ADDITEMS
            let set = self.top("a set to add to")?;
            return match self.object_mut(set) {
                Some(Object::Set | Object::Opaque { .. }) => Ok(()),
                _ => Err(self.damaged("a set to add to", "another value")),
            };
        }
        if opcode == 0x91 {
            self.pop_to_mark()?; // FROZENSET
        }
        self.push_object(Object::Set); // EMPTY_SET too
        Ok(())
    }
}
