//! Joint reader: from a post's text and pictures to entities, each with its type and its region of every picture.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::super::recogniser::MAX_KNOWLEDGE_BYTES;
use super::super::window_memory::while_read;
use super::{Candidate, Found, JointLook, Read, Reply, Request, merged, proposed_candidates};
use crate::common::imaging::{Picture, View};
use crate::domain::{BBox, EntityType, Mention, Span};
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::{TextMemory, tokenise};
use crate::stages::recognise::{self, Window, WordTokenizer};

/// Reads posts with a joint network.
pub struct JointReader {
    handle: Handle<Request, Reply>,
    tokenizer: Arc<WordTokenizer>,
    settings: JointSettings,
    memory: TextMemory,
}

/// How a joint network is asked and understood.
#[derive(Debug, Clone)]
pub struct JointSettings {
    /// The entity types in the order of the network's classes.
    pub types: Vec<EntityType>,
    /// The grid: the regions among which it chooses in a picture of which nobody gives others.
    pub candidates: Arc<[Candidate]>,
    /// Whether the grid stands beside the regions that a grounder proposes.
    pub keeps_grid: bool,
    /// The view in which it sees pictures.
    pub view: View,
    /// The probability from which a picture is taken to show an entity.
    pub threshold: f32,
}

/// A picture of a post.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The picture in the network's view.
    picture: Arc<Picture>,
    /// The regions among which the network chooses.
    candidates: Arc<[Candidate]>,
}

/// An entity of a post.
#[derive(Debug, Clone, PartialEq)]
pub struct JointEntity {
    /// The entity in the text.
    pub mention: Mention,
    /// The probability that each picture shows it, in their order, and where, if it does.
    pub looks: Vec<(f32, Option<(BBox, f32)>)>,
}

impl JointReader {
    /// A reader that calls the network behind `handle`, with its tokenizer.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, tokenizer: WordTokenizer, settings: JointSettings) -> Self {
        Self { handle, tokenizer: Arc::new(tokenizer), settings, memory: TextMemory::default() }
    }

    /// Takes memory for words and windows from this limit instead of one of its own.
    #[must_use]
    pub fn within(self, memory: TextMemory) -> Self {
        Self { memory, ..self }
    }

    /// The view in which the network sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        self.settings.view
    }

    /// A picture, which is in the network's view. The network chooses among the candidates that came `given` with it; if there
    /// are none, among the `proposed` ones of a grounder, with their scores, and the grid where it is kept; and without any
    /// among the grid.
    #[must_use]
    pub fn shown(
        &self,
        picture: Arc<Picture>,
        given: Vec<Candidate>,
        proposed: &[(Candidate, f32)],
    ) -> Shown {
        let JointSettings { candidates: grid, keeps_grid, .. } = &self.settings;
        if !given.is_empty() {
            return Shown { picture, candidates: given.into() };
        }
        let candidates = match proposed {
            [] => Vec::new(),
            _ => proposed_candidates(proposed, if *keeps_grid { grid } else { &[] }),
        };
        let candidates = if candidates.is_empty() { Arc::clone(grid) } else { candidates.into() };
        Shown { picture, candidates }
    }

    /// The entities of a text, in reading order, with a look at each picture. The network
    /// reads as much of `knowledge` after the text as fits. A text without words makes no call. A long text waits while others
    /// hold the memory for words and windows.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn read(
        &self,
        flow: Flow,
        (text, knowledge): (&str, &str),
        pictures: &[Shown],
    ) -> Result<Vec<JointEntity>, CallError> {
        let knowledge = knowledge[..knowledge.floor_char_boundary(MAX_KNOWLEDGE_BYTES)].to_owned();
        let tokenizer = Arc::clone(&self.tokenizer);
        // Each picture is asked about with windows of its own.
        let copies = 1 + pictures.len() as u64;
        let mut share = self.memory.share(text).await;
        let (words, windows, _share) = tokenise(text, move |text| {
            let mut words = tokenizer.words(text);
            words.shrink_to_fit();
            let windows = tokenizer.windows_with_knowledge(text, &words, &knowledge);
            share.shrink_to(while_read(&words, &windows).saturating_mul(copies));
            (words, windows, share)
        })
        .await;
        let beside: Vec<Option<&Shown>> =
            if pictures.is_empty() { vec![None] } else { pictures.iter().map(Some).collect() };
        let readings = windows.iter().map(|Window { request, .. }| {
            try_join_all(beside.iter().map(|picture| self.beside(flow, request, *picture)))
        });
        let readings: Vec<Vec<Vec<Found>>> = try_join_all(readings).await?;
        let candidates: Vec<&[Candidate]> = pictures.iter().map(|shown| &shown.candidates[..]).collect();
        let mut entities = Vec::new();
        for (window, readings) in windows.iter().zip(&readings) {
            for read in merged(readings, &candidates) {
                entities.extend(self.entity(text, &words[window.words.clone()], &read, pictures));
            }
        }
        Ok(entities)
    }

    async fn beside(
        &self,
        flow: Flow,
        text: &recognise::Request,
        shown: Option<&Shown>,
    ) -> Result<Vec<Found>, CallError> {
        let (picture, candidates) = match shown.cloned() {
            Some(Shown { picture, candidates }) => (Some(picture), candidates),
            None => (None, Arc::default()),
        };
        let request = Request { text: text.clone(), picture, candidates };
        Ok(self.handle.call(flow, request).await?.found)
    }

    /// An entity of these words; none where the network answers with words or a type that there are not.
    fn entity(&self, text: &str, words: &[Span], read: &Read, pictures: &[Shown]) -> Option<JointEntity> {
        let (first, last) = (words.get(read.words.start)?, words.get(read.words.end.checked_sub(1)?)?);
        let span = Span { end: last.end, byte_end: last.byte_end, ..*first };
        let mention = Mention {
            text: text.get(span.byte_start..span.byte_end)?.to_owned(),
            entity_type: self.settings.types.get(read.entity_type)?.clone(),
            span,
            score: read.score,
        };
        let look = |(look, Shown { picture, .. }): (&JointLook, &Shown)| {
            let region = look.region.filter(|_| look.shown >= self.settings.threshold);
            (look.shown, region.map(|(candidate, score)| (bbox(candidate, picture), score)))
        };
        Some(JointEntity { mention, looks: read.looks.iter().zip(pictures).map(look).collect() })
    }
}

/// A candidate in pixels of the upright picture.
fn bbox([left, top, right, bottom]: Candidate, picture: &Picture) -> BBox {
    let (width, height) = (picture.original_width as f32, picture.original_height as f32);
    BBox { x0: left * width, y0: top * height, x1: right * width, y1: bottom * height }
}
