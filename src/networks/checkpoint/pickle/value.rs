//! Values of a pickle. Only as much of it is kept as is needed to find tensors and to speak of faults.

use std::rc::Rc;

use safetensors::Dtype;

use super::globals::{Global, Name};

/// All that a pickle built.
#[derive(Debug)]
pub(crate) struct Pickled {
    pub(crate) root: Value,
    pub(super) objects: Vec<Object>,
    /// Each storage once, in the order in which the pickle names them.
    pub(crate) storages: Vec<Storage>,
}

/// A value, or where among the objects it lies. Numbers with a fraction are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Object(usize),
}

/// What Python would hold by reference. Contents of bytes and sets are not kept.
#[derive(Debug)]
pub(crate) enum Object {
    Text(String),
    Bytes,
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Set,
    Global(Global),
    /// A number among the pickle's storages.
    Storage(usize),
    Tensor(View),
    /// What Python would have made by calling something that is not called here, and the state it would have been given.
    Opaque {
        name: Rc<Name>,
        state: Option<Value>,
    },
}

/// A run of numbers, which tensors look at and which lies outside the pickle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) key: String,
    pub(crate) dtype: Dtype,
    /// How many numbers.
    pub(crate) numel: u64,
}

/// A tensor: which numbers of a storage it is made of. They are within the storage and no more than it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) storage: usize,
    /// The first number.
    pub(crate) offset: u64,
    pub(crate) shape: Vec<usize>,
    /// In numbers, not bytes.
    pub(crate) stride: Vec<usize>,
}

impl Pickled {
    pub(crate) fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(index) => self.objects.get(index),
            _ => None,
        }
    }

    pub(crate) fn text(&self, value: Value) -> Option<&str> {
        match self.object(value) {
            Some(Object::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self, value: Value) -> Option<&[Value]> {
        match self.object(value) {
            Some(Object::List(items)) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.object(value) {
            Some(Object::Dict(items)) => Some(items),
            _ => None,
        }
    }

    /// What a dictionary has under a text, the last of several.
    pub(crate) fn get(&self, dict: Value, key: &str) -> Option<Value> {
        let items = self.dict(dict)?;
        items.iter().rev().find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
    }

    /// What a dictionary has under a text, or an object among its attributes: argparse's and omegaconf's hold settings.
    pub(crate) fn attribute(&self, of: Value, key: &str) -> Option<Value> {
        match self.object(of)? {
            Object::Opaque { state: Some(state), .. } => {
                let content = || self.get(self.get(*state, "_content")?, key);
                self.get(*state, key).or_else(content)
            }
            _ => self.get(of, key),
        }
    }

    /// A value itself where omegaconf has wrapped it.
    pub(crate) fn unwrapped(&self, value: Value) -> Value {
        match self.object(value) {
            Some(Object::Opaque { state: Some(state), .. }) => self.get(*state, "_val").unwrap_or(value),
            _ => value,
        }
    }

    /// A value in words, for an error.
    pub(crate) fn describe(&self, value: Value) -> String {
        let words = match (value, self.object(value)) {
            (Value::None, _) => "None",
            (Value::Bool(_), _) => "a truth value",
            (Value::Int(_) | Value::Float, _) => "a number",
            (Value::Object(_), Some(object)) => match object {
                Object::Text(_) => "text",
                Object::Bytes => "bytes",
                Object::Tuple(_) => "a tuple",
                Object::List(_) => "a list",
                Object::Dict(_) => "a dictionary",
                Object::Set => "a set",
                Object::Global(_) => "the name of a function or class",
                Object::Storage(_) => "a storage",
                Object::Tensor(_) => "a tensor",
                Object::Opaque { name, .. } => {
                    let (module, name) = (name.module.escape_debug(), name.name.escape_debug());
                    return format!("an object made by `{module}.{name}`");
                }
            },
            (Value::Object(_), None) => "nothing",
        };
        words.to_owned()
    }
}
