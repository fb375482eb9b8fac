//! Data sets of the world as files: Twitter-GMNER's layout with masks, and feed, gold, lexicon and knowledge as JSON lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::lexicon::lexicon;
use super::sample::{Sample, World};
use crate::domain::Mask;

/// A data set that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder could not be created.
    #[error("failed to write `{path}`")]
    Write {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A thread that draws posts panicked before its last post.
    #[error("the thread that draws post {index} ended early")]
    Drawing {
        /// Index of the missing post.
        index: u64,
    },
}

/// Posts that each thread may draw ahead of the files.
const POSTS_AHEAD: usize = 16;

/// Writes the first `posts` posts of a world under `folder`: `txt/{split}.txt`, `xml/`, `images/`, `masks/`,
/// `feed.jsonl`, `gold.jsonl`, `lexicon.jsonl`, and `knowledge.jsonl` with annotations of a model that errs. The same world
/// always writes the same bytes. Calls `written` after each post.
///
/// # Errors
/// The file that could not be written.
pub fn write_dataset(
    world: &World,
    posts: u64,
    folder: &Path,
    mut written: impl FnMut(),
) -> Result<(), DatasetError> {
    for name in ["txt", "xml", "images", "masks"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(|source| DatasetError::Write { path, source })?;
    }
    let mut text = LineWriter::create(folder.join("txt").join(format!("{}.txt", world.split().as_str())))?;
    let mut feed = LineWriter::create(folder.join("feed.jsonl"))?;
    let mut gold = LineWriter::create(folder.join("gold.jsonl"))?;
    let mut told = LineWriter::create(folder.join("knowledge.jsonl"))?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(32) as u64;
    thread::scope(|scope| {
        // Each thread draws every n-th post; reading from the threads in turn restores the order.
        let drawn: Vec<Receiver<PostFiles>> = (0..threads)
            .map(|thread| {
                let (sender, receiver) = sync_channel(POSTS_AHEAD);
                scope.spawn(move || {
                    for index in (thread..posts).step_by(threads as usize) {
                        if sender.send(PostFiles::of(&world.sample(index), &world.annotation(index))).is_err()
                        {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for index in 0..posts {
            let files =
                drawn[(index % threads) as usize].recv().map_err(|_| DatasetError::Drawing { index })?;
            text.write(&files.text)?;
            feed.write_line(&files.feed)?;
            gold.write(&files.gold)?;
            told.write(&files.told)?;
            files.write_pictures(folder)?;
            written();
        }
        Ok(())
    })?;
    let mut known = LineWriter::create(folder.join("lexicon.jsonl"))?;
    for entry in lexicon(world, posts) {
        known.write(&format!("{}\n", json!(entry)))?;
    }
    for lines in [text, feed, gold, told, known] {
        lines.finish()?;
    }
    Ok(())
}

/// All file contents of one post.
struct PostFiles {
    id: String,
    text: String,
    feed: Vec<u8>,
    gold: String,
    /// The annotation of a model with errors.
    told: String,
    jpeg: Vec<u8>,
    /// Boxes and masks; none if the picture shows no named entity.
    regions: Option<(String, String)>,
}

impl PostFiles {
    fn of(sample: &Sample, annotation: &str) -> Self {
        let regions = sample.mentions.iter().any(|mention| !mention.objects.is_empty());
        Self {
            id: sample.id.clone(),
            text: bio(sample),
            feed: sample.record(),
            gold: gold_line(sample),
            told: format!("{}\n", json!({ "text": sample.text, "knowledge": annotation })),
            jpeg: sample.picture.jpeg.clone(),
            regions: regions.then(|| (boxes(sample), masks(sample))),
        }
    }

    fn write_pictures(&self, folder: &Path) -> Result<(), DatasetError> {
        let write = |kind: &str, ending: &str, bytes: &[u8]| {
            let path = folder.join(kind).join(format!("{}.{ending}", self.id));
            fs::write(&path, bytes).map_err(|source| DatasetError::Write { path, source })
        };
        write("images", "jpg", &self.jpeg)?;
        if let Some((boxes, masks)) = &self.regions {
            write("xml", "xml", boxes.as_bytes())?;
            write("masks", "json", masks.as_bytes())?;
        }
        Ok(())
    }
}

/// A text file with its path for errors.
struct LineWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl LineWriter {
    fn create(path: PathBuf) -> Result<Self, DatasetError> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(DatasetError::Write { path, source }),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), DatasetError> {
        self.write_bytes(text.as_bytes())
    }

    fn write_line(&mut self, line: &[u8]) -> Result<(), DatasetError> {
        self.write_bytes(line)?;
        self.write_bytes(b"\n")
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        let path = &self.path;
        self.file.write_all(bytes).map_err(|source| DatasetError::Write { path: path.clone(), source })
    }

    fn finish(mut self) -> Result<(), DatasetError> {
        self.file.flush().map_err(|source| DatasetError::Write { path: self.path, source })
    }
}

/// The post as words with BIO tags. As in Twitter-GMNER, punctuation next to a name is a separate word, so that the words
/// of a name joined by spaces are its text, which is the key of boxes and masks.
fn bio(sample: &Sample) -> String {
    let mut lines = format!("IMGID:{}\n", sample.id);
    for word in World::words_of(&sample.text) {
        let mut from = word.byte_start;
        for mention in &sample.mentions {
            let (start, end) =
                (mention.span.byte_start.max(word.byte_start), mention.span.byte_end.min(word.byte_end));
            if start < end {
                push_line(&mut lines, &sample.text[from..start], "O");
                let place = if start == mention.span.byte_start { "B" } else { "I" };
                push_line(&mut lines, &sample.text[start..end], &format!("{place}-{}", mention.entity_type));
                from = end;
            }
        }
        push_line(&mut lines, &sample.text[from..word.byte_end], "O");
    }
    lines.push('\n');
    lines
}

fn push_line(lines: &mut String, word: &str, tag: &str) {
    if !word.is_empty() {
        let _ = writeln!(lines, "{word}\t{tag}");
    }
}

fn gold_line(sample: &Sample) -> String {
    let mentions: Vec<Value> = sample
        .mentions
        .iter()
        .map(|mention| {
            let boxes: Vec<[u32; 4]> = mention.objects.iter().map(|&object| edges(sample, object)).collect();
            let masks: Vec<Value> =
                mention.objects.iter().map(|&object| coco(&sample.picture.mask(object))).collect();
            json!({
                "text": mention.text,
                "type": mention.entity_type.as_str(),
                "start": mention.span.start,
                "end": mention.span.end,
                "byte_start": mention.span.byte_start,
                "byte_end": mention.span.byte_end,
                "boxes": boxes,
                "masks": masks,
            })
        })
        .collect();
    let line = json!({
        "id": sample.id,
        "text": sample.text,
        "media_key": sample.media_key(),
        "mentions": mentions,
    });
    format!("{line}\n")
}

/// Pascal VOC: one object per box, with the entity's name.
fn boxes(sample: &Sample) -> String {
    let frame = &sample.picture.frame;
    let mut xml = format!(
        "<annotation>\n  <filename>{}.jpg</filename>\n  <size><width>{}</width><height>{}</height><depth>3</depth></size>\n",
        sample.id, frame.width, frame.height
    );
    for mention in &sample.mentions {
        for &object in &mention.objects {
            let [x0, y0, x1, y1] = edges(sample, object);
            let name = escape(mention.text.as_str());
            let _ = writeln!(
                xml,
                "  <object>\n    <name>{name}</name>\n    <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>\
                 <xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox>\n  </object>"
            );
        }
    }
    xml.push_str("</annotation>\n");
    xml
}

/// The masks of each entity, by name.
fn masks(sample: &Sample) -> String {
    let mut named: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for mention in &sample.mentions {
        for &object in &mention.objects {
            named.entry(&mention.text).or_default().push(coco(&sample.picture.mask(object)));
        }
    }
    format!("{}\n", json!(named))
}

fn coco(mask: &Mask) -> Value {
    json!({ "size": [mask.height, mask.width], "counts": mask.runs })
}

/// Box edges lie between pixels, so they are integers.
fn edges(sample: &Sample, object: usize) -> [u32; 4] {
    let bbox = sample.picture.objects[object].bbox;
    [bbox.x0, bbox.y0, bbox.x1, bbox.y1].map(|edge| edge as u32)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::super::split::Split;
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[test]
    fn the_files_agree_with_each_other_and_come_out_the_same_twice() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for folder in &folders {
            write_dataset(&World::new(11, Split::Dev), 40, folder.path(), || {}).unwrap();
        }
        let folder = folders[0].path();
        for name in ["txt/dev.txt", "feed.jsonl", "gold.jsonl", "lexicon.jsonl", "knowledge.jsonl"] {
            assert_eq!(read(&folder.join(name)), read(&folders[1].path().join(name)), "{name}");
        }
        let blocks = read(&folder.join("txt/dev.txt"));
        let (feed, gold) = (read(&folder.join("feed.jsonl")), read(&folder.join("gold.jsonl")));
        assert_eq!(blocks.trim_end().split("\n\n").count(), 40);
        let mut shown = 0;
        for ((block, post), truth) in blocks.trim_end().split("\n\n").zip(feed.lines()).zip(gold.lines()) {
            let (post, truth): (Value, Value) =
                (serde_json::from_str(post).unwrap(), serde_json::from_str(truth).unwrap());
            let id = truth["id"].as_str().unwrap();
            assert!(block.starts_with(&format!("IMGID:{id}\n")), "{block}");
            assert_eq!((&post["id"], &post["text"]), (&truth["id"], &truth["text"]));
            assert_eq!(post["media"][0]["key"], truth["media_key"]);
            let picture = fs::read(folder.join(format!("images/{id}.jpg"))).unwrap();
            assert_eq!(BASE64_STANDARD.decode(post["media"][0]["bytes"].as_str().unwrap()).unwrap(), picture);
            let mentions = truth["mentions"].as_array().unwrap();
            assert_eq!(
                names_in(block),
                mentions.iter().map(|mention| mention["text"].as_str().unwrap()).collect::<Vec<_>>()
            );
            let xml = folder.join(format!("xml/{id}.xml"));
            let boxed =
                mentions.iter().filter(|mention| !mention["boxes"].as_array().unwrap().is_empty()).count();
            assert_eq!(xml.exists(), boxed > 0);
            if boxed > 0 {
                assert_eq!(read(&xml).matches("<object>").count(), boxed);
                let masks: BTreeMap<String, Vec<Value>> =
                    serde_json::from_str(&read(&folder.join(format!("masks/{id}.json")))).unwrap();
                assert_eq!(masks.len(), boxed);
                for mention in mentions.iter().filter(|mention| mention["masks"][0].is_object()) {
                    assert_eq!(masks[mention["text"].as_str().unwrap()][0], mention["masks"][0]);
                    shown += 1;
                }
            }
        }
        assert!(shown > 10, "{shown} shown");
        let told = read(&folder.join("knowledge.jsonl"));
        for (post, told) in feed.lines().zip(told.lines()) {
            let (post, told): (Value, Value) =
                (serde_json::from_str(post).unwrap(), serde_json::from_str(told).unwrap());
            assert_eq!(post["text"], told["text"]);
            assert!(told["knowledge"].as_str().unwrap().starts_with("Named entities: "), "{told}");
        }
    }

    #[test]
    fn run_lengths_add_up_and_cover_the_object() {
        let sample = World::new(12, Split::Train).sample(1);
        for (number, object) in sample.picture.objects.iter().enumerate() {
            let mask = sample.picture.mask(number);
            assert_eq!(mask.runs.iter().sum::<u32>(), mask.width * mask.height);
            assert_eq!(mask.area(), object.inside.iter().map(|&byte| u64::from(byte)).sum::<u64>());
        }
    }

    /// The names that BIO tags spell out.
    fn names_in(block: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (word, tag) in block.lines().filter_map(|line| line.split_once('\t')) {
            match (&tag[..1], names.last_mut()) {
                ("B", _) => names.push(word.to_owned()),
                ("I", Some(name)) => *name += &format!(" {word}"),
                _ => {}
            }
        }
        names
    }
}
