//! Calls in a pickle: results of the few functions that hold tensors; nothing is executed.

use std::io::Read;

use super::globals::Global;
use super::machine::{Done, Machine};
use super::value::{Object, Storage, Value, View};
use crate::networks::checkpoint::CheckpointError;
use crate::networks::checkpoint::input::LONGEST_NAME;
use crate::networks::checkpoint::tensor::is_plausible;

/// Torch has no tensors of more.
const MOST_DIMENSIONS: usize = 64;

impl<R: Read> Machine<'_, '_, R> {
    /// A function or class and its arguments, or a class and those of its `__new__`.
    pub(super) fn call(&mut self, opcode: u8) -> Done {
        if opcode == 0x92 {
            self.pop("keyword arguments")?;
        }
        let arguments = self.pop("the arguments of a call")?;
        let callee = self.pop("something to call")?;
        let Some(global) = self.as_global(callee).cloned() else {
            return Err(self.damaged("a function or class to call", "another value"));
        };
        let Some(arguments) = self.as_tuple(arguments).map(<[Value]>::to_vec) else {
            return Err(self.damaged("arguments in a tuple", "another value"));
        };
        self.count(arguments.len())?;
        match global {
            Global::OrderedDict => self.ordered_dict(&arguments),
            Global::Set => {
                self.push_object(Object::Set);
                Ok(())
            }
            Global::Bytes | Global::Encode => {
                self.push_object(Object::Bytes);
                Ok(())
            }
            Global::Opaque(name) => {
                self.push_object(Object::Opaque { name, state: None });
                Ok(())
            }
            Global::Size => match arguments[..] {
                [size] if self.as_tuple(size).is_some() => {
                    self.push(size);
                    Ok(())
                }
                _ => Err(self.damaged("a tuple for `torch.Size`", "other arguments")),
            },
            Global::RebuildParameter => match arguments.first() {
                Some(&tensor) if matches!(self.object(tensor), Some(Object::Tensor(_))) => {
                    self.push(tensor);
                    Ok(())
                }
                _ => Err(self.damaged("a tensor for a parameter", "other arguments")),
            },
            Global::RebuildTensor => self.tensor(&arguments),
            Global::Storage(_) => Err(self.damaged("a function or class to call", "a kind of storage")),
        }
    }

    /// An object's state. A state dict has its version there; what is not worked out has all of it there, where it stays.
    pub(super) fn build(&mut self) -> Done {
        let given = self.pop("the state of an object")?;
        let built = self.top("an object with state")?;
        match self.object_mut(built) {
            Some(Object::Dict(_)) => Ok(()),
            Some(Object::Opaque { state, .. }) => {
                *state = Some(given);
                Ok(())
            }
            _ => Err(self.damaged("an object with state", "another value")),
        }
    }

    /// Empty, or, as Python 2 wrote it, with a list of pairs.
    fn ordered_dict(&mut self, arguments: &[Value]) -> Done {
        let mut items = Vec::new();
        if let [pairs] = arguments {
            let Some(Object::List(pairs)) = self.object(*pairs) else {
                return Err(self.damaged("pairs for an `OrderedDict`", "other arguments"));
            };
            for pair in pairs {
                match self.object(*pair) {
                    Some(Object::List(pair) | Object::Tuple(pair)) if pair.len() == 2 => {
                        items.push((pair[0], pair[1]));
                    }
                    _ => return Err(self.damaged("pairs for an `OrderedDict`", "another value")),
                }
            }
        }
        self.count(items.len())?;
        self.push_object(Object::Dict(items));
        Ok(())
    }

    /// A storage, as torch names it: `("storage", its kind, its key, its device, how many numbers it has)`.
    pub(super) fn persistent(&mut self) -> Done {
        let id = self.pop("what names a storage")?;
        let items = self.as_tuple(id).map(<[Value]>::to_vec).unwrap_or_default();
        let said = match items[..] {
            [tag, kind, key, _, numel] | [tag, kind, key, _, numel, Value::None] => {
                self.storage(tag, kind, key, numel)
            }
            _ => None,
        };
        let storage = said.ok_or_else(|| self.damaged("what names a storage", "something else"))?;
        let number = match self.storage_numbers.get(&storage.key) {
            Some(&number) if self.storages[number] == storage => number,
            Some(_) => return Err(self.damaged("one kind and size for each storage", "another one")),
            None => {
                let number = self.storages.len();
                self.storage_numbers.insert(storage.key.clone(), number);
                self.storages.push(storage);
                number
            }
        };
        self.push_object(Object::Storage(number));
        Ok(())
    }

    fn storage(&self, tag: Value, kind: Value, key: Value, numel: Value) -> Option<Storage> {
        let text = |value| match self.object(value) {
            Some(Object::Text(text)) => Some(text),
            _ => None,
        };
        match (text(tag)?.as_str(), self.as_global(kind)?, text(key)?, numel) {
            ("storage", Global::Storage(dtype), key, Value::Int(numel)) if key.len() <= LONGEST_NAME => {
                Some(Storage { key: key.clone(), dtype: *dtype, numel: u64::try_from(numel).ok()? })
            }
            _ => None,
        }
    }

    /// The arguments of torch's function: storage, offset, shape, stride, and what has to do with gradients.
    fn tensor(&mut self, arguments: &[Value]) -> Done {
        const WHAT: &str = "storage, offset, shape and stride of a tensor";
        let [storage, offset, shape, stride, ..] = arguments else {
            return Err(self.damaged(WHAT, "fewer arguments"));
        };
        let storage = match self.object(*storage) {
            Some(Object::Storage(number)) => *number,
            _ => return Err(self.damaged(WHAT, "another value for the storage")),
        };
        let offset = match offset {
            Value::Int(offset) => u64::try_from(*offset).ok(),
            _ => None,
        };
        let view = match (offset, self.sizes(*shape), self.sizes(*stride)) {
            (Some(offset), Some(shape), Some(stride)) => View { storage, offset, shape, stride },
            _ => return Err(self.damaged(WHAT, "values that are no sizes")),
        };
        self.count(view.shape.len() + view.stride.len())?;
        if !fits(&view, self.storages[storage].numel) {
            return Err(self.view_does_not_fit(&view));
        }
        self.push_object(Object::Tensor(view));
        Ok(())
    }

    /// A tuple of whole numbers, none of them negative.
    fn sizes(&self, value: Value) -> Option<Vec<usize>> {
        let items = self.as_tuple(value).filter(|items| items.len() <= MOST_DIMENSIONS)?;
        let size = |item: &Value| match item {
            Value::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        items.iter().map(size).collect()
    }

    fn view_does_not_fit(&self, view: &View) -> CheckpointError {
        let View { offset, shape, stride, .. } = view;
        let expected =
            format!("a tensor within the {} numbers of its storage", self.storages[view.storage].numel);
        self.damaged(&expected, &format!("offset {offset}, shape {shape:?}, stride {stride:?}"))
    }
}

/// Whether a view lies within its storage and is not larger than it: rows that repeat would be a way to ask for memory
/// without end.
fn fits(view: &View, numel: u64) -> bool {
    if view.shape.len() != view.stride.len() || !is_plausible(&view.shape) {
        return false;
    }
    let numbers = view.shape.iter().product::<usize>() as u64;
    if numbers == 0 {
        return view.offset <= numel;
    }
    let steps = view.shape.iter().zip(&view.stride);
    let mut last = steps.map(|(&size, &stride)| (size as u64 - 1).checked_mul(stride as u64));
    let last = last.try_fold(view.offset, |sum, step| sum.checked_add(step?));
    numbers <= numel && last.is_some_and(|last| last < numel)
}
