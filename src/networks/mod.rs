//! Networks: each in its own folder, and the bundles that hold their weights.
//!
//! Read one network first, for example [`seqtr`], then [`blocks`] (what several networks are built of), [`served`] (which
//! network answers a stage), [`bundle`] (manifest, weights, self-tests) and [`checkpoint`] (published files). Tensors exist
//! only here and in `lab`.

pub mod albef;
pub mod ofa;
pub mod sam;
pub mod seqtr;
pub mod tagger;
pub mod umt;

pub mod blocks;
pub mod served;

pub mod bundle;
pub mod checkpoint;
