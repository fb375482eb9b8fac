//! Posts with gold of an evaluation: a folder, a file of gold lines, or the pocket world.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::cli::{Failure, UsageError};
use crate::lab::dataset::{self, Example, GoldPost, Predictions};
use crate::lab::world::{Split, World, lexicon};
use crate::stages::lexicon::Lexicon;

use super::judge;

/// The source of posts and gold.
pub(super) enum Posts {
    Folder {
        folder: PathBuf,
        examples: Vec<Example>,
    },
    /// Lines of RiVEG's authors, or output of H-Index: names and regions, no pictures.
    Lines {
        posts: Vec<GoldPost>,
        /// Whether these are all posts of the file that have gold.
        all: bool,
    },
    World {
        world: World,
        count: usize,
    },
}

/// The posts that the arguments name.
pub(super) struct Wanted<'a> {
    pub(super) data: Option<&'a Path>,
    pub(super) split: &'a str,
    /// The number of posts from the first on.
    pub(super) posts: Option<usize>,
    pub(super) seed: u64,
    /// The number of candidate boxes of H-Index.
    pub(super) candidates: usize,
    /// Whether the engine runs, which needs the pictures.
    pub(super) pictures: bool,
}

/// The default number of posts of the world: a score of 0.9 then has an error of about a percent.
const WORLD_POSTS: usize = 1_000;

impl Posts {
    pub(super) fn of(wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let Some(data) = wanted.data else {
            let split: Split = wanted.split.parse().map_err(UsageError)?;
            let count = wanted.posts.unwrap_or(WORLD_POSTS);
            return Ok(Self::World { world: World::new(wanted.seed, split), count });
        };
        let most = wanted.posts.unwrap_or(usize::MAX);
        if data.is_file() {
            if wanted.pictures {
                return Err(UsageError(format!(
                    "`{}` has gold without texts and pictures, so the engine cannot run on it; add --predictions",
                    data.display()
                ))
                .into());
            }
            let mut posts = dataset::read_gold_file(data, wanted.candidates)?;
            let all = posts.len() <= most;
            posts.truncate(most);
            return Ok(Self::Lines { posts, all });
        }
        let mut examples = if wanted.pictures {
            dataset::read(data, wanted.split)?
        } else {
            dataset::read_all(data, wanted.split)?.whole()?
        };
        examples.truncate(most);
        Ok(Self::Folder { folder: data.to_owned(), examples })
    }

    /// Adds the posts that only answers name. Gold lines are mentions, so a post without an entity has no line, and what
    /// an answer finds in it is wrong.
    pub(super) fn add_posts_of(&mut self, answers: &Predictions) {
        let Self::Lines { posts, all: true } = self else { return };
        let known: HashSet<String> = posts.iter().map(|post| post.id.clone()).collect();
        let mut added: Vec<&String> = answers.keys().filter(|id| !known.contains(*id)).collect();
        added.sort();
        posts.extend(added.into_iter().map(|id| GoldPost {
            id: id.clone(),
            text: String::new(),
            mentions: Vec::new(),
            grounded: true,
        }));
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::Folder { examples, .. } => examples.len(),
            Self::Lines { posts, .. } => posts.len(),
            Self::World { count, .. } => *count,
        }
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder { folder, .. } => Some(folder),
            Self::Lines { .. } | Self::World { .. } => None,
        }
    }

    pub(super) fn all_gold(&self) -> Vec<GoldPost> {
        (0..self.count()).map(|index| self.gold(index)).collect()
    }

    pub(super) fn gold(&self, index: usize) -> GoldPost {
        match self {
            Self::Folder { examples, .. } => examples[index].gold.clone(),
            Self::Lines { posts, .. } => posts[index].clone(),
            Self::World { world, .. } => judge::example(world, index as u64).gold,
        }
    }

    /// The post with its record; none of gold lines, which have no records.
    pub(super) async fn example(&self, index: usize) -> Result<Option<Example>, Failure> {
        match self {
            Self::Folder { examples, .. } => Ok(Some(examples[index].clone())),
            Self::Lines { .. } => Ok(None),
            Self::World { world, .. } => {
                let world = world.clone();
                // Painting a picture takes milliseconds.
                let drawn = tokio::task::spawn_blocking(move || judge::example(&world, index as u64));
                Ok(Some(drawn.await?))
            }
        }
    }

    /// The lexicon of these posts, if they have one.
    pub(super) fn lexicon(&self, split: &str) -> Result<Option<Lexicon>, Failure> {
        match self {
            Self::Folder { folder, .. } => folder_lexicon(folder, split),
            Self::Lines { .. } => Ok(None),
            Self::World { world, count } => {
                let entries = lexicon(world, *count as u64);
                let lines: Vec<String> =
                    entries.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
                Ok(Some(Lexicon::read(lines.join("\n").as_bytes(), Path::new("the pocket world"))?))
            }
        }
    }
}

/// The lexicon in a folder of posts, if there is one.
pub(in crate::cli) fn folder_lexicon(folder: &Path, split: &str) -> Result<Option<Lexicon>, Failure> {
    let files = [folder.join(split).join("lexicon.jsonl"), folder.join("lexicon.jsonl")];
    let file = files.into_iter().find(|file| file.is_file());
    Ok(file.map(|file| Lexicon::load(&file)).transpose()?)
}
