//! Output of H-Index, the first network for GMNER: three lines a post with its words, predictions and gold.
//!
//! An entity is `(<pieces> , [<candidates>] , <<type>> )`. The pieces are the first ones of its words; candidates are numbers
//! of the detector's boxes, which the file does not have. The number behind the last candidate means that the picture does
//! not show the entity, in gold the one behind that means that no candidate covers it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::files::{DatasetError, malformed};
use super::mentions::{GoldMention, GoldPost, GoldRegion, PredictedMention, PredictedRegion, Predictions};
use crate::domain::{BBox, EntityType};

/// The picture of candidates: each is a box of its own in a row, so that two overlap if they are the same.
const CANDIDATES: &str = "candidates";

/// The beginnings of the second and the third line.
const PREDICTED: &str = "Pred:";
const GOLD: &str = "GT :";

/// The posts of a file.
pub(super) struct HIndexOutput(Vec<Post>);

struct Post {
    text: String,
    predicted: Vec<Entity>,
    gold: Vec<Entity>,
}

struct Entity {
    text: String,
    entity_type: EntityType,
    /// Its place in the text, if the pieces are found there.
    span: Option<(usize, usize)>,
    regions: Vec<BBox>,
}

/// The most letters of a name whose words are looked for: longer ones are no names, and each letter is a step of recursion.
const LONGEST_NAME: usize = 200;

/// Whether a text is such an output.
pub(super) fn is_output(text: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| line.trim().is_empty());
    let (_, second, third) = (lines.next(), lines.next(), lines.next());
    second.is_some_and(|line| line.starts_with(PREDICTED))
        && third.is_some_and(|line| line.trim_start().starts_with(GOLD))
}

impl HIndexOutput {
    /// Reads a text of a run with this number of candidates.
    pub(super) fn read(file: &Path, text: &str, candidates: usize) -> Result<Self, DatasetError> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).peekable();
        let mut posts = Vec::new();
        while let Some((number, words)) = lines.next() {
            // The scores of the run stand at the end.
            if words.starts_with('{') && lines.peek().is_none() {
                break;
            }
            let words: Vec<&str> = words.split_whitespace().collect();
            let mut entities = |mark: &str, most: usize| {
                let absent = || malformed(file, number, format!("expected a line `{mark}` behind the words"));
                let (number, line) = lines.next().ok_or_else(absent)?;
                let line = line.trim_start().strip_prefix(mark).ok_or_else(absent)?;
                entities_of(&words, line, (candidates, most))
                    .map_err(|message| malformed(file, number, message))
            };
            let predicted = entities(PREDICTED, candidates)?;
            let gold = entities(GOLD, candidates + 1)?;
            posts.push(Post { text: words.join(" "), predicted, gold });
        }
        Ok(Self(posts))
    }

    /// The gold of the file; numbers are ids.
    pub(super) fn gold(self) -> Vec<GoldPost> {
        let mention = |Entity { text, entity_type, span, regions }: Entity| {
            let region = |bbox| GoldRegion { media_key: CANDIDATES.to_owned(), bbox, mask: None };
            GoldMention { text, entity_type, span, regions: regions.into_iter().map(region).collect() }
        };
        let post = |(number, Post { text, gold, .. }): (usize, Post)| GoldPost {
            id: number.to_string(),
            text,
            mentions: gold.into_iter().map(mention).collect(),
            grounded: true,
        };
        (1..).zip(self.0).map(post).collect()
    }

    /// The predictions about posts with these texts, in their order where a text occurs several times. Where the gold is
    /// of another file, a prediction says that the picture shows an entity, and not where.
    ///
    /// # Errors
    /// How many posts have a text that no post has.
    pub(super) fn answers(self, gold: &[GoldPost]) -> Result<Predictions, usize> {
        let mut ids: HashMap<String, Vec<&str>> = HashMap::new();
        for post in gold.iter().rev() {
            let text: Vec<&str> = post.text.split_whitespace().collect();
            ids.entry(text.join(" ")).or_default().push(&post.id);
        }
        let mut regions = gold.iter().flat_map(|post| &post.mentions).flat_map(|mention| &mention.regions);
        // Any: of gold that shows nothing it is not known whether it has candidates.
        let has_candidates = regions.any(|region| region.media_key == CANDIDATES);
        let (mut answers, mut unknown) = (Predictions::new(), 0);
        for Post { text, predicted, .. } in self.0 {
            let Some(id) = ids.get_mut(&text).and_then(Vec::pop) else {
                unknown += 1;
                continue;
            };
            let mention = |entity: Entity| entity.predicted(if has_candidates { None } else { Some(id) });
            answers.insert(id.to_owned(), predicted.into_iter().map(mention).collect());
        }
        if unknown > 0 { Err(unknown) } else { Ok(answers) }
    }
}

