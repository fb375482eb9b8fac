//! Format `parquet`: a row for each entity and picture that shows it; an entity that no picture shows has one row.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::parquet::{Column, ParquetWriter, Type};
use super::parts::Parts;
use super::state::Mark;
use super::writer::{MAX_PART_ANSWERS, MAX_PART_BYTES, Writer};
use crate::domain::{RawJson, Region, Triple};
use crate::kafka::publish::formats::reader::ReadAnswer;

/// The columns, documented in `docs/formats.md`.
const COLUMNS: [(&str, Type); 31] = [
    ("post_id", Type::Text),
    ("post_uri", Type::Text),
    ("created_at", Type::Text),
    ("lang", Type::Text),
    ("author", Type::Text),
    ("entity_id", Type::Text),
    ("text", Type::Text),
    ("type", Type::Text),
    ("iri", Type::Text),
    ("start", Type::Integer),
    ("end", Type::Integer),
    ("score", Type::Double),
    ("phrase", Type::Text),
    ("expansion", Type::Text),
    ("expansion_source", Type::Text),
    ("depicted", Type::Boolean),
    ("gate_probability", Type::Double),
    ("media_key", Type::Text),
    ("picture_blake3", Type::Text),
    ("picture_url", Type::Text),
    ("picture_width", Type::Integer),
    ("picture_height", Type::Integer),
    ("x0", Type::Double),
    ("y0", Type::Double),
    ("x1", Type::Double),
    ("y1", Type::Double),
    ("box_score", Type::Double),
    ("mask_counts", Type::Text),
    ("mask_score", Type::Double),
    ("bundle", Type::Text),
    ("published_at", Type::Timestamp),
];

/// A folder of Parquet files.
pub(super) struct Rows {
    parts: Parts,
    part: ParquetWriter<Vec<u8>>,
    answers: u64,
}

impl Rows {
    pub(super) fn open(folder: &Path, mark: Mark) -> io::Result<Self> {
        Ok(Self { parts: Parts::open(folder, "parquet", mark)?, part: part()?, answers: 0 })
    }

    fn add(&mut self, answer: &ReadAnswer, triple: &Triple, region: Option<&Region>) {
        let annotated = &answer.annotated;
        let facts = &annotated.post;
        let Triple { mention, iri, phrase, verdicts, .. } = triple;
        let picture =
            region.and_then(|region| annotated.media.iter().find(|picture| picture.key == region.media_key));
        let id = annotated.entity_id(mention);
        let hash = picture.map(|picture| picture.hash.to_string());
        let counts = region.map(|region| region.mask.to_coco_counts());
        let plain = |value: &Option<RawJson>| value.as_ref().map(RawJson::plain_text);
        let (created_at, lang, author) = (plain(&facts.created_at), plain(&facts.lang), plain(&facts.author));
        let of_region = |value: fn(&Region) -> f32| region.map(|region| value(region).into());
        let count = |number: usize| Some(i64::try_from(number).unwrap_or(i64::MAX));
        let mut columns = self.part.columns().iter_mut();
        let mut next = |write: &dyn Fn(&mut Column)| columns.next().into_iter().for_each(write);
        let texts = [
            Some(annotated.post_id.as_str()),
            facts.uri.as_deref(),
            created_at.as_deref(),
            lang.as_deref(),
            author.as_deref(),
            Some(&id),
            Some(&mention.text),
            Some(mention.entity_type.as_str()),
            iri.as_deref(),
        ];
        texts.iter().for_each(|text| next(&|column| column.text(*text)));
        next(&|column| column.integer(count(mention.span.start)));
        next(&|column| column.integer(count(mention.span.end)));
        next(&|column| column.double(Some(mention.score.into())));
        next(&|column| column.text(Some(&phrase.text)));
        next(&|column| column.text(phrase.expansion.as_deref()));
        next(&|column| column.text(phrase.expansion.as_ref().map(|_| phrase.source.as_str())));
        let judged = !verdicts.is_empty();
        next(&|column| column.boolean(judged.then(|| verdicts.iter().any(|verdict| verdict.depicted))));
        let most = verdicts.iter().map(|verdict| f64::from(verdict.probability)).reduce(f64::max);
        next(&|column| column.double(most));
        next(&|column| column.text(region.map(|region| region.media_key.as_str())));
        next(&|column| column.text(hash.as_deref()));
        next(&|column| column.text(region.and_then(|region| facts.address(&region.media_key))));
        next(&|column| column.integer(picture.map(|picture| picture.width.into())));
        next(&|column| column.integer(picture.map(|picture| picture.height.into())));
        let edges: [fn(&Region) -> f32; 5] = [
            |region| region.bbox.x0,
            |region| region.bbox.y0,
            |region| region.bbox.x1,
            |region| region.bbox.y1,
            |region| region.box_score,
        ];
        edges.into_iter().for_each(|edge| next(&|column| column.double(of_region(edge))));
        next(&|column| column.text(counts.as_deref()));
        next(&|column| column.double(of_region(|region| region.mask_score)));
        next(&|column| column.text(Some(&answer.provenance.bundle)));
        next(&|column| column.integer(millis(answer.times.published)));
    }
}

fn part() -> io::Result<ParquetWriter<Vec<u8>>> {
    ParquetWriter::new(Vec::new(), COLUMNS.map(|(name, kind)| Column::new(name, kind)).into())
}

/// None for an answer without a time.
fn millis(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().filter(|millis| *millis > 0)
}

impl Writer for Rows {
    fn write(&mut self, answer: &ReadAnswer, _: &[u8]) -> io::Result<()> {
        self.answers += 1;
        for triple in &answer.annotated.annotation.triples {
            if triple.regions.is_empty() {
                self.add(answer, triple, None);
            }
            triple.regions.iter().for_each(|region| self.add(answer, triple, Some(region)));
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.answers >= MAX_PART_ANSWERS || self.part.buffered() >= MAX_PART_BYTES
    }

    fn commit(&mut self) -> io::Result<Mark> {
        if self.answers > 0 {
            let file = std::mem::replace(&mut self.part, part()?).finish()?;
            self.parts.add(|part| io::Write::write_all(part, &file))?;
            self.answers = 0;
        }
        Ok(self.parts.mark.clone())
    }
}
