//! References: `${file:PATH}` and `${env:NAME}` stand for the content of a file and for a variable.
//!
//! The content is taken as it is: references in it are not followed.

use std::io::Read;
use std::path::Path;

use crate::common::plain_file;

/// The longest file, in bytes: far above any key or bundle of certificates.
const LONGEST: u64 = 1024 * 1024;

/// A text in pieces.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    File(&'a str),
    Variable(&'a str),
}

/// A text with its references replaced; none if it has none.
///
/// # Errors
/// The fault of a reference or of what it names; never the content.
pub(super) fn resolve(text: &str, environment: &[(String, String)]) -> Result<Option<String>, String> {
    let pieces = pieces(text)?;
    if pieces.iter().all(|piece| matches!(piece, Piece::Plain(_))) {
        return Ok(None);
    }
    let mut resolved = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(text) => resolved.push_str(text),
            Piece::File(path) => resolved.push_str(&file(path)?),
            Piece::Variable(name) => resolved.push_str(variable(name, environment)?),
        }
    }
    Ok(Some(resolved))
}

/// Whether a text is references and nothing else: it may be shown, whatever it stands for.
pub(super) fn is_reference(text: &str) -> bool {
    pieces(text).is_ok_and(|pieces| {
        !pieces.is_empty() && pieces.iter().all(|piece| !matches!(piece, Piece::Plain(_)))
    })
}

/// The secret that a reference stands for, where a plain one would be seen by all users of a machine.
///
/// # Errors
/// It is no reference, or what it names cannot be read; never the content.
pub fn secret_reference(text: &str, environment: &[(String, String)]) -> Result<String, String> {
    let expected =
        || "is seen by others on this machine: expected `${env:NAME}` or `${file:PATH}`".to_owned();
    if !is_reference(text) {
        return Err(expected());
    }
    resolve(text, environment)?.ok_or_else(expected)
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    // Only these two words make a reference: a password may well have a `${` in it.
    while let Some(at) = ["${file", "${env"].iter().filter_map(|open| rest.find(open)).min() {
        let (before, reference) = rest.split_at(at);
        if !before.is_empty() {
            pieces.push(Piece::Plain(before));
        }
        let close = reference.find('}').ok_or("has a reference without an end: expected `${file:PATH}`")?;
        pieces.push(match reference[2..close].split_once(':') {
            Some(("file", path)) if !path.is_empty() => Piece::File(path),
            Some(("env", name)) if !name.is_empty() => Piece::Variable(name),
            _ => {
                return Err(
                    "has a `${` that is no reference: expected `${file:PATH}` or `${env:NAME}`".to_owned()
                );
            }
        });
        rest = &reference[close + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    Ok(pieces)
}

fn file(path: &str) -> Result<String, String> {
    let mut content = Vec::new();
    plain_file::open(Path::new(path))
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut content))
        .map_err(|error| format!("names the file `{path}`, which cannot be read: {error}"))?;
    if content.len() as u64 > LONGEST {
        return Err(format!("names the file `{path}`, which is longer than 1 MiB"));
    }
    let text =
        String::from_utf8(content).map_err(|_| format!("names the file `{path}`, which is not UTF-8"))?;
    // Editors and `echo` end a file with a newline that no secret has.
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("names the file `{path}`, which is empty"));
    }
    Ok(text.to_owned())
}

fn variable<'a>(name: &str, environment: &'a [(String, String)]) -> Result<&'a str, String> {
    match environment.iter().find(|(known, _)| known == name) {
        Some((_, value)) if !value.is_empty() => Ok(value),
        Some(_) => Err(format!("names the environment variable `{name}`, which is empty")),
        None => Err(format!("names the environment variable `{name}`, which is not set")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Vec<(String, String)> {
        [("WORD", "canary ${env:NONE}"), ("EMPTY", "")]
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    #[test]
    fn references_stand_for_what_lies_there_and_other_texts_for_themselves() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "canary\nbird\r\n\n").unwrap();
        let path = file.path().display();
        let cases = [
            ("plain", None, false),
            ("", None, false),
            ("a password with ${ and $} and ${other:x}", None, false),
            ("${env:WORD}", Some("canary ${env:NONE}"), true),
            (&format!("${{file:{path}}}"), Some("canary\nbird"), true),
            (&format!("a${{file:{path}}}b${{env:WORD}}"), Some("acanary\nbirdbcanary ${env:NONE}"), false),
        ];
        for (text, expected, shown) in cases {
            assert_eq!(resolve(text, &environment()).unwrap().as_deref(), expected, "{text}");
            assert_eq!(is_reference(text), shown, "{text}");
        }
    }

    #[test]
    fn a_reference_to_nothing_says_what_it_names_and_never_what_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            format!("${{file:{}}}", path.display())
        };
        let cases = [
            ("${file:/nowhere}".to_owned(), "names the file `/nowhere`, which cannot be read: No such file"),
            (file("empty", b"\n"), "which is empty"),
            (file("binary", b"canary\xff"), "which is not UTF-8"),
            (file("long", "canary".repeat(200_000).as_bytes()), "which is longer than 1 MiB"),
            (format!("${{file:{}}}", folder.path().display()), "cannot be read"),
            ("${file:/dev/zero}".to_owned(), "cannot be read: it is not a plain file"),
            ("${env:NONE}".to_owned(), "names the environment variable `NONE`, which is not set"),
            ("${env:EMPTY}".to_owned(), "which is empty"),
            ("canary${file}".to_owned(), "is no reference: expected `${file:PATH}`"),
            ("${file:}canary".to_owned(), "is no reference"),
            ("${filename:canary}".to_owned(), "is no reference"),
            ("canary${env:WORD".to_owned(), "without an end"),
        ];
        for (text, expected) in cases {
            let fault = resolve(&text, &environment()).unwrap_err();
            assert!(fault.contains(expected) && !fault.contains("canary"), "{text}: {fault}");
        }
    }
}