impl Entity {
    /// The prediction; with the picture that it is about if its candidates are unknown.
    fn predicted(self, picture: Option<&str>) -> PredictedMention {
        let Self { text, entity_type, span, regions } = self;
        let region = |bbox| PredictedRegion {
            media_key: picture.unwrap_or(CANDIDATES).to_owned(),
            bbox: picture.is_none().then_some(bbox),
            mask: None,
            mask_score: None,
        };
        let gate = Some(!regions.is_empty());
        PredictedMention { text, entity_type, span, gate, regions: regions.into_iter().map(region).collect() }
    }
}

/// The entities of a line; `most` is the highest number of a candidate.
fn entities_of(words: &[&str], line: &str, (none, most): (usize, usize)) -> Result<Vec<Entity>, String> {
    let mut found = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let expected = || format!("expected `(<entity> , [<candidates>] , <type> )`, found `{rest}`");
        let inner = rest.strip_prefix('(').ok_or_else(expected)?;
        let (pieces, behind) = inner.split_once(" , [").ok_or_else(expected)?;
        let (numbers, behind) = behind.split_once("] , ").ok_or_else(expected)?;
        let (entity_type, behind) = behind.split_once(" )").ok_or_else(expected)?;
        let numbers: Option<Vec<usize>> =
            numbers.split(',').map(|number| number.trim().parse().ok()).collect();
        let numbers = numbers.ok_or_else(expected)?;
        if let Some(beyond) = numbers.iter().find(|&&number| number > most) {
            return Err(format!(
                "found candidate {beyond}, expected at most {most}; `--candidates` says how many there are"
            ));
        }
        let is_shown = !numbers.contains(&none);
        let regions = numbers.into_iter().filter(|_| is_shown).map(place_of_candidate).collect();
        let (text, span) = placed(words, pieces);
        found.push(Entity { text, entity_type: type_of(entity_type.trim()), span, regions });
        rest = behind.trim_start();
    }
    Ok(found)
}

/// The box that stands for a candidate.
fn place_of_candidate(number: usize) -> BBox {
    let x0 = number as f32;
    BBox { x0, y0: 0.0, x1: x0 + 1.0, y1: 1.0 }
}

fn type_of(name: &str) -> EntityType {
    EntityType::new(match name {
        "<<person>>" => "PER",
        "<<location>>" => "LOC",
        "<<organization>>" => "ORG",
        "<<others>>" => "OTHER",
        other => other,
    })
}

/// The words that begin with these pieces, and their place in the text; else the pieces themselves.
fn placed(words: &[&str], pieces: &str) -> (String, Option<(usize, usize)>) {
    let printed: Vec<char> = pieces.chars().filter(|letter| !letter.is_whitespace()).collect();
    let spelt: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    let length = |words: &[Vec<char>]| words.iter().map(Vec::len).sum::<usize>();
    let mut failed = HashSet::new();
    let starts = if printed.len() > LONGEST_NAME { 0 } else { spelt.len() };
    let ranges =
        (0..starts).filter_map(|start| Some((start, end_of(&spelt, (start, 0), &printed, &mut failed)?)));
    // The range whose words have the fewest letters that are not printed: a whole word rather than a longer one.
    match ranges.min_by_key(|&(start, end)| length(&spelt[start..end])) {
        None => (pieces.trim().to_owned(), None),
        Some((start, end)) => {
            let text = words[start..end].join(" ");
            let begin = length(&spelt[..start]) + start;
            let span = (begin, begin + text.chars().count());
            (text, Some(span))
        }
    }
}

