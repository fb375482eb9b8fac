//! Written pairs: the entities of a split as tab-separated lines for the training of gate and grounder.
//!
//! The rules are the paper's: a pair of entity and picture is entailed if the picture has a region of the entity, the
//! grounder learns the largest box alone, and every model's expression of an entity makes a pair of its own.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::files::{WriteError, refused};
use crate::domain::BBox;
use crate::lab::dataset::mentions::{GoldMention, GoldRegion};
use crate::lab::dataset::pairs::PairTask;
use crate::lab::dataset::reading::Example;
use crate::lab::dataset::stored_pictures::pictures;
use crate::stages::caption::CaptionFile;
use crate::stages::expand::{ExpansionFile, PhraseTemplate};

/// What is told of posts beside the data set.
#[derive(Debug, Default)]
pub struct PairSources {
    /// Captions of pictures; the first file with one counts.
    pub captions: Vec<CaptionFile>,
    /// Expressions of entities, one file a model. None: pairs of entity and type.
    pub expressions: Vec<ExpansionFile>,
    /// How an entity reads with its expression; none: as in the authors' files, `Entity(TYPE)-expression`.
    pub phrase: Option<PhraseTemplate>,
}

impl PairSources {
    fn phrase(&self, mention: &GoldMention, expression: Option<&str>) -> String {
        let (name, entity_type) = (&mention.text, mention.entity_type.as_str());
        match (&self.phrase, expression) {
            (Some(template), _) => template.fill(name, entity_type, expression),
            (None, Some(expression)) => format!("{name}({entity_type})-{expression}"),
            (None, None) => format!("{name}({entity_type})"),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairCounts {
    /// Lines.
    pub pairs: usize,
    /// Those that the picture shows.
    pub depicted: usize,
    /// Mentions that an expression of one of the files is missing for, one each.
    pub without_expression: usize,
    /// Pictures without a caption.
    pub without_caption: usize,
}

/// Writes the pairs of a split. One picture is held at a time.
///
/// # Errors
/// The file cannot be written, or a picture cannot be read.
pub fn write_pairs(
    examples: &[Example],
    task: PairTask,
    sources: &PairSources,
    file: &Path,
) -> Result<PairCounts, WriteError> {
    let failed = |source| WriteError::Write { file: file.to_owned(), source };
    let mut out = BufWriter::new(File::create(file).map_err(failed)?);
    let mut counts = PairCounts::default();
    for Example { record, gold, .. } in examples {
        let record: Value = serde_json::from_slice(record)
            .map_err(|error| refused(gold, format!("its record is no JSON: {error}")))?;
        let phrases: Vec<(&GoldMention, String)> = gold
            .mentions
            .iter()
            .flat_map(|mention| phrases(&gold.id, mention, sources, &mut counts))
            .collect();
        if !gold.grounded && !phrases.is_empty() {
            return Err(refused(gold, "the data set does not say what the pictures show"));
        }
        let is_asked = |key: &str| match task {
            PairTask::Entailment => !phrases.is_empty(),
            PairTask::Grounding => phrases.iter().any(|(mention, _)| largest(mention, key).is_some()),
        };
        let id = field(&gold.id);
        let mut number = 0_u16;
        for stored in pictures(&record).filter(|picture| is_asked(picture.key)) {
            let picture = BASE64_STANDARD.encode(stored.read().map_err(|message| refused(gold, message))?);
            let caption = sources.captions.iter().find_map(|captions| captions.about(&gold.id, stored.key));
            counts.without_caption += usize::from(caption.is_none() && task == PairTask::Entailment);
            let caption = field(caption.unwrap_or_default());
            for (mention, phrase) in &phrases {
                let (region, phrase) = (largest(mention, stored.key), field(phrase));
                let pair = format!("{id}.jpg#{number:04x}\t{id}");
                match (task, region) {
                    (PairTask::Entailment, region) => {
                        let label = if region.is_some() { "entailment" } else { "contradiction" };
                        writeln!(out, "{pair}\t{picture}\t{caption}\t{phrase}\t{label}").map_err(failed)?;
                    }
                    (PairTask::Grounding, Some(GoldRegion { bbox: BBox { x0, y0, x1, y1 }, .. })) => {
                        writeln!(out, "{pair}\t{phrase}\t{x0:?},{y0:?},{x1:?},{y1:?}\t{picture}")
                            .map_err(failed)?;
                    }
                    (PairTask::Grounding, None) => continue,
                }
                number = number.wrapping_add(1);
                counts.pairs += 1;
                counts.depicted += usize::from(region.is_some());
            }
        }
    }
    out.flush().map_err(failed)?;
    Ok(counts)
}

/// The phrases of a mention, one for each file that has an expression of it.
fn phrases<'gold>(
    post: &str,
    mention: &'gold GoldMention,
    sources: &PairSources,
    counts: &mut PairCounts,
) -> Vec<(&'gold GoldMention, String)> {
    if sources.expressions.is_empty() {
        return vec![(mention, sources.phrase(mention, None))];
    }
    let all = sources.expressions.iter();
    let told: Vec<&str> =
        all.filter_map(|file| file.about(post, &mention.text, &mention.entity_type)).collect();
    counts.without_expression += sources.expressions.len() - told.len();
    told.into_iter().map(|expression| (mention, sources.phrase(mention, Some(expression)))).collect()
}

/// The largest region of a mention in a picture, the first of equals.
fn largest<'gold>(mention: &'gold GoldMention, key: &str) -> Option<&'gold GoldRegion> {
    let own = mention.regions.iter().rev().filter(|region| region.media_key == key);
    own.max_by(|one, other| one.bbox.area().total_cmp(&other.bbox.area()))
}

