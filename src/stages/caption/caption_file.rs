//! Caption file: captions that somebody published, by post and picture, used instead of asking a model.
//!
//! Three forms, told apart by the first line: JSON lines with `post_id`, `caption` and perhaps `media_key`; lines
//! `<id>.jpg :<caption>`; and lines `imgid:<id>###<caption>`, where a caption may go on in further lines. An id stands for
//! the post whose picture has that name.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::common::answer_file::{AnswerFile, AnswerFileError};

/// The captions of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CaptionFile {
    /// Of all pictures of a post.
    of_posts: HashMap<String, String>,
    /// Of single pictures, by post and key.
    of_pictures: HashMap<String, HashMap<String, String>>,
}

/// What begins a line of captions that may have several lines.
const ID: &str = "imgid:";

/// What a line must be in each form.
const JSON_LINE: &str =
    "must be a JSON object with the strings `post_id` and `caption`, and perhaps `media_key`";
const LINE: &str = "must be `<id>.jpg :<caption>`";
const LONG_LINE: &str = "must begin with `imgid:<id>###`";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    post_id: String,
    caption: String,
    #[serde(default)]
    media_key: Option<String>,
}

impl CaptionFile {
    /// Reads a file. Empty lines between captions are skipped; of several captions of one picture the last counts.
    ///
    /// # Errors
    /// [`AnswerFileError`] names the file, and the line if one is at fault.
    pub fn load(path: &Path) -> Result<Self, AnswerFileError> {
        let file = AnswerFile::read(path)?;
        let mut captions = Self::default();
        let first = file.lines().map(|(_, line)| line.trim_start()).find(|line| !line.is_empty());
        match first {
            None => {}
            Some(line) if line.starts_with('{') => captions.add_json(&file)?,
            Some(line) if line.starts_with(ID) => captions.add_long(&file)?,
            Some(_) => captions.add_lines(&file)?,
        }
        Ok(captions)
    }

    /// The caption of a picture of a post.
    #[must_use]
    pub fn about(&self, post: &str, media_key: &str) -> Option<&str> {
        let own = self.of_pictures.get(post).and_then(|pictures| pictures.get(media_key));
        own.or_else(|| self.of_posts.get(post)).map(String::as_str)
    }

    fn add_json(&mut self, file: &AnswerFile) -> Result<(), AnswerFileError> {
        for line in file.lines().filter(|(_, line)| !line.trim().is_empty()) {
            let Line { post_id, caption, media_key } = file.json(line, JSON_LINE)?;
            match media_key {
                None => self.of_posts.insert(post_id, caption),
                Some(key) => self.of_pictures.entry(post_id).or_default().insert(key, caption),
            };
        }
        Ok(())
    }

    fn add_lines(&mut self, file: &AnswerFile) -> Result<(), AnswerFileError> {
        for (number, line) in file.lines().filter(|(_, line)| !line.trim().is_empty()) {
            let found = line.split_once(".jpg :").filter(|(id, _)| is_id(id));
            let (id, caption) = found.ok_or_else(|| file.fault(number, LINE))?;
            // The published files have pictures whose caption is empty: they have none.
            if !caption.trim().is_empty() {
                self.of_posts.insert(id.to_owned(), caption.trim().to_owned());
            }
        }
        Ok(())
    }

    fn add_long(&mut self, file: &AnswerFile) -> Result<(), AnswerFileError> {
        let mut last: Option<String> = None;
        for (number, line) in file.lines() {
            if let Some(begun) = line.strip_prefix(ID) {
                let found = begun.split_once("###").filter(|(id, _)| is_id(id));
                let (id, caption) = found.ok_or_else(|| file.fault(number, LONG_LINE))?;
                self.of_posts.insert(id.to_owned(), caption.trim().to_owned());
                last = Some(id.to_owned());
                continue;
            }
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let begun = last.as_ref().and_then(|id| self.of_posts.get_mut(id));
            let begun = begun.ok_or_else(|| file.fault(number, LONG_LINE))?;
            if !begun.is_empty() {
                begun.push(' ');
            }
            begun.push_str(line);
        }
        Ok(())
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn load(text: &str) -> Result<CaptionFile, AnswerFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        CaptionFile::load(file.path())
    }

    #[test]
    fn every_form_gives_the_caption_of_a_post() {
        let json = "{\"post_id\":\"7\",\"caption\":\"a park: at noon\"}\n\n\
            {\"post_id\":\"7\",\"media_key\":\"m2\",\"caption\":\"a dog\"}\n";
        for text in [
            json,
            "7.jpg :a park: at noon\n\n16_05_28_1.jpg :a stage\r\n",
            "imgid:7###a park:\n\nat noon\nimgid:8###\n\na stage\n",
        ] {
            let captions = load(text).unwrap();
            assert_eq!(captions.about("7", "m1"), Some("a park: at noon"), "{text}");
            assert_eq!(captions.about("9", "m1"), None);
        }
        assert_eq!(load(json).unwrap().about("7", "m2"), Some("a dog"), "a picture's own goes first");
        assert_eq!(load("16_05_28_1.jpg :a stage\r\n").unwrap().about("16_05_28_1", ""), Some("a stage"));
        assert_eq!(load("\nimgid:8###\n\na stage\n").unwrap().about("8", ""), Some("a stage"));
        assert_eq!(load("8.jpg :\n").unwrap().about("8", ""), None, "an empty caption is none");
        assert_eq!(load(" \n").unwrap(), CaptionFile::default());
    }

    #[test]
    fn a_damaged_line_is_named() {
        for (text, line, fault) in [
            ("7.jpg :a park\n8.png :a dog\n", "line 2", LINE),
            ("7.jpg :a park\n\n8.jpg a dog\n", "line 3", LINE),
            ("a b.jpg :a park\n", "line 1", LINE),
            ("imgid:7###a park\nimgid:8 a dog\n", "line 2", LONG_LINE),
            ("{\"post_id\":\"7\"}\n", "line 1", JSON_LINE),
        ] {
            let error = load(text).unwrap_err();
            let said = error.to_string();
            assert!(said.starts_with(line) && said.ends_with(fault), "{said}");
            assert_eq!(error.source().is_some(), fault == JSON_LINE);
        }
    }
}
