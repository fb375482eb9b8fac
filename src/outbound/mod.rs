//! What do all who ask servers over the web have in common? How much is read, how often and when it is tried again, and
//! what went wrong in words.

mod body;
mod causes;
mod retry;
mod retry_after;

pub use body::{Unread, read};
pub use causes::{causes_of, with_causes};
pub use retry::{MayPass, Schedule, patiently};
pub use retry_after::retry_after;
