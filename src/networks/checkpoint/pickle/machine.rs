//! Opcodes of a pickle. A stack, marks on it, and a memo; the opcodes are those of Python's `pickletools`.

use std::collections::HashMap;
use std::io::Read;

use super::globals::{Foreign, Global, known};
use super::value::{Object, Pickled, Storage, Value};
use crate::networks::checkpoint::CheckpointError;
use crate::networks::checkpoint::input::{Input, LONGEST_NAME};

/// The most steps that a pickle may take: about 40 a tensor are usual, and each may leave an object behind.
pub(super) const MOST_STEPS: u64 = 4 << 20;

/// The most marks that may be open at once: the depth to which containers stand inside each other.
pub(super) const DEEPEST: usize = 1000;

/// A pickle in the middle of being read.
pub(super) struct Machine<'input, 'file, R> {
    pub(super) input: &'input mut Input<'file, R>,
    pub(super) objects: Vec<Object>,
    pub(super) storages: Vec<Storage>,
    /// Where each storage is in the list, by its key.
    pub(super) storage_numbers: HashMap<String, usize>,
    stack: Vec<Value>,
    /// Heights of the stack at which marks were set.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    foreign: Foreign,
    steps: u64,
    /// Where the opcode that is being carried out stands in the file.
    at: u64,
}

pub(super) type Done = Result<(), CheckpointError>;