/// A field as the module `csv` of Python writes it, on one line.
fn field(text: &str) -> String {
    let line = text.split(['\t', '\n', '\r']).collect::<Vec<_>>().join(" ");
    if line.contains('"') { format!("\"{}\"", line.replace('"', "\"\"")) } else { line }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::domain::EntityType;
    use crate::lab::dataset::{GoldPost, Pair, PairReader, Target};

    const PNG: &str = "iVBORw0KGgo=";

    fn example() -> Example {
        let region = |x1: f32| GoldRegion {
            media_key: "7".into(),
            bbox: BBox { x0: 0.0, y0: 0.5, x1, y1: 4.0 },
            mask: None,
        };
        let mention = |text: &str, regions| GoldMention {
            text: text.into(),
            entity_type: EntityType::new("PER"),
            span: None,
            regions,
        };
        let mentions =
            vec![mention("Ann \"A\" Lee", vec![region(2.0), region(9.0)]), mention("Bo", Vec::new())];
        let gold = GoldPost { id: "7".into(), text: "Ann and Bo".into(), mentions, grounded: true };
        let record = json!({ "id": "7", "media": [{ "key": "7", "bytes": PNG }] });
        Example { record: record.to_string().into_bytes(), gold, knowledge: None }
    }

    fn expressions(folder: &Path, name: &str, text: &str) -> ExpansionFile {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        ExpansionFile::load(&file).unwrap()
    }

    fn written(task: PairTask, sources: &PairSources) -> (PairCounts, Vec<Pair>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pairs.tsv");
        let counts = write_pairs(&[example()], task, sources, &file).unwrap();
        let read = PairReader::open(&file).unwrap();
        assert_eq!(read.task(), task);
        (counts, read.map(Result::unwrap).collect())
    }

    #[test]
    fn every_models_expression_is_a_pair_and_the_largest_box_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let one = "Imageid:7.jpg###Ann \"A\" Lee(PER)###a singer\nImageid:7.jpg###Bo(PER)###a dog\n";
        let files = [one, "Imageid:7.jpg###Ann \"A\" Lee(PER)###a woman on stage\n"];
        let captions = folder.path().join("captions.txt");
        fs::write(&captions, "7.jpg :a\tstage\n").unwrap();
        let sources = PairSources {
            captions: vec![CaptionFile::load(&captions).unwrap()],
            expressions: files.map(|text| expressions(folder.path(), "told.txt", text)).into(),
            phrase: None,
        };
        let (counts, pairs) = written(PairTask::Entailment, &sources);
        let expected = PairCounts { pairs: 3, depicted: 2, without_expression: 1, without_caption: 0 };
        assert_eq!(counts, expected);
        let seen: Vec<_> =
            pairs.iter().map(|pair| (pair.id.as_str(), pair.phrase.as_str(), pair.target)).collect();
        assert_eq!(
            seen,
            [
                ("7.jpg#0000", "Ann \"A\" Lee(PER)-a singer", Target::Depicted(true)),
                ("7.jpg#0001", "Ann \"A\" Lee(PER)-a woman on stage", Target::Depicted(true)),
                ("7.jpg#0002", "Bo(PER)-a dog", Target::Depicted(false)),
            ]
        );
        assert!(pairs.iter().all(|pair| pair.caption == "a stage" && pair.picture.starts_with(b"\x89PNG")));

        let (counts, pairs) = written(PairTask::Grounding, &sources);
        assert_eq!((counts.pairs, pairs.len(), counts.without_caption), (2, 2, 0));
        let bbox = BBox { x0: 0.0, y0: 0.5, x1: 9.0, y1: 4.0 };
        assert!(pairs.iter().all(|pair| pair.target == Target::Box(Some(bbox)) && pair.caption.is_empty()));

        let sources = PairSources { phrase: Some(PhraseTemplate::default()), ..sources };
        let (_, pairs) = written(PairTask::Entailment, &sources);
        assert_eq!(pairs[2].phrase, "Bo (PER) - a dog");
    }

    #[test]
    fn without_expressions_a_phrase_is_entity_and_type() {
        let (counts, pairs) = written(PairTask::Entailment, &PairSources::default());
        assert_eq!(
            pairs.iter().map(|pair| pair.phrase.as_str()).collect::<Vec<_>>(),
            ["Ann \"A\" Lee(PER)", "Bo(PER)"]
        );
        assert_eq!((counts.without_expression, counts.without_caption), (0, 1));
    }

    #[test]
    fn what_makes_no_pair_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pairs.tsv");
        let mut words = example();
        words.gold.grounded = false;
        let mut lost = example();
        lost.record = json!({ "media": [{ "key": "7", "url": "file:///no/such/picture.jpg" }] })
            .to_string()
            .into_bytes();
        for (example, expected) in
            [(words, "does not say what the pictures show"), (lost, "picture.jpg` cannot be read")]
        {
            let error = write_pairs(&[example], PairTask::Entailment, &PairSources::default(), &file);
            let said = error.unwrap_err().to_string();
            assert!(said.contains("post `7`") && said.contains(expected), "{said}");
        }
    }
}
