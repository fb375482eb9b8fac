//! How the networks of the pocket bundle learn.
