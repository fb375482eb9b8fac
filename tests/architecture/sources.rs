//! Source files as text: path, text, code without comments and literals, and which part of it ships.

use std::fs;
use std::path::Path;

use crate::support::without_comments_and_literals;

/// One file; its path starts at the root of the repository.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: without_comments_and_literals(text) }
    }

    /// The room of a file; none for tests, benches, the root of the crate and that of the binary.
    pub(super) fn room(&self) -> Option<&str> {
        let (room, file) = self.path.strip_prefix("src/")?.split_once('/')?;
        (file != "main.rs").then_some(room)
    }

    /// The code that ships: a module of tests at the end of a file may name anything.
    pub(super) fn shipped(&self) -> &str {
        if self.is_all_tests() {
            return "";
        }
        let tests = self.code.match_indices("#[cfg(test)]").map(|(at, _)| at);
        let mut inline = tests.filter(|&at| {
            let item = self.code[at..].trim_start_matches("#[cfg(test)]").trim_start();
            item.starts_with("mod ") && item.find('{').is_some_and(|brace| !item[..brace].contains(';'))
        });
        &self.code[..inline.next().unwrap_or(self.code.len())]
    }

    pub(super) fn tests(&self) -> &str {
        &self.code[self.shipped().len()..]
    }

    fn is_all_tests(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("tests.rs")
    }

    /// How many `super::` lead from the file's own module to the root of the crate.
    pub(super) fn depth(&self) -> usize {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').count()
    }
}

/// Every Rust file below a folder of the repository.
pub(super) fn read(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                sources.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}

/// The text behind each place where `word` begins a word.
pub(super) fn after<'a>(code: &'a str, word: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let is_part = |before: char| before.is_alphanumeric() || before == '_';
    let places = code.match_indices(word).filter(move |&(at, _)| !code[..at].ends_with(is_part));
    let places: Vec<usize> = places.map(|(at, word)| at + word.len()).collect();
    places.into_iter().map(|at| &code[at..])
}

/// The names at the start of a path: one, or those directly in a group in braces.
pub(super) fn names(rest: &str) -> Vec<String> {
    let identifier = |text: &str| -> String {
        text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![identifier(rest)];
    };
    let mut names = vec![identifier(group)];
    let mut depth = 1;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(identifier(&group[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
