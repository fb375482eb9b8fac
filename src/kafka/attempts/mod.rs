//! Attempts: a log of the posts that this process is working on, so that the next process knows which post killed it.
//!
//! A process that dies leaves a log of the posts it was working on. Each of them is a suspect: the next process works
//! on it alone. The second time that a process dies while it works on that post alone, the post is poison and is set
//! aside. A deadly post costs at most three processes: one to be suspected and two to be confirmed. A process that is
//! killed for other reasons condemns no post: it would have to be killed twice while it works on the same suspect.
//!
//! Read `event` first (one line of the log), then `history` (what follows from the lines), `log` (the files of a
//! group), `writer` (the thread that writes) and `attempt`.

mod attempt;
mod event;
mod history;
mod log;
mod writer;

pub use attempt::{Attempt, Attempts};
pub use event::RecordId;
pub use history::Verdict;
pub use log::AttemptsError;
