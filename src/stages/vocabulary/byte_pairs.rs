//! Byte pairs of OFA (Wang et al. 2022): GPT-2's pieces in fairseq's order, then special tokens.
//!
//! Text is read as by GPT-2: no space is added in front, and a word's leading space is part of its first piece, so ` no`
//! and `no` differ.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

use super::VocabularyError;
use super::files::{bytes, lines, text};

/// The ids of an OFA's location tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locations {
    /// The id of `<bin_0>`.
    pub first: u32,
    /// Their number.
    pub count: u32,
}

/// The pieces that fairseq puts before every dictionary.
pub(super) const SPECIAL: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];
pub(super) const MASK: &str = "<mask>";

/// The layout of OFA's authors: `dict.txt` has GPT-2's ids in fairseq's order.
pub(super) fn fairseq(
    dictionary: &Path,
    ids: &Path,
    merges: &Path,
    locations: Locations,
) -> Result<Tokenizer, VocabularyError> {
    let pieces: BTreeMap<u32, String> = read_ids(ids)?.into_iter().map(|(piece, id)| (id, piece)).collect();
    let mut ordered: Vec<String> = SPECIAL.map(str::to_owned).to_vec();
    let mut known: HashSet<String> = ordered.iter().cloned().collect();
    for (number, line) in (1..).zip(lines(&text(dictionary)?)) {
        let place = format!("line {number}");
        let counted = line.rsplit_once(' ').filter(|(_, count)| count.parse::<u64>().is_ok());
        let Some((word, _)) = counted else {
            return Err(VocabularyError::unfit(dictionary, place, "a word and its count", shown(line)));
        };
        // Padding lines are words of their own.
        let piece = match word.parse::<u32>() {
            Err(_) => word.to_owned(),
            Ok(id) => pieces.get(&id).cloned().ok_or_else(|| {
                let expected = format!("an id of the {} in `{}`", pieces.len(), ids.display());
                VocabularyError::unfit(dictionary, &place, expected, id)
            })?,
        };
        if !known.insert(piece.clone()) {
            return Err(VocabularyError::unfit(dictionary, place, "each word once", shown(word)));
        }
        ordered.push(piece);
    }
    byte_level(dictionary, ordered, merges, locations)
}

/// The layout of Hugging Face: `vocab.json` is in fairseq's order.
pub(super) fn hugging_face(
    ids: &Path,
    merges: &Path,
    locations: Locations,
) -> Result<Tokenizer, VocabularyError> {
    byte_level(ids, read_pieces(ids)?, merges, locations)
}

/// The pieces of a `vocab.json` in the order of their ids, which begin with the special ones.
pub(super) fn read_pieces(ids: &Path) -> Result<Vec<String>, VocabularyError> {
    let known = read_ids(ids)?;
    for (expected, piece) in (0..).zip(SPECIAL) {
        let found = known.get(piece);
        if found != Some(&expected) {
            let found = found.map_or_else(|| "none".to_owned(), u32::to_string);
            let expected = format!(
                "{expected} as its id; where GPT-2's own file is all there is, fairseq's `dict.txt` beside it"
            );
            return Err(VocabularyError::unfit(ids, format!("`{piece}`"), expected, found));
        }
    }
    let by_id: BTreeMap<u32, String> = known.into_iter().map(|(piece, id)| (id, piece)).collect();
    let gap = (0..).zip(by_id.keys()).find(|(expected, found)| expected != *found);
    if let Some((expected, found)) = gap {
        return Err(VocabularyError::unfit(ids, "its ids", format!("{expected} as the next one"), found));
    }
    Ok(by_id.into_values().collect())
}

/// A tokenizer of these pieces, with missing special tokens added at the end; `file` is for errors.
fn byte_level(
    file: &Path,
    pieces: Vec<String>,
    merges: &Path,
    locations: Locations,
) -> Result<Tokenizer, VocabularyError> {
    let known: HashSet<&str> = pieces.iter().map(String::as_str).collect();
    // A byte without a piece would silently be dropped from texts.
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    if let Some(byte) = alphabet.iter().find(|byte| !known.contains(byte.to_string().as_str())) {
        return Err(VocabularyError::unfit(file, format!("`{byte}`"), "a piece for every byte", "none"));
    }
    let mut added: Vec<String> = SPECIAL.map(str::to_owned).to_vec();
    added.push(MASK.to_owned());
    if known.contains("<bin_0>") {
        added.extend(pieces.iter().filter(|piece| is_numbered(piece)).cloned());
    } else {
        // Image codes are between the words and the locations.
        let before = pieces.len() + usize::from(!known.contains(MASK));
        let Some(codes) = (locations.first as usize).checked_sub(before) else {
            let expected =
                format!("at most {} words before `<bin_0>`, the network's `first_bin`", locations.first);
            return Err(VocabularyError::unfit(file, "its words", expected, before));
        };
        added.extend((0..codes).map(|code| format!("<code_{code}>")));
        added.extend((0..locations.count).map(|bin| format!("<bin_{bin}>")));
    }
    let model = BPE::builder()
        .vocab_and_merges(
            pieces.into_iter().zip(0..).collect::<tokenizers::models::bpe::Vocab>(),
            read_merges(merges)?,
        )
        .build()
        .map_err(|source| VocabularyError::unusable(merges, source))?;
    let mut tokenizer = Tokenizer::new(model);
    let bytes = ByteLevel::new(false, false, true);
    tokenizer.with_pre_tokenizer(Some(bytes));
    tokenizer.with_decoder(Some(bytes));
    let added: Vec<AddedToken> = added.into_iter().map(|piece| AddedToken::from(piece, true)).collect();
    tokenizer.add_special_tokens(&added);
    Ok(tokenizer)
}

/// Whether a piece is like `<code_0>` or `<bin_0>`.
fn is_numbered(piece: &str) -> bool {
    let inner = piece.strip_prefix('<').and_then(|piece| piece.strip_suffix('>'));
    let number = inner.and_then(|inner| inner.strip_prefix("code_").or_else(|| inner.strip_prefix("bin_")));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn read_ids(file: &Path) -> Result<BTreeMap<String, u32>, VocabularyError> {
    serde_json::from_slice(&bytes(file)?)
        .map_err(|error| VocabularyError::unfit(file, "its form", "pieces and their ids in JSON", error))
}

/// The merges, by priority. The first line may be a format version.
pub(super) fn read_merges(file: &Path) -> Result<Merges, VocabularyError> {
    let text = text(file)?;
    let numbered =
        (1..).zip(lines(&text)).filter(|(number, line)| *number > 1 || !line.starts_with("#version"));
    let pair = |(number, line): (usize, &str)| {
        let pair = line
            .split_once(' ')
            .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '));
        let (left, right) = pair.ok_or_else(|| {
            VocabularyError::unfit(
                file,
                format!("line {number}"),
                "two pieces with a space between",
                shown(line),
            )
        })?;
        Ok((left.to_owned(), right.to_owned()))
    };
    numbered.filter(|(_, line)| !line.is_empty()).map(pair).collect()
}

/// The beginning of a line, escaped for messages.
pub(super) fn shown(line: &str) -> String {
    const SHOWN: usize = 40; // enough to find it by
    let start: String = line.chars().take(SHOWN).collect();
    format!("`{}`", start.escape_debug())
}
