//! What do all who ask servers over the web have in common? Whether, how often and when a server is asked again, and what
//! went wrong in words.

mod breaker;
mod causes;
mod retry;
mod retry_after;

pub use breaker::{Breaker, Ended, Pass, Shut};
pub use causes::causes_of;
pub use retry::{MayPass, Schedule, patiently};
pub use retry_after::retry_after;
