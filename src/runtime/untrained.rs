//! A whole bundle that has learnt nothing: tiny networks, with tokenizers and a lexicon of the pocket world.

use std::fs;
use std::path::Path;

use crate::bundle::untrained::{BINS, FILES, Vocabularies, write_untrained};
use crate::train::tokenizers::{save, train_byte_pairs, train_unigram};
use crate::world::{Split, World, lexicon};

/// Posts whose words the tokenizers learn, and whose names the lexicon knows: enough for a few hundred pieces.
const POSTS: u64 = 64;

/// Pieces of each tokenizer: more than the bytes and the characters of the world.
const PIECES: u32 = 400;

/// Writes the bundle into a folder, which is made where it is not there. It answers, but never rightly.
///
/// # Errors
/// Where the folder cannot be written.
pub fn write_bundle(folder: &Path, seed: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    fs::create_dir_all(folder)?;
    let world = World::new(seed, Split::Train);
    let texts: Vec<String> = (0..POSTS).map(|index| world.text(index).text).collect();
    let entries = lexicon(&world, POSTS);
    let [tagger_file, ofa_file, lexicon_file] = FILES;

    let tagger = train_unigram(&texts, PIECES)?;
    save(&tagger, &folder.join(tagger_file))?;
    let phrases = entries.iter().map(|entry| format!(" {}", entry.expansion));
    let phrases: Vec<String> = phrases.chain([" no yes maybe".repeat(50)]).collect();
    let ofa = train_byte_pairs(phrases.iter(), PIECES as usize, BINS as usize)?;
    save(&ofa.tokenizer, &folder.join(ofa_file))?;
    let lines = entries.iter().map(|entry| serde_json::to_string(entry).map(|line| line + "\n"));
    fs::write(folder.join(lexicon_file), lines.collect::<Result<String, _>>()?)?;

    // Single pieces for the answers do not matter to a network that has learnt nothing: their first letters serve.
    let answer = |word: &str| -> Result<i64, Box<dyn std::error::Error + Send + Sync>> {
        let pieces = ofa.tokenizer.encode_fast(word, false)?;
        pieces
            .get_ids()
            .first()
            .map(|&id| i64::from(id))
            .ok_or_else(|| format!("no piece begins `{word}`").into())
    };
    let vocabularies = Vocabularies {
        tagger: tagger.get_vocab_size(true) as i64,
        ofa: ofa.vocabulary as i64,
        first_bin: i64::from(ofa.first_bin),
        answers: [answer("no")?, answer("yes")?, answer("maybe")?],
    };
    Ok(write_untrained(folder, vocabularies, seed)?)
}
