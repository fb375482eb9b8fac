//! Format `png`: each mask as a picture, white on black, and an index that says what each is.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use serde_json::json;

use super::growing_file::GrowingFile;
use super::state::Mark;
use super::writer::{COMMIT_EVERY, Writer};
use crate::domain::Mask;
use crate::kafka::publish::formats::reader::ReadAnswer;

/// The file that lists the masks, one JSON object a line.
const INDEX: &str = "masks.jsonl";

/// A folder of masks.
pub(super) struct Masks {
    folder: PathBuf,
    index: GrowingFile,
    uncommitted: u64,
}

impl Masks {
    pub(super) fn open(folder: &Path, mark: &Mark) -> io::Result<Self> {
        let length = mark.files.get(INDEX).copied().unwrap_or(0);
        let index = GrowingFile::open(&folder.join(INDEX), length)?;
        Ok(Self { folder: folder.to_owned(), index, uncommitted: 0 })
    }
}

fn write_png(mask: &Mask, file: &Path) -> io::Result<()> {
    let pixels: Vec<u8> = mask.to_pixels().into_iter().map(|pixel| pixel * u8::MAX).collect();
    let mut out = BufWriter::new(fs::File::create(file)?);
    PngEncoder::new(&mut out)
        .write_image(&pixels, mask.width, mask.height, ExtendedColorType::L8)
        .map_err(io::Error::other)?;
    out.flush()
}

impl Writer for Masks {
    fn write(&mut self, answer: &ReadAnswer, _: &[u8]) -> io::Result<()> {
        self.uncommitted += 1;
        let annotated = &answer.annotated;
        for triple in &annotated.annotation.triples {
            for region in &triple.regions {
                let Some(picture) = annotated.media.iter().find(|picture| picture.key == region.media_key)
                else {
                    continue;
                };
                // Ids of entities are hexadecimal: names of files are safe whatever a post says.
                let id = annotated.entity_id(&triple.mention);
                let file = format!("{id}-{}.png", picture.index);
                write_png(&region.mask, &self.folder.join(&file))?;
                let bbox = [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1];
                let line = json!({
                    "file": file, "post_id": annotated.post_id, "media_key": picture.key,
                    "url": annotated.post.address(&picture.key), "blake3": picture.hash.to_string(),
                    "entity_id": id, "text": triple.mention.text,
                    "type": triple.mention.entity_type.as_str(), "iri": triple.iri, "phrase": triple.phrase.text,
                    "box": bbox, "box_score": region.box_score, "mask_score": region.mask_score,
                });
                writeln!(self.index, "{line}")?;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.uncommitted >= COMMIT_EVERY
    }

    fn commit(&mut self) -> io::Result<Mark> {
        self.uncommitted = 0;
        Ok(Mark { files: [(INDEX.to_owned(), self.index.commit()?)].into(), ..Mark::default() })
    }
}
