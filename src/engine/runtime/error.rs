//! Errors of opening a bundle and starting its networks.

use std::io;
use std::path::PathBuf;

use crate::common::answer_file::AnswerFileError;
use crate::domain::Stage;
use crate::llm::answers::AnswersError;
use crate::llm::cached;
use crate::llm::client::EndpointError;
use crate::networks::blocks::device::NoDevice;
use crate::networks::bundle::BundleError;
use crate::stages::knowledge::ExamplesError;
use crate::stages::lexicon::LexiconError;
use crate::stages::prompt::{PromptError, WordListError};
use crate::stages::recognise::{LabelFault, TokenizerError};
use crate::stages::vision::PromptFileError;

/// Why the networks of a bundle cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A file is missing or damaged, or weights do not fit their network.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A file of a question's wording cannot be used.
    #[error(transparent)]
    Prompts(#[from] cached::PromptFileError),
    /// The machine has no device of that name.
    #[error(transparent)]
    Device(#[from] NoDevice),
    /// The tokenizer of the tagger cannot be used.
    #[error("the bundle's tagger has no tokenizer")]
    WordTokenizer(#[source] TokenizerError),
    /// The labels of the tagger cannot be used.
    #[error("the bundle's tagger has no labels")]
    Labels(#[from] LabelFault),
    /// The tokenizer of the retriever cannot be used.
    #[error("the bundle's encoder of posts has no tokenizer")]
    TextTokenizer(#[source] TokenizerError),
    /// The tokenizer of the entailer or the grounder cannot be used.
    #[error("the bundle's network for `{stage}` cannot be asked")]
    Prompt {
        /// The stage.
        stage: Stage,
        /// The cause.
        #[source]
        source: PromptError,
    },
    /// A tokenizer has more pieces than its network has rows.
    #[error("`{}` knows {pieces} pieces, but the network of stage `{stage}` has {rows}", file.display())]
    Vocabulary {
        /// The tokenizer.
        file: PathBuf,
        /// The stage.
        stage: Stage,
        /// Its pieces.
        pieces: usize,
        /// Rows of the embedding table.
        rows: i64,
    },
    /// The word list of the grounder cannot be used.
    #[error("the bundle's network for `{stage}` cannot be asked")]
    WordList {
        /// The stage.
        stage: Stage,
        /// The cause.
        #[source]
        source: WordListError,
    },
    /// A word list belongs to another network.
    #[error("`{}` has {words} words, but the network of stage `{stage}` has {rows}", file.display())]
    Words {
        /// The list.
        file: PathBuf,
        /// The stage.
        stage: Stage,
        /// Its words.
        words: usize,
        /// Rows of the embedding table.
        rows: i64,
    },
    /// The lexicon cannot be read.
    #[error(transparent)]
    Lexicon(#[from] LexiconError),
    /// The examples for language models cannot be read.
    #[error(transparent)]
    Examples(#[from] ExamplesError),
    /// The answers to replay cannot be read.
    #[error(transparent)]
    Replay(#[from] AnswerFileError),
    /// No examples are configured.
    #[error("the bundle has no annotated examples, and knowledge.examples names none")]
    NoExamples,
    /// The settings of a language model are wrong.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The cache of answers cannot be opened.
    #[error(transparent)]
    Answers(#[from] AnswersError),
    /// The bundle's joint network and a vision model would both answer.
    #[error(
        "vision.{stage} names a vision model, and the bundle's joint network answers for `{stage}` already"
    )]
    AnsweredTwice {
        /// The stage.
        stage: Stage,
    },
    /// The settings use a language model that the caller did not open.
    #[error("the language model `{0}` was not opened")]
    UnknownEndpoint(String),
    /// The prompt of vision models cannot be used.
    #[error(transparent)]
    VisionPrompt(#[from] PromptFileError),
    /// The operating system refused a thread.
    #[error("cannot start the device's thread")]
    Thread(#[source] io::Error),
}
