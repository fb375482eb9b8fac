//! A bundle is a folder with everything that the networks need: manifest, weights, tokenizers, lexicon.
