//! Tiny bundles with vocabularies and a lexicon of the pocket world.

use std::fs;
use std::path::Path;

use riveg::domain::Stage;
use riveg::lab::train::tokenizers::{OfaTokenizer, save, train_byte_pairs, train_unigram};
use riveg::lab::world::{LexiconEntry, Split, World, lexicon};
use riveg::networks::bundle::{FileEntry, Manifest, stage_template, write_manifest};

use super::bundle::{FILES, write_random};
use super::form::{BINS, Vocabulary, VocabularyFile};
use super::stage::{form, tiny_manifest};
use super::words::{self, Failure};

/// Posts whose words the tokenizers learn, and whose names the lexicon knows: enough for a few hundred pieces.
const POSTS: u64 = 64;

/// Pieces of each tokenizer: more than the bytes and the characters of the world.
const PIECES: u32 = 400;

/// Names of the files of a bundle of one stage.
const TOKENIZER: &str = "tokenizer.json";
const WORDS: &str = "words.txt";
const LEXICON: &str = "lexicon.jsonl";

/// Writes the bundle into a folder, which is made where it is not there. It answers, but never rightly.
///
/// # Errors
/// Where the folder cannot be written.
pub(crate) fn write_bundle(folder: &Path, seed: u64) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let known = Known::of(seed);
    let [tagger_file, ofa_file, lexicon_file] = FILES;
    let tagger = train_unigram(&known.texts, PIECES)?;
    save(&tagger, &folder.join(tagger_file))?;
    let ofa = known.byte_pairs()?;
    save(&ofa.tokenizer, &folder.join(ofa_file))?;
    known.write_lexicon(&folder.join(lexicon_file))?;
    let pieces = tagger.get_vocab_size(true) as i64;
    Ok(write_random(folder, (pieces, vocabulary(&ofa)?), seed)?)
}

/// Writes a bundle of one stage, with a network that is a published one in all but its sizes; `change` has the last word
/// on the manifest.
///
/// # Errors
/// Where the folder cannot be written, or no network of that name was published for the stage.
pub(crate) fn write_stage(
    folder: &Path,
    (stage, preset): (Stage, &str),
    seed: u64,
    change: impl FnOnce(&mut Manifest),
) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    // The vocabularies are those of one world, whatever the networks are drawn from.
    let known = Known::of(0);
    known.write_lexicon(&folder.join(LEXICON))?;
    let file = folder.join(TOKENIZER);
    let unknown = || format!("no network `{preset}` was published for the stage `{stage}`");
    let published = stage_template(stage, preset, Default::default(), seed).ok_or_else(unknown)?;
    let architecture = published.parts()[0].network.architecture;
    let (tokenizer, vocabulary) = match (form(architecture).vocabulary)(preset) {
        VocabularyFile::None => (None, Vocabulary::of_rows(0)),
        VocabularyFile::Words => {
            let list = words::list(&known.phrases());
            fs::write(folder.join(WORDS), list.join("\n") + "\n")?;
            (Some(WORDS), Vocabulary::of_rows(list.len()))
        }
        VocabularyFile::BytePairs => {
            let ofa = known.byte_pairs()?;
            save(&ofa.tokenizer, &file)?;
            (Some(TOKENIZER), vocabulary(&ofa)?)
        }
        VocabularyFile::WordPieces { lower_case } => {
            let pieces = words::pieces(&[known.texts.clone(), known.phrases()].concat(), lower_case)?;
            save(&pieces, &file)?;
            (Some(TOKENIZER), Vocabulary::of_rows(pieces.get_vocab_size(true)))
        }
        VocabularyFile::Unigram => {
            let pieces = train_unigram(&known.texts, PIECES)?;
            save(&pieces, &file)?;
            (Some(TOKENIZER), Vocabulary::of_rows(pieces.get_vocab_size(true)))
        }
    };
    let mut manifest = tiny_manifest(stage, preset, (tokenizer, vocabulary), seed).ok_or_else(unknown)?;
    manifest.lexicon = Some(FileEntry::named(LEXICON));
    change(&mut manifest);
    Ok(write_manifest(folder, manifest)?)
}

/// What the vocabularies are made of.
struct Known {
    texts: Vec<String>,
    entries: Vec<LexiconEntry>,
}

impl Known {
    fn of(seed: u64) -> Self {
        let world = World::new(seed, Split::Train);
        let texts = (0..POSTS).map(|index| world.text(index).text).collect();
        Self { texts, entries: lexicon(&world, POSTS) }
    }

    fn phrases(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.expansion.clone()).collect()
    }

    fn byte_pairs(&self) -> Result<OfaTokenizer, Failure> {
        let phrases = self.entries.iter().map(|entry| format!(" {}", entry.expansion));
        let phrases: Vec<String> = phrases.chain([" no yes maybe".repeat(50)]).collect();
        Ok(train_byte_pairs(phrases.iter(), PIECES as usize, BINS as usize)?)
    }

    fn write_lexicon(&self, file: &Path) -> Result<(), Failure> {
        let lines = self.entries.iter().map(|entry| serde_json::to_string(entry).map(|line| line + "\n"));
        Ok(fs::write(file, lines.collect::<Result<String, _>>()?)?)
    }
}

fn vocabulary(ofa: &OfaTokenizer) -> Result<Vocabulary, Failure> {
    // Single pieces for the answers do not matter to a network that has learnt nothing: their first letters serve.
    let answer = |word: &str| -> Result<i64, Failure> {
        let pieces = ofa.tokenizer.encode_fast(word, false)?;
        let first = pieces.get_ids().first().map(|&id| i64::from(id));
        first.ok_or_else(|| format!("no piece begins `{word}`").into())
    };
    let answers = [answer("no")?, answer("yes")?, answer("maybe")?];
    Ok(Vocabulary { rows: ofa.vocabulary as i64, first_bin: i64::from(ofa.first_bin), answers })
}
