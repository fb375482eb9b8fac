//! Expansion file: expansions that somebody published, by post and entity, used instead of asking a model.
//!
//! Two forms, told apart by the first line: JSON lines with `surface`, `type`, `expansion` and perhaps `post_id`; and lines
//! `Imageid:<id>.jpg###<entity>(<type>)###<answer>`. Lines of predictions are read too: there the id ends in `#` and four
//! digits, the answer begins with the entity and `-`, and the gate's decision follows as a fourth field.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::common::answer_file::{AnswerFile, AnswerFileError};
use crate::domain::EntityType;

/// The expansions of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExpansionFile {
    origin: PathBuf,
    of_posts: HashMap<String, Names>,
    /// Those of entities in any post.
    of_all: Names,
    count: usize,
}

/// Expansions by type and surface.
type Names = HashMap<EntityType, HashMap<String, String>>;

/// What a line must be in each form.
const JSON_LINE: &str =
    "must be a JSON object with the strings `surface`, `type` and `expansion`, and perhaps `post_id`";
const LINE: &str = "must be `Imageid:<id>.jpg###<entity>(<type>)###<answer>`";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    surface: String,
    r#type: String,
    expansion: String,
    #[serde(default)]
    post_id: Option<String>,
}

impl ExpansionFile {
    /// Reads a file. Empty lines are skipped; of several expansions of one entity in a post the last counts.
    ///
    /// # Errors
    /// [`AnswerFileError`] names the file, and the line if one is at fault.
    pub fn load(path: &Path) -> Result<Self, AnswerFileError> {
        let file = AnswerFile::read(path)?;
        let mut expansions = Self { origin: path.to_owned(), ..Self::default() };
        let mut lines = file.lines().filter(|(_, line)| !line.trim().is_empty()).peekable();
        let is_json = lines.peek().is_some_and(|(_, line)| line.trim_start().starts_with('{'));
        for (number, line) in lines {
            let read = match is_json {
                true => file.json((number, line), JSON_LINE)?,
                false => published(line).ok_or_else(|| file.fault(number, LINE))?,
            };
            if [&read.surface, &read.r#type, &read.expansion].iter().any(|text| text.trim().is_empty()) {
                return Err(file.fault(number, if is_json { JSON_LINE } else { LINE }));
            }
            expansions.add(read);
        }
        Ok(expansions)
    }

    /// The expansion of an entity in a post.
    #[must_use]
    pub fn about(&self, post: &str, surface: &str, entity_type: &EntityType) -> Option<&str> {
        let own = self.of_posts.get(post).and_then(|names| names.get(entity_type)?.get(surface));
        own.or_else(|| self.of_all.get(entity_type)?.get(surface)).map(String::as_str)
    }

    /// The path of its file.
    #[must_use]
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// The number of expansions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, Line { surface, r#type, expansion, post_id }: Line) {
        let names = match post_id {
            Some(post) => self.of_posts.entry(post).or_default(),
            None => &mut self.of_all,
        };
        let of_type = names.entry(EntityType::new(&r#type)).or_default();
        self.count += usize::from(of_type.insert(surface, expansion.trim().to_owned()).is_none());
    }
}

/// A line of RiVEG's authors.
fn published(line: &str) -> Option<Line> {
    let fields: Vec<&str> = line.trim_end().strip_prefix("Imageid:")?.split("###").collect();
    let (named, entity, answer) = match fields[..] {
        [named, entity, answer] => (named, entity, answer),
        [named, entity, phrase, "0" | "2"] => {
            (named, entity, phrase.strip_prefix(entity)?.strip_prefix('-')?)
        }
        _ => return None,
    };
    let (id, _) = named.split_once(".jpg").filter(|(id, _)| !id.is_empty())?;
    let (surface, entity_type) = entity.strip_suffix(')')?.rsplit_once('(')?;
    Some(Line {
        surface: surface.to_owned(),
        r#type: entity_type.to_owned(),
        expansion: answer.to_owned(),
        post_id: Some(id.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn load(text: &str) -> Result<ExpansionFile, AnswerFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        ExpansionFile::load(file.path())
    }

    #[test]
    fn every_form_gives_the_expansion_of_an_entity_in_its_post() {
        let json = "{\"post_id\":\"7\",\"surface\":\"Ann (Lee)\",\"type\":\"PER\",\"expansion\":\"a singer\"}\n\
            {\"surface\":\"Ann (Lee)\",\"type\":\"PER\",\"expansion\":\"a rower\"}\n";
        let lines =
            "\nImageid:7.jpg###Ann (Lee)(PER)###a doctor\r\nImageid:7.jpg###Ann (Lee)(PER)### a singer \r\n";
        let said = "Imageid:7.jpg#00a1###Ann (Lee)(PER)###Ann (Lee)(PER)-a singer###2\n";
        let person = EntityType::new("PER");
        for (text, elsewhere) in [(json, Some("a rower")), (lines, None), (said, None)] {
            let expansions = load(text).unwrap();
            assert_eq!(expansions.about("7", "Ann (Lee)", &person), Some("a singer"), "{text}");
            assert_eq!(expansions.about("8", "Ann (Lee)", &person), elsewhere, "{text}");
            assert_eq!(expansions.about("7", "Ann (Lee)", &EntityType::new("ORG")), None);
        }
        assert_eq!((load(json).unwrap().len(), load(lines).unwrap().len()), (2, 1));
        assert!(load("").unwrap().is_empty());
    }

    #[test]
    fn a_damaged_line_is_named() {
        let good = "Imageid:7.jpg###Ann(PER)###a singer\n";
        for line in [
            "7.jpg###Ann(PER)###a singer",
            "Imageid:7.png###Ann(PER)###a singer",
            "Imageid:7.jpg###Ann###a singer",
            "Imageid:7.jpg###Ann(PER)###",
            "Imageid:7.jpg#00a1###Ann(PER)###Bo(PER)-a singer###2",
            "and she sings",
        ] {
            let error = load(&format!("{good}\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with("line 3") && error.ends_with(LINE), "{line}: {error}");
        }
        let error = load("{\"surface\":\"Ann\",\"type\":\"PER\"}\n").unwrap_err();
        assert!(error.to_string().ends_with(JSON_LINE) && error.source().is_some(), "{error}");
        let empty = load("{\"surface\":\"Ann\",\"type\":\"PER\",\"expansion\":\" \"}\n").unwrap_err();
        assert!(empty.to_string().starts_with("line 1"), "{empty}");
    }
}