/// The word behind the last one if the letters from `at` on are beginnings of the words from `word` on, one each.
fn end_of(
    words: &[Vec<char>],
    (word, at): (usize, usize),
    printed: &[char],
    failed: &mut HashSet<(usize, usize)>,
) -> Option<usize> {
    /// What a decoder prints for a piece that is a part of a letter.
    const PART: char = '\u{fffd}';
    let (letters, left) = (words.get(word)?, printed.get(at..).filter(|left| !left.is_empty())?);
    if failed.contains(&(word, at)) {
        return None;
    }
    let same = letters.iter().zip(left).take_while(|(one, other)| one == other).count();
    let is_cut = letters.get(same).is_some_and(|letter| !letter.is_ascii());
    let parts = left[same..].iter().take_while(|&&letter| is_cut && letter == PART).count();
    for length in (1..=same + parts).rev() {
        if at + length == printed.len() {
            return Some(word + 1);
        }
        if let Some(end) = end_of(words, (word + 1, at + length), printed, failed) {
            return Some(end);
        }
    }
    failed.insert((word, at));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "RT : Garfield Park in St . Louis 🎉\n\
        Pred: ( Gar Park , [3] , <<location>> ) ( St. , [16] , <<location>> ) \n\
        \u{20}GT : ( Gar Park , [0, 3] , <<location>> ) ( St. Louis , [17] , <<location>> ) \n\n\
        Parker sees Park\nPred: ( Park , [16] , <<person>> ) (� , [2] , <<others>> ) \n GT : \n\n\
        {'f': 50.0, 'rec': 50.0, 'pre': 33.33}";

    fn output(text: &str) -> Result<HIndexOutput, String> {
        HIndexOutput::read(Path::new("pred.txt"), text, 16).map_err(|error| error.to_string())
    }

    #[test]
    fn pieces_become_words_and_candidates_become_boxes() {
        assert!(is_output(OUTPUT) && !is_output("Imageid:7.jpg###Ann(PER)###x###0\n"));
        let gold = output(OUTPUT).unwrap().gold();
        assert_eq!(gold[0].text, "RT : Garfield Park in St . Louis 🎉");
        let seen: Vec<_> =
            gold[0].mentions.iter().map(|m| (m.text.as_str(), m.span, m.regions.len())).collect();
        assert_eq!(seen, [("Garfield Park", Some((5, 18)), 2), ("St . Louis", Some((22, 32)), 1)]);
        assert!(gold[1].mentions.is_empty());
        let said = output(OUTPUT).unwrap().answers(&gold).unwrap();
        let first = &said["1"];
        assert_eq!(first[0].regions[0].bbox, Some(gold[0].mentions[0].regions[1].bbox));
        assert_eq!((first[1].text.as_str(), first[1].gate), ("St .", Some(false)));
        let second = &said["2"];
        assert_eq!(
            (second[0].text.as_str(), second[0].span),
            ("Park", Some((12, 16))),
            "not the longer word"
        );
        assert_eq!((second[1].text.as_str(), second[1].span), ("�", None), "no word begins so");
    }

    #[test]
    fn with_other_gold_a_post_is_known_by_its_words_and_has_no_boxes() {
        let region = GoldRegion { media_key: "7".into(), bbox: place_of_candidate(3), mask: None };
        let mention = GoldMention {
            text: "Park".into(),
            entity_type: EntityType::new("PER"),
            span: None,
            regions: vec![region],
        };
        let post = |id: &str, text: &str| GoldPost {
            id: id.into(),
            text: text.into(),
            mentions: vec![mention.clone()],
            grounded: true,
        };
        let twice = "Ann sings\nPred: (Ann , [1] , <<person>> ) \n GT : \n\nAnn sings\nPred: \n GT : \n";
        let gold = [post("7", "Ann  sings"), post("8", "Ann sings")];
        let said = output(twice).unwrap().answers(&gold).unwrap();
        assert_eq!((said["7"][0].regions[0].bbox, said["7"][0].gate, said["8"].len()), (None, Some(true), 0));
        assert_eq!(output(twice).unwrap().answers(&gold[..1]).unwrap_err(), 1);
    }

    #[test]
    fn a_damaged_line_is_named() {
        for (text, expected) in [
            ("Ann sings\nPred: (Ann , [1] , <<person>> )\n", "line 1: expected a line `GT :`"),
            ("Ann sings\nPred: Ann\n GT : \n", "line 2: expected `(<entity>"),
            ("Ann sings\nPred: (Ann , [x] , <<person>> )\n GT : \n", "line 2: expected `(<entity>"),
            (
                "Ann sings\nPred: (Ann , [17] , <<person>> )\n GT : \n",
                "line 2: found candidate 17, expected at most 16",
            ),
            ("Ann sings\nPred: \n GT : (Ann , [18] , <<person>> )\n", "line 3: found candidate 18"),
            ("Ann sings\nAnn\n", "line 1: expected a line `Pred:`"),
        ] {
            let error = output(text).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn pieces_that_fit_nowhere_end_soon() {
        let words = vec!["aaaaaaaaaaaaaaaaaaaa"; 60];
        for letters in [100, 400] {
            let pieces = format!("{}b", "a".repeat(letters));
            assert_eq!(placed(&words, &pieces).1, None);
        }
        assert_eq!(placed(&["so", "🎉🎉"], "�").1, Some((3, 5)), "a part of a letter");
    }
}
