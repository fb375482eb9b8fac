//! Protobuf: messages to JSON and back, by the file that describes them.

mod count;
mod decode;
mod encode;
mod schema;

pub use decode::to_json;
pub use encode::append;
pub use schema::ProtobufSchema;

#[cfg(test)]
mod tests;
