//! Joint reader: from a post's text and pictures to entities, each with its type and its region of every picture.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::super::recogniser::MAX_KNOWLEDGE_BYTES;
use super::super::window_memory::while_read;
use super::{Candidate, Found, JointLook, Read, Reply, Request, merged};
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
    /// The regions among which it chooses.
    pub candidates: Arc<[Candidate]>,
    /// The view in which it sees pictures.
    pub view: View,
    /// The probability from which a picture is taken to show an entity.
    pub threshold: f32,
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

    /// The entities of a text, in reading order, with a look at each picture, which are in the network's view. The network
    /// reads as much of `knowledge` after the text as fits. A text without words makes no call. A long text waits while others
    /// hold the memory for words and windows.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn read(
        &self,
        flow: Flow,
        (text, knowledge): (&str, &str),
        pictures: &[Arc<Picture>],
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
        let beside: Vec<Option<&Arc<Picture>>> =
            if pictures.is_empty() { vec![None] } else { pictures.iter().map(Some).collect() };
        let readings = windows.iter().map(|Window { request, .. }| {
            try_join_all(beside.iter().map(|picture| self.beside(flow, request, *picture)))
        });
        let readings: Vec<Vec<Vec<Found>>> = try_join_all(readings).await?;
        let candidates = &self.settings.candidates;
        let mut entities = Vec::new();
        for (window, readings) in windows.iter().zip(&readings) {
            for read in merged(readings, candidates, pictures.len()) {
                entities.extend(self.entity(text, &words[window.words.clone()], &read, pictures));
            }
        }
        Ok(entities)
    }

    async fn beside(
        &self,
        flow: Flow,
        text: &recognise::Request,
        picture: Option<&Arc<Picture>>,
    ) -> Result<Vec<Found>, CallError> {
        let candidates = match picture {
            Some(_) => Arc::clone(&self.settings.candidates),
            None => Arc::default(),
        };
        let request = Request { text: text.clone(), picture: picture.cloned(), candidates };
        Ok(self.handle.call(flow, request).await?.found)
    }

    /// An entity of these words; none where the network answers with words or a type that there are not.
    fn entity(
        &self,
        text: &str,
        words: &[Span],
        read: &Read,
        pictures: &[Arc<Picture>],
    ) -> Option<JointEntity> {
        let (first, last) = (words.get(read.words.start)?, words.get(read.words.end.checked_sub(1)?)?);
        let span = Span { end: last.end, byte_end: last.byte_end, ..*first };
        let mention = Mention {
            text: text.get(span.byte_start..span.byte_end)?.to_owned(),
            entity_type: self.settings.types.get(read.entity_type)?.clone(),
            span,
            score: read.score,
        };
        let look = |(look, picture): (&JointLook, &Arc<Picture>)| {
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
