//! Format `neo4j-csv`: tables of nodes and relationships with the headers of `neo4j-admin database import`.
//!
//! Source: Neo4j's operations manual, CSV header format. A node may be in a table several times (an entity that several
//! posts name); the import command skips all but the first with `--skip-duplicate-nodes`.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use lru::LruCache;

use super::growing_file::GrowingFile;
use super::state::Mark;
use super::writer::{COMMIT_EVERY, Writer};
use crate::domain::{RawJson, Region, Triple};
use crate::kafka::publish::formats::Names;
use crate::kafka::publish::formats::reader::ReadAnswer;

/// Each table: its file, and its header.
const TABLES: [(&str, &str); 6] = [
    ("posts.csv", "iri:ID(Post),id,created_at,lang,author,text,bundle,:LABEL"),
    ("pictures.csv", "iri:ID(Picture),blake3,width:int,height:int,url,:LABEL"),
    ("entities.csv", "iri:ID(Entity),name,type,:LABEL"),
    ("has_picture.csv", ":START_ID(Post),:END_ID(Picture),key,index:int,:TYPE"),
    (
        "mentions.csv",
        ":START_ID(Post),:END_ID(Entity),id,text,start:int,end:int,score:float,phrase,expansion,depicted:boolean,:TYPE",
    ),
    (
        "depicted_in.csv",
        ":START_ID(Entity),:END_ID(Picture),id,post,box:float[],box_score:float,mask_score:float,mask_counts,:TYPE",
    ),
];

const POSTS: usize = 0;
const PICTURES: usize = 1;
const ENTITIES: usize = 2;
const HAS_PICTURE: usize = 3;
const MENTIONS: usize = 4;
const DEPICTED_IN: usize = 5;

/// Nodes that are remembered as written: names in the news come again soon. It takes some 20 MB.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// A folder of tables.
pub(super) struct Tables {
    files: [GrowingFile; 6],
    names: Names,
    written: LruCache<Arc<str>, ()>,
    uncommitted: u64,
}

impl Tables {
    pub(super) fn open(folder: &Path, names: Names, mark: &Mark) -> io::Result<Self> {
        let mut files = Vec::with_capacity(TABLES.len());
        for (name, header) in TABLES {
            let length = mark.files.get(name).copied().unwrap_or(0);
            let mut file = GrowingFile::open(&folder.join(name), length)?;
            if length == 0 {
                writeln!(file, "{header}")?;
            }
            files.push(file);
        }
        let files = files.try_into().map_err(|_| io::Error::other("as many files as tables"))?;
        Ok(Self { files, names, written: LruCache::new(REMEMBERED), uncommitted: 0 })
    }

    fn node(&mut self, table: usize, iri: &Arc<str>, rest: &[Field<'_>]) -> io::Result<()> {
        if self.written.put(Arc::clone(iri), ()).is_some() {
            return Ok(());
        }
        self.row(table, &[&[Field::Text(iri)], rest].concat())
    }

    fn row(&mut self, table: usize, fields: &[Field<'_>]) -> io::Result<()> {
        let mut line = String::new();
        for (place, field) in fields.iter().enumerate() {
            if place > 0 {
                line.push(',');
            }
            field.write(&mut line);
        }
        line.push('\n');
        self.files[table].write_all(line.as_bytes())
    }
}

/// A field of a table.
#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    /// Quoted, whatever it holds.
    Text(&'a str),
    /// No value.
    Absent,
    Integer(u64),
    Float(f32),
    /// Separated by semicolons.
    Floats([f32; 4]),
    Boolean(bool),
}

impl Field<'_> {
    fn write(self, line: &mut String) {
        match self {
            Self::Absent => {}
            Self::Integer(number) => *line += &number.to_string(),
            Self::Float(number) => *line += &number.to_string(),
            Self::Floats(numbers) => *line += &numbers.map(|number| number.to_string()).join(";"),
            Self::Boolean(truth) => *line += if truth { "true" } else { "false" },
            Self::Text(text) => {
                line.push('"');
                *line += &text.replace('"', "\"\"");
                line.push('"');
            }
        }
    }
}

fn text(value: Option<&str>) -> Field<'_> {
    value.map_or(Field::Absent, Field::Text)
}

