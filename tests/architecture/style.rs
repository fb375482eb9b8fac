//! House rules for a single file: its first line, its length, and what neither code nor tests may contain.

use super::MAX_LINES;
use super::sources::{Source, after};

const QUESTION_WORDS: &[&str] = &[
    "What", "Which", "Who", "Whose", "How", "Where", "When", "Why", "Does", "Do", "Is", "Are", "Can", "May",
    "If", "Whether",
];

/// The first line begins with a noun, by which a search finds the file.
pub(super) fn first_line(source: &Source) -> Vec<String> {
    let line = source.text.lines().next().unwrap_or_default();
    let Some(header) = line.strip_prefix("//! ") else {
        return vec!["does not begin with `//!` and what the file holds".to_owned()];
    };
    let asks =
        header.contains('?') || header.split(' ').next().is_some_and(|word| QUESTION_WORDS.contains(&word));
    if asks { vec![format!("begins with a question instead of a noun: `{header}`")] } else { Vec::new() }
}

pub(super) fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= MAX_LINES { Vec::new() } else { vec![format!("has {lines} lines, more than {MAX_LINES}")] }
}

pub(super) fn banned_macros(source: &Source) -> Vec<String> {
    let words = ["todo!", "unimplemented!", "dbg!", "#[ignore"];
    words.iter().filter(|word| source.code.contains(*word)).map(|word| format!("`{word}`")).collect()
}

/// A test that sleeps is slow on a fast machine and fails on a slow one.
pub(super) fn sleeping_tests(source: &Source) -> Vec<String> {
    let sleeps = after(source.tests(), "sleep(").next().is_some();
    if sleeps { vec!["sleeps in a test".to_owned()] } else { Vec::new() }
}

/// Log fields are values. Rust's debug form is neither a number for a program nor a word for a person.
pub(super) fn debug_values_in_logs(source: &Source) -> Vec<String> {
    let levels = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
    let lines = levels.iter().flat_map(|level| after(source.shipped(), level));
    let arguments = lines.flat_map(arguments);
    arguments
        .filter_map(|argument| {
            let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value.trim());
            if value.starts_with('?') {
                return Some(format!("logs `{argument}`"));
            }
            let is_bare = ["%error", "%fault"].contains(&value);
            is_bare.then(|| format!("logs `{argument}` without its causes"))
        })
        .collect()
}

/// The arguments of a macro, trimmed; `rest` begins behind its opening parenthesis.
fn arguments(rest: &str) -> Vec<String> {
    let (mut arguments, mut depth) = (vec![String::new()], 1);
    for letter in rest.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => arguments.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if let Some(argument) = arguments.last_mut().filter(|_| letter != ',' || depth > 1) {
            argument.push(letter);
        }
    }
    arguments.iter().map(|argument| argument.trim().to_owned()).collect()
}
