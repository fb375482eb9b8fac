//! Stages: the life of a post, from its text to the masks of its entities.
//!
//! Read [`pipeline`] first: it calls the others in order. [`caption`] and [`knowledge`] prepare what the tagger is told,
//! [`recognise`] tags the text, [`link`] says which real entities the names mean, [`expand`] makes phrases of entities,
//! [`entail`] is the gate, [`ground`] finds the box and [`segment`] the mask. [`vision`] asks a vision model in place of
//! gate and grounder. [`lexicon`] holds what an operator knows of names; [`prompt`] and [`vocabulary`] turn text into
//! tokens for the networks. No stage imports another.

pub mod pipeline;

pub mod caption;
pub mod entail;
pub mod expand;
pub mod ground;
pub mod knowledge;
pub mod link;
pub mod recognise;
pub mod segment;
pub mod vision;

pub mod lexicon;
pub mod prompt;
pub mod vocabulary;
