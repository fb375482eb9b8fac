//! Common tools: what several rooms need and none of them owns.
//!
//! Read [`cache`] first (values bounded in bytes, made once for all who ask), then [`imaging`] (pictures at the sizes
//! of the networks), [`http_util`] (retries and circuit breakers), [`http_server`] (connections), [`hub`] (downloads of
//! published files), [`registry`] (schemas of Avro and Protobuf), [`blocking`], [`secret`], [`plain_file`],
//! [`answer_file`], [`text_or_list`], [`iri`], [`normalised_name`], [`panic_message`] and [`Reloadable`].

pub mod answer_file;
pub mod blocking;
pub mod cache;
pub mod http_server;
pub mod http_util;
pub mod hub;
pub mod imaging;
pub mod iri;
mod normalised_name;
mod panic_message;
pub mod plain_file;
pub mod registry;
mod reloadable;
pub mod secret;
pub mod text_or_list;

pub use normalised_name::normalised_name;
pub use panic_message::panic_message;
pub use reloadable::Reloadable;