impl<'input, 'file, R: Read> Machine<'input, 'file, R> {
    pub(super) fn new(input: &'input mut Input<'file, R>, foreign: Foreign) -> Self {
        Self {
            at: input.position(),
            input,
            objects: Vec::new(),
            storages: Vec::new(),
            storage_numbers: HashMap::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            foreign,
            steps: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Pickled, CheckpointError> {
        loop {
            self.at = self.input.position();
            self.count(1)?;
            match self.input.array("an opcode")? {
                [b'.'] => break,
                [opcode] => self.step(opcode)?,
            }
        }
        let root = self.pop("a value to end with")?;
        Ok(Pickled { root, objects: self.objects, storages: self.storages })
    }

    /// Takes account of work, or of values that are held, so that no short pickle can ask for much of either.
    pub(super) fn count(&mut self, more: usize) -> Done {
        self.steps += more as u64;
        if self.steps > MOST_STEPS {
            return Err(self.input.too_much(MOST_STEPS, "steps in a pickle"));
        }
        Ok(())
    }

    pub(super) fn damaged(&self, expected: &str, found: &str) -> CheckpointError {
        CheckpointError::damaged(self.input.file(), self.at, expected, found)
    }

    pub(super) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    pub(super) fn push_object(&mut self, object: Object) {
        self.stack.push(Value::Object(self.objects.len()));
        self.objects.push(object);
    }

    /// The topmost value above the last mark.
    pub(super) fn pop(&mut self, what: &str) -> Result<Value, CheckpointError> {
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return Err(self.damaged(what, "an empty stack"));
        }
        self.stack.pop().ok_or_else(|| self.damaged(what, "an empty stack"))
    }

    pub(super) fn top(&mut self, what: &str) -> Result<Value, CheckpointError> {
        let value = self.pop(what)?;
        self.push(value);
        Ok(value)
    }

    /// All values above the last mark, which goes too.
    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Value>, CheckpointError> {
        let height = self.marks.pop().ok_or_else(|| self.damaged("a mark on the stack", "none"))?;
        Ok(self.stack.split_off(height))
    }

    fn step(&mut self, opcode: u8) -> Done {
        match opcode {
            0x80 => self.protocol()?,                        // PROTO
            0x95 => drop(self.input.array::<8>("a frame")?), // FRAME, whose length says nothing new
            b'(' => self.mark()?,                            // MARK
            b'0' => self.discard()?,                         // POP
            b'1' => drop(self.pop_to_mark()?),               // POP_MARK
            b'2' => {
                let value = self.top("a value to repeat")?; // DUP
                self.push(value);
            }
            b'N' => self.push(Value::None),        // NONE
            0x88 => self.push(Value::Bool(true)),  // NEWTRUE
            0x89 => self.push(Value::Bool(false)), // NEWFALSE
            b'G' => {
                self.input.array::<8>("a number")?; // BINFLOAT
                self.push(Value::Float);
            }
            b'K' | b'M' | b'J' | 0x8a | 0x8b => self.integer(opcode)?,
            b'X' | 0x8c | 0x8d | b'U' | b'T' => self.text(opcode)?,
            b'C' | b'B' | 0x8e | 0x96 => self.bytes(opcode)?,
            b')' | 0x85..=0x87 | b't' => self.tuple(opcode)?,
            b']' | b'l' | b'a' | b'e' => self.list(opcode)?,
            b'}' | b'd' | b's' | b'u' => self.dict(opcode)?,
            0x8f..=0x91 => self.set(opcode)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.memo(opcode)?,
            b'c' | 0x93 => self.global(opcode)?,
            b'R' | 0x81 | 0x92 => self.call(opcode)?, // REDUCE, NEWOBJ, NEWOBJ_EX
            b'b' => self.build()?,                    // BUILD
            b'Q' => self.persistent()?,               // BINPERSID
            _ => return Err(self.damaged("an opcode that torch writes", &format!("opcode {opcode:#04x}"))),
        }
        Ok(())
    }

    fn protocol(&mut self) -> Done {
        match self.input.array("a protocol")? {
            [2..=5] => Ok(()),
            [other] => Err(self.damaged("a pickle of protocol 2 to 5", &format!("protocol {other}"))),
        }
    }

    fn mark(&mut self) -> Done {
        if self.marks.len() == DEEPEST {
            return Err(self.input.too_much(DEEPEST as u64, "containers inside each other"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn discard(&mut self) -> Done {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop("a value to discard").map(drop)
    }

    fn memo(&mut self, opcode: u8) -> Done {
        let key = match opcode {
            b'q' | b'h' => u32::from(self.input.array::<1>("a place in the memo")?[0]), // BINPUT, BINGET
            b'r' | b'j' => u32::from_le_bytes(self.input.array("a place in the memo")?), // LONG_BINPUT, LONG_BINGET
            _ => self.memo.len() as u32, // MEMOIZE; there are far fewer steps than a u32 can count
        };
        if matches!(opcode, b'h' | b'j') {
            let found = self.memo.get(&key).copied();
            let value =
                found.ok_or_else(|| self.damaged("a value in the memo", &format!("none at {key}")))?;
            self.push(value);
        } else {
            let value = self.top("a value to remember")?;
            self.memo.insert(key, value);
        }
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Done {
        let (module, name) = if opcode == b'c' {
            (self.input.line("a module's name")?, self.input.line("a name")?) // GLOBAL
        } else {
            let name = self.pop("a name")?; // STACK_GLOBAL
            let module = self.pop("a module's name")?;
            match (self.object(module), self.object(name)) {
                (Some(Object::Text(module)), Some(Object::Text(name))) => (module.clone(), name.clone()),
                _ => return Err(self.damaged("a module and a name as text", "other values")),
            }
        };
        // Every mention keeps its own copy, so a long name counts for more.
        if module.len().max(name.len()) > LONGEST_NAME {
            return Err(self.input.too_much(LONGEST_NAME as u64, "bytes in a name"));
        }
        self.count((module.len() + name.len()) / 8)?;
        let Some(global) = known(&module, &name, self.foreign) else {
            let file = self.input.file().to_owned();
            // A hostile name must not steer the terminal that shows it.
            let (module, name) = (module.escape_debug().to_string(), name.escape_debug().to_string());
            return Err(CheckpointError::Refused { file, position: self.at, module, name });
        };
        self.push_object(Object::Global(global));
        Ok(())
    }

    pub(super) fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(index) => self.objects.get(index),
            _ => None,
        }
    }

    pub(super) fn object_mut(&mut self, value: Value) -> Option<&mut Object> {
        match value {
            Value::Object(index) => self.objects.get_mut(index),
            _ => None,
        }
    }

    pub(super) fn as_global(&self, value: Value) -> Option<&Global> {
        match self.object(value) {
            Some(Object::Global(global)) => Some(global),
            _ => None,
        }
    }

    pub(super) fn as_tuple(&self, value: Value) -> Option<&[Value]> {
        match self.object(value) {
            Some(Object::Tuple(items)) => Some(items),
            _ => None,
        }
    }
}
