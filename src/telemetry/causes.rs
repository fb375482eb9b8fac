//! Errors with their causes, as one sentence for log lines and answers.

use std::error::Error;
use std::fmt;

/// An error, displayed with its causes, outermost first. A cause that the words so far contain is not repeated, since
/// some libraries put the cause into the error's own words too.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !said.contains(&more) {
                said = format!("{said}: {more}");
            }
            cause = error.source();
        }
        formatter.write_str(&said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Fault {
        words: &'static str,
        source: Option<Box<Fault>>,
    }

    #[test]
    fn causes_follow_the_error_and_none_is_said_twice() {
        let fault = |words, source: Option<Fault>| Fault { words, source: source.map(Box::new) };
        let inner = fault("No such file", None);
        let error = fault("cannot read: broken off", Some(fault("broken off", Some(inner))));
        assert_eq!(Causes(&error).to_string(), "cannot read: broken off: No such file");
    }
}
