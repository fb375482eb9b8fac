//! How is a question to a language model answered once? Worded so that strangers' text is data, asked behind the cache
//! of answers, and believed only as far as its form allows.

mod consultant;
mod encoded;
mod key;
mod post_text;
mod validity;

pub use consultant::{Accept, Consultant, Degrade};
pub use key::key;
pub use post_text::{as_data, asked_text};
pub use validity::{first_sentence, plain};
