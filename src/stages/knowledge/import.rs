//! Example import: the annotations that PGIM's authors publish, joined by id with posts, captions and pictures.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::examples::Example;
use crate::common::plain_file;

/// The published files.
#[derive(Debug, Clone)]
pub struct PublishedFiles {
    /// An id on a line, then its annotation on one or more lines.
    pub annotations: PathBuf,
    /// Tagged posts: a line `IMGID:` with the id, a line for each word with a tab and its tag, an empty line.
    pub posts: PathBuf,
    /// A line for each picture: its file, ` :` and the caption.
    pub captions: Option<PathBuf>,
    /// The folder of pictures, which are named by id; missing ones are skipped.
    pub pictures: Option<PathBuf>,
}

/// The published files cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file is missing, unreadable or not UTF-8.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// A line is wrong.
    #[error("line {line} of `{}` {fault}", path.display())]
    Line {
        /// Of which file.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// The rest of the sentence.
        fault: String,
    },
}

impl PublishedFiles {
    /// The examples, in the order of the annotations.
    ///
    /// # Errors
    /// [`ImportError`] names the file and the line: a malformed line, an id without a post or with two annotations, or a
    /// missing annotation.
    pub fn examples(&self) -> Result<Vec<Example>, ImportError> {
        let posts = posts(&self.posts)?;
        let captions = self.captions.as_deref().map(captions).transpose()?.unwrap_or_default();
        let mut examples: Vec<Example> = Vec::new();
        let mut begun = HashMap::new();
        for annotation in annotations(&self.annotations)? {
            let Annotation { id, text: annotation, line } = annotation;
            let refused = |fault: String| Err(self.annotations_line(line, fault));
            let Some(text) = posts.get(&id) else {
                return refused(format!("names `{id}`, which is no post of `{}`", self.posts.display()));
            };
            if let Some(before) = begun.insert(id.clone(), line) {
                return refused(format!("names `{id}`, as line {before} does"));
            }
            if annotation.is_empty() {
                return refused(format!("names `{id}`, and no annotation follows"));
            }
            let picture = self.pictures.as_ref().map(|folder| folder.join(format!("{id}.jpg")));
            examples.push(Example {
                caption: captions.get(&id).cloned().unwrap_or_default(),
                text: text.clone(),
                annotation,
                picture: picture.filter(|file| file.is_file()),
                id,
            });
        }
        Ok(examples)
    }

    fn annotations_line(&self, line: usize, fault: String) -> ImportError {
        ImportError::Line { path: self.annotations.clone(), line, fault }
    }
}

/// The annotation of a post.
struct Annotation {
    id: String,
    text: String,
    /// The line of its id.
    line: usize,
}

fn annotations(path: &Path) -> Result<Vec<Annotation>, ImportError> {
    let text = read(path)?;
    let mut found: Vec<Annotation> = Vec::new();
    for (line, number) in lines(&text) {
        match found.last_mut() {
            _ if is_id(line) => {
                found.push(Annotation { id: line.to_owned(), text: String::new(), line: number });
            }
            Some(last) => {
                let separator = if last.text.is_empty() { "" } else { "\n" };
                last.text = format!("{}{separator}{line}", last.text);
            }
            None => {
                let fault = "is no id, and none stands before it".to_owned();
                return Err(ImportError::Line { path: path.to_owned(), line: number, fault });
            }
        }
    }
    Ok(found)
}

/// Ids are numbers in Twitter-2015, and in Twitter-2017 numbers joined by `_`, some after an `O`.
fn is_id(line: &str) -> bool {
    let digits = line.strip_prefix("O_").unwrap_or(line);
    !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit() || letter == '_')
}

/// The words of each post with single spaces between them, by id.
fn posts(path: &Path) -> Result<HashMap<String, String>, ImportError> {
    let text = read(path)?;
    let mut posts: HashMap<String, String> = HashMap::new();
    let mut id = None;
    // Not trimmed: some words are white space only.
    for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let refused = |fault: &str| {
            Err(ImportError::Line { path: path.to_owned(), line: number, fault: fault.to_owned() })
        };
        if let Some(named) = line.strip_prefix("IMGID:") {
            if posts.insert(named.trim().to_owned(), String::new()).is_some() {
                return refused("names a post that an earlier line names");
            }
            id = Some(named.trim().to_owned());
            continue;
        }
        let Some((word, _)) = line.rsplit_once('\t') else {
            return refused("has no tab, which parts a word from its tag");
        };
        let Some(post) = id.as_ref().and_then(|id| posts.get_mut(id)) else {
            return refused("is a word before the first line that begins with `IMGID:`");
        };
        if !post.is_empty() {
            post.push(' ');
        }
        post.push_str(word.trim());
    }
    Ok(posts)
}