impl Writer for Tables {
    fn write(&mut self, answer: &ReadAnswer, _: &[u8]) -> io::Result<()> {
        self.uncommitted += 1;
        let names = self.names.clone();
        let annotated = &answer.annotated;
        let facts = &annotated.post;
        let post = names.post(annotated);
        let plain = |value: &Option<RawJson>| value.as_ref().map(RawJson::plain_text);
        let (created_at, lang, author) = (plain(&facts.created_at), plain(&facts.lang), plain(&facts.author));
        let fields = [
            Field::Text(&annotated.post_id),
            text(created_at.as_deref()),
            text(lang.as_deref()),
            text(author.as_deref()),
            text(Some(facts.text.as_str()).filter(|text| names.has_text() && !text.is_empty())),
            Field::Text(&answer.provenance.bundle),
            Field::Text("Post"),
        ];
        self.node(POSTS, &post, &fields)?;
        let mut pictures = Vec::new();
        for medium in &annotated.media {
            let picture = names.picture(annotated, medium);
            let hash = medium.hash.to_string();
            let fields = [
                Field::Text(&hash),
                Field::Integer(medium.width.into()),
                Field::Integer(medium.height.into()),
                text(facts.address(&medium.key)),
                Field::Text("Picture"),
            ];
            self.node(PICTURES, &picture, &fields)?;
            let place =
                [Field::Text(&medium.key), Field::Integer(medium.index as u64), Field::Text("HAS_PICTURE")];
            self.row(HAS_PICTURE, &[&[Field::Text(&post), Field::Text(&picture)], &place[..]].concat())?;
            pictures.push((medium.key.as_str(), picture));
        }
        for triple in &annotated.annotation.triples {
            let entity = names.entity(annotated, triple);
            let fields = [
                Field::Text(facts.surface(&triple.mention)),
                Field::Text(triple.mention.entity_type.as_str()),
                Field::Text("Entity"),
            ];
            self.node(ENTITIES, &entity, &fields)?;
            let id = annotated.entity_id(&triple.mention);
            self.row(MENTIONS, &mention((&post, &entity), &id, triple))?;
            for region in &triple.regions {
                if let Some((_, picture)) = pictures.iter().find(|(key, _)| *key == region.media_key) {
                    let counts = region.mask.to_coco_counts();
                    self.row(DEPICTED_IN, &depiction((&entity, picture), (&id, &post), region, &counts))?;
                }
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.uncommitted >= COMMIT_EVERY
    }

    fn commit(&mut self) -> io::Result<Mark> {
        self.uncommitted = 0;
        let mut mark = Mark::default();
        for (file, (name, _)) in self.files.iter_mut().zip(TABLES) {
            mark.files.insert(name.to_owned(), file.commit()?);
        }
        Ok(mark)
    }
}

fn mention<'a>((post, entity): (&'a str, &'a str), id: &'a str, triple: &'a Triple) -> [Field<'a>; 11] {
    let Triple { mention, phrase, verdicts, .. } = triple;
    let depicted = verdicts.iter().any(|verdict| verdict.depicted);
    [
        Field::Text(post),
        Field::Text(entity),
        Field::Text(id),
        Field::Text(&mention.text),
        Field::Integer(mention.span.start as u64),
        Field::Integer(mention.span.end as u64),
        Field::Float(mention.score),
        Field::Text(&phrase.text),
        text(phrase.expansion.as_deref()),
        if verdicts.is_empty() { Field::Absent } else { Field::Boolean(depicted) },
        Field::Text("MENTIONS"),
    ]
}

fn depiction<'a>(
    (entity, picture): (&'a str, &'a str),
    (id, post): (&'a str, &'a str),
    region: &Region,
    counts: &'a str,
) -> [Field<'a>; 9] {
    [
        Field::Text(entity),
        Field::Text(picture),
        Field::Text(id),
        Field::Text(post),
        Field::Floats([region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1]),
        Field::Float(region.box_score),
        Field::Float(region.mask_score),
        Field::Text(counts),
        Field::Text("DEPICTED_IN"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_whatever_they_hold_and_absent_values_are_not() {
        let mut line = String::new();
        for field in [
            Field::Text("a \"b\", c\nd"),
            Field::Absent,
            Field::Text(""),
            Field::Floats([0.0, 1.5, 2.0, 3.25]),
            Field::Boolean(true),
        ] {
            field.write(&mut line);
            line.push('|');
        }
        assert_eq!(line, "\"a \"\"b\"\", c\nd\"||\"\"|0;1.5;2;3.25|true|");
    }

    #[test]
    fn every_header_has_the_columns_that_its_kind_of_table_needs() {
        for (name, header) in TABLES {
            let fields: Vec<&str> = header.split(',').collect();
            let has = |ending: &str| fields.iter().filter(|field| field.starts_with(ending)).count();
            let is_node = fields.iter().any(|field| field.contains(":ID("));
            let relation = (has(":START_ID("), has(":END_ID("), has(":TYPE"));
            assert_eq!(relation, if is_node { (0, 0, 0) } else { (1, 1, 1) }, "{name}");
            assert_eq!(has(":LABEL"), usize::from(is_node), "{name}");
        }
    }
}
