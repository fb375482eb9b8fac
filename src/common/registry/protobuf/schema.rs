//! Protobuf schema: a file with those that it imports, compiled.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// The name of the file of a record's schema, which the registry does not name.
const ROOT: &str = "schema.proto";

/// The deepest brackets of a file: of messages within messages, and of values of options.
const MAX_BRACKETS: usize = 64;

/// A compiled file.
#[derive(Debug)]
pub struct ProtobufSchema {
    pool: DescriptorPool,
}

/// The files of a schema.
struct Files {
    texts: BTreeMap<String, String>,
}

impl FileResolver for Files {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().filter(|name| self.texts.contains_key(*name)).map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.texts.get(name) {
            Some(text) => match described(name, text) {
                Some(file) => Ok(file),
                None => File::from_source(name, text),
            },
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// A file that is registered as its description in Base64, as the serializer of confluent-kafka for Python does; not every
/// registry makes a text of that. None for a text.
fn described(name: &str, text: &str) -> Option<File> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let description = FileDescriptorProto::decode(bytes.as_slice()).ok()?;
    Some(File::from_file_descriptor_proto(FileDescriptorProto { name: Some(name.to_owned()), ..description }))
}

impl ProtobufSchema {
    /// Compiles a file, and those that it imports.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence whose subject is the schema.
    pub fn new(text: &str, imports: &BTreeMap<String, String>) -> Result<Self, String> {
        let invalid = |error: protox::Error| format!("is no file of Protobuf: {error}");
        // Parsers of files call themselves for what is within brackets.
        if std::iter::once(text).chain(imports.values().map(String::as_str)).any(nests_too_deep) {
            return Err(format!("has brackets that nest deeper than {MAX_BRACKETS}"));
        }
        let mut texts = imports.clone();
        texts.insert(ROOT.to_owned(), text.to_owned());
        let mut resolver = ChainFileResolver::new();
        resolver.add(Files { texts });
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).open_file(ROOT).map_err(invalid)?;
        Ok(Self { pool: compiler.descriptor_pool() })
    }

    /// The message at this place: each number is one within the message before it.
    ///
    /// # Errors
    /// There is none.
    pub fn message(&self, place: &[usize]) -> Result<MessageDescriptor, String> {
        let missing = || format!("the schema has no message at the place {place:?}");
        let file = self.pool.get_file_by_name(ROOT).ok_or_else(missing)?;
        let (first, inner) = place.split_first().ok_or_else(missing)?;
        let first = file.messages().nth(*first).ok_or_else(missing)?;
        inner
            .iter()
            .try_fold(first, |message, index| message.child_messages().nth(*index))
            .ok_or_else(missing)
    }
}

/// Whether brackets nest too deep, those in comments and strings included.
fn nests_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_BRACKETS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_in_base64_is_the_same_file_as_its_text() {
        let text = "syntax = \"proto3\"; message Post { string id = 1; message Medium { string key = 1; } }";
        let of_text = ProtobufSchema::new(text, &BTreeMap::new()).unwrap();
        let file = of_text.pool.get_file_by_name(ROOT).unwrap();
        let described = STANDARD.encode(file.file_descriptor_proto().encode_to_vec());
        let of_description = ProtobufSchema::new(&described, &BTreeMap::new()).unwrap();
        for place in [&[0][..], &[0, 0]] {
            let names = [&of_text, &of_description]
                .map(|schema| schema.message(place).unwrap().full_name().to_owned());
            assert_eq!(names[0], names[1]);
        }
        assert!(ProtobufSchema::new("post", &BTreeMap::new()).is_err(), "Base64 of what is no description");
    }
}