/// Captions by id, which is the file name before the first colon, without its extension.
fn captions(path: &Path) -> Result<HashMap<String, String>, ImportError> {
    let text = read(path)?;
    lines(&text)
        .map(|(line, number)| {
            let (file, caption) = line.split_once(':').ok_or_else(|| ImportError::Line {
                path: path.to_owned(),
                line: number,
                fault: "has no colon, which parts a picture from its caption".to_owned(),
            })?;
            let file = file.trim();
            let id = file.rsplit_once('.').map_or(file, |(id, _)| id);
            Ok((id.to_owned(), caption.trim().to_owned()))
        })
        .collect()
}

fn read(path: &Path) -> Result<String, ImportError> {
    plain_file::read_text(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })
}

/// The lines that are not empty, trimmed, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ANNOTATIONS: &str = "4711\r\nNamed entities:1. Ada (person)Reasoning: she is named.\r\n\
        O_12\r\nNamed entities: none\r\nReasoning: nobody is named.\r\n16_05_3\r\n['Oslo', 'LOC']\r\n";
    const POSTS: &str = "IMGID:16_05_3\nRain\tO\nin\tO\nOslo\tB-LOC\n\nIMGID:4711\nAda\tB-PER\n:\tO\nhello\tO\n\n\
        IMGID:99\nunused\tO\n\nIMGID:O_12\nGood\tO\nmorning\tO";
    const CAPTIONS: &str = "4711.jpg :a woman: with a hat\n99.jpg :a dog\n16_05_3.jpg :a wet street\n";

    struct Files(tempfile::TempDir);

    impl Files {
        fn of(annotations: &str, posts: &str, captions: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in [("annotations", annotations), ("posts", posts), ("captions", captions)] {
                fs::write(folder.path().join(name), text).unwrap();
            }
            fs::write(folder.path().join("O_12.jpg"), "picture").unwrap();
            Self(folder)
        }

        fn published(&self) -> PublishedFiles {
            let file = |name: &str| self.0.path().join(name);
            let (annotations, posts) = (file("annotations"), file("posts"));
            let (captions, pictures) = (Some(file("captions")), Some(self.0.path().to_owned()));
            PublishedFiles { annotations, posts, captions, pictures }
        }
    }

    #[test]
    fn annotations_are_joined_with_posts_captions_and_pictures_by_id() {
        let files = Files::of(ANNOTATIONS, POSTS, CAPTIONS);
        let examples = files.published().examples().unwrap();
        let expected = [
            (
                "4711",
                "Ada : hello",
                "a woman: with a hat",
                "Named entities:1. Ada (person)Reasoning: she is named.",
            ),
            ("O_12", "Good morning", "", "Named entities: none\nReasoning: nobody is named."),
            ("16_05_3", "Rain in Oslo", "a wet street", "['Oslo', 'LOC']"),
        ];
        assert_eq!(examples.len(), expected.len());
        for (example, (id, text, caption, annotation)) in examples.iter().zip(expected) {
            assert_eq!([&example.id, &example.text, &example.caption], [id, text, caption]);
            assert_eq!(example.annotation, annotation);
            assert_eq!(example.picture.is_some(), id == "O_12", "{id}");
        }
        let bare = PublishedFiles { captions: None, pictures: None, ..files.published() }.examples().unwrap();
        assert!(bare.iter().all(|example| example.caption.is_empty() && example.picture.is_none()));
    }

    #[test]
    fn files_that_do_not_match_are_refused_by_file_and_line() {
        let cases = [
            (
                "Reasoning first\n4711\nx",
                POSTS,
                CAPTIONS,
                "line 1 of",
                "annotations` is no id, and none stands",
            ),
            ("4711\nx\n\n13\ny", POSTS, CAPTIONS, "line 4 of", "names `13`, which is no post of `"),
            ("4711\nx\n4711\ny", POSTS, CAPTIONS, "line 3 of", "names `4711`, as line 1 does"),
            ("4711\n\n99\ny", POSTS, CAPTIONS, "line 1 of", "names `4711`, and no annotation follows"),
            ("4711\nx", "Ada\tB-PER", CAPTIONS, "line 1 of", "posts` is a word before the first line"),
            ("4711\nx", "IMGID:4711\nAda", CAPTIONS, "line 2 of", "posts` has no tab"),
            ("4711\nx", "IMGID:1\n\nIMGID:1", CAPTIONS, "line 3 of", "posts` names a post that an earlier"),
            ("4711\nx", POSTS, "4711.jpg a woman", "line 1 of", "captions` has no colon"),
        ];
        for (annotations, posts, captions, place, fault) in cases {
            let error =
                Files::of(annotations, posts, captions).published().examples().unwrap_err().to_string();
            assert!(error.starts_with(place) && error.contains(fault), "{error}");
        }
        let files = Files::of(ANNOTATIONS, POSTS, CAPTIONS);
        let missing = PublishedFiles { posts: "nowhere/posts".into(), ..files.published() }.examples();
        assert_eq!(missing.unwrap_err().to_string(), "failed to read `nowhere/posts`");
    }
}
