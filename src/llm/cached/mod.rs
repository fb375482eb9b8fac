//! How is a question to a language model answered once? Worded so that strangers' text is data, asked behind the cache
//! of answers, and believed only as far as its form allows.
//!
//! [`believable`] is the way from a server's answer to words that are used: [`thoughts`] are left behind, then the tokens
//! of chat templates ([`turns`]), then the JSON [`object`] is opened if there is one; a [`line`] must be plain, without
//! [`excuses`], and a [`phrase`] one noun phrase. Whatever is in doubt is a [`refusal`].

mod believable;
mod cached_endpoint;
mod encoded;
mod excuses;
mod form;
mod key;
mod line;
mod no_answer;
mod object;
mod phrase;
mod post_text;
mod refusal;
mod thoughts;
mod turns;

pub use believable::{believable, believed};
pub use cached_endpoint::{CachedEndpoint, Degrade};
pub use form::Form;
pub use key::key;
pub use no_answer::NoAnswer;
pub use post_text::{as_data, asked_text};
pub use refusal::Refusal;
