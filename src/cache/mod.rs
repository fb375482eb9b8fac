//! Answers kept: bounded in bytes, and made by one caller however many ask.
