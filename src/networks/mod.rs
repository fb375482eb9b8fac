//! Networks: each in its own folder, and the bundles that hold their weights.
//!
//! Read one network first, for example [`seqtr`], and its descriptor; then [`descriptor`] (what a network's folder tells the
//! rest), [`registry`] (all networks), [`blocks`] (what several networks are built of), [`served`] (a network at work),
//! [`weights`], [`bundle`] (manifest, self-tests) and [`checkpoint`] (published files). Tensors exist only here and in
//! `lab`.

pub mod albef;
pub mod grounding_dino;
pub mod mqspn;
pub mod ofa;
pub mod sam;
pub mod sam2;
pub mod seqtr;
pub mod tagger;
pub mod umt;

pub mod registry;
pub mod descriptor;
pub mod blocks;
pub mod served;

pub mod weights;
pub mod bundle;
pub mod checkpoint;
