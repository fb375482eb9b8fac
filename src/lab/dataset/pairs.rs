//! Pairs of picture and phrase: the tab-separated files on which OFA is fine-tuned as gate and as grounder.
//!
//! Entailment has six columns: id of the pair, id of the picture, the picture in base64, its caption, the phrase, and
//! `entailment` or `contradiction`. Grounding has five: id of the pair, id of the picture, the phrase, the box
//! `x0,y0,x1,y1`, and the picture. Lines are read one by one, so that a file may be larger than memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::files::{DatasetError, malformed};
use crate::domain::BBox;

/// The longest line, in bytes: a picture of 64 MiB in base64, and words.
const LONGEST_LINE: u64 = 96 * 1024 * 1024;

/// What is learnt from pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairTask {
    /// Whether the picture shows the phrase.
    Entailment,
    /// Where.
    Grounding,
}

impl PairTask {
    const fn columns(self) -> usize {
        match self {
            Self::Entailment => 6,
            Self::Grounding => 5,
        }
    }

    /// What the network is called that learns it.
    #[must_use]
    pub const fn network(self) -> &'static str {
        match self {
            Self::Entailment => "gate",
            Self::Grounding => "grounder",
        }
    }

    /// The prefix of its files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entailment => "ve",
            Self::Grounding => "vg",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The id of the pair.
    pub id: String,
    /// The id of the picture.
    pub picture_id: String,
    /// The picture as it is stored.
    pub picture: Vec<u8>,
    /// The picture's caption; empty for grounding.
    pub caption: String,
    /// What is looked for: `<entity>(<type>)-<expression>`.
    pub phrase: String,
    /// The right answer.
    pub target: Target,
}

/// The right answer about a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Whether the picture shows it.
    Depicted(bool),
    /// Its box; none in files that ask where, which have four zeros there.
    Box(Option<BBox>),
}

/// Where a line of a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePlace {
    offset: u64,
    /// The lines before it.
    line: usize,
}

/// Reads a file line by line. A damaged line is an error, and reading goes on behind it.
#[derive(Debug)]
pub struct PairReader<R> {
    lines: R,
    file: PathBuf,
    task: PairTask,
    line: usize,
    longest: u64,
    ended: bool,
}

impl PairReader<BufReader<File>> {
    /// Opens a file, whose first line says what is learnt from it.
    ///
    /// # Errors
    /// It cannot be read, or its first line has the columns of neither form.
    pub fn open(file: &Path) -> Result<Self, DatasetError> {
        let opened = || File::open(file).map(BufReader::new);
        let failed = |source| DatasetError::Read { file: file.to_owned(), source };
        let mut first = Vec::new();
        next_line(&mut opened().map_err(failed)?, LONGEST_LINE, &mut first).map_err(failed)?;
        let columns = first.split(|&byte| byte == b'\t').count();
        let task =
            [PairTask::Entailment, PairTask::Grounding].into_iter().find(|task| task.columns() == columns);
        let task = task.ok_or_else(|| {
            malformed(file, 1, format!("expected 6 columns (entailment) or 5 (grounding), found {columns}"))
        })?;
        Ok(Self::new(opened().map_err(failed)?, file, task))
    }

    /// Where the next line begins, for [`Self::go_to`].
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn place(&mut self) -> Result<LinePlace, DatasetError> {
        let offset = self.lines.stream_position().map_err(|source| self.failed(source))?;
        Ok(LinePlace { offset, line: self.line })
    }

    /// Goes on with the line at a place.
    ///
    /// # Errors
    /// As [`Self::place`].
    pub fn go_to(&mut self, place: LinePlace) -> Result<(), DatasetError> {
        self.lines.seek(SeekFrom::Start(place.offset)).map_err(|source| self.failed(source))?;
        (self.line, self.ended) = (place.line, false);
        Ok(())
    }

    fn failed(&self, source: io::Error) -> DatasetError {
        DatasetError::Read { file: self.file.clone(), source }
    }
}

impl<R: BufRead> PairReader<R> {
    /// Reads lines; faults name `file`.
    pub fn new(lines: R, file: &Path, task: PairTask) -> Self {
        Self { lines, file: file.to_owned(), task, line: 0, longest: LONGEST_LINE, ended: false }
    }

    /// The number of the line that was read last; 0 before the first.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is learnt from these pairs.
    #[must_use]
    pub fn task(&self) -> PairTask {
        self.task
    }

    fn pair(&self, line: &[u8]) -> Result<Pair, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("not UTF-8: {error}"))?;
        let fields: Vec<String> = text.split('\t').map(unquoted).collect();
        let found = fields.len();
        let wrong = || format!("expected {} columns, found {found}", self.task.columns());
        let (id, picture_id, picture, caption, phrase, target) = match self.task {
            PairTask::Entailment => {
                let [id, picture_id, picture, caption, phrase, label] =
                    <[String; 6]>::try_from(fields).map_err(|_| wrong())?;
                (id, picture_id, picture, caption, phrase, Target::Depicted(is_entailed(&label)?))
            }
            PairTask::Grounding => {
                let [id, picture_id, phrase, bbox, picture] =
                    <[String; 5]>::try_from(fields).map_err(|_| wrong())?;
                (id, picture_id, picture, String::new(), phrase, Target::Box(box_of(&bbox)?))
            }
        };
        if [&id, &picture_id, &phrase].iter().any(|field| field.trim().is_empty()) {
            return Err("an id or the phrase is empty".to_owned());
        }
        let picture = BASE64_STANDARD
            .decode(picture.trim())
            .map_err(|error| format!("the picture is no base64: {error}"))?;
        image::guess_format(&picture).map_err(|_| "the picture has no known format".to_owned())?;
        Ok(Pair { id, picture_id, picture, caption, phrase, target })
    }
}

impl<R: BufRead> Iterator for PairReader<R> {
    type Item = Result<Pair, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Nothing behind a fault of the disk can be read.
        while !self.ended {
            let mut line = Vec::new();
            self.line += 1;
            match next_line(&mut self.lines, self.longest, &mut line) {
                Ok(Some(true)) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(true)) => {
                    let pair = self.pair(&line);
                    return Some(pair.map_err(|message| malformed(&self.file, self.line, message)));
                }
                Ok(Some(false)) => {
                    let message = format!("longer than {} bytes", self.longest);
                    return Some(Err(malformed(&self.file, self.line, message)));
                }
                Ok(None) => return None,
                Err(source) => {
                    self.ended = true;
                    return Some(Err(DatasetError::Read { file: self.file.clone(), source }));
                }
            }
        }
        None
    }
}

/// Reads a line without its end. True: it is whole; false: it was too long, and is skipped; none: there is no further one.
fn next_line(lines: &mut impl BufRead, longest: u64, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    if lines.by_ref().take(longest + 1).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let is_whole = line.len() as u64 <= longest;
    if line.last() == Some(&b'\n') {
        line.truncate(line.len() - 1 - usize::from(line.ends_with(b"\r\n")));
        return Ok(Some(is_whole));
    }
    if !is_whole {
        line.clear();
        skip_line(lines)?;
    }
    Ok(Some(is_whole))
}

/// Skips to the end of a line without holding it.
fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let held = lines.fill_buf()?;
        if held.is_empty() {
            return Ok(());
        }
        let end = held.iter().position(|&byte| byte == b'\n');
        let skipped = end.map_or(held.len(), |end| end + 1);
        lines.consume(skipped);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// A field without the quotation marks of CSV, which doubles the marks within.
fn unquoted(field: &str) -> String {
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    match inner.filter(|inner| !inner.replace("\"\"", "").contains('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => field.to_owned(),
    }
}

fn is_entailed(label: &str) -> Result<bool, String> {
    match label {
        "entailment" => Ok(true),
        "contradiction" => Ok(false),
        other => Err(format!("expected `entailment` or `contradiction`, found `{other}`")),
    }
}

fn box_of(written: &str) -> Result<Option<BBox>, String> {
    let edges: Option<Vec<f32>> = written.split(',').map(|edge| edge.trim().parse().ok()).collect();
    let edges = edges.filter(|edges| edges.iter().all(|edge| edge.is_finite())).unwrap_or_default();
    match edges[..] {
        [0.0, 0.0, 0.0, 0.0] => Ok(None),
        [x0, y0, x1, y1] if x0 < x1 && y0 < y1 => Ok(Some(BBox { x0, y0, x1, y1 })),
        [_, _, _, _] => Err(format!("the box {written} is empty")),
        _ => Err(format!("expected a box `x0,y0,x1,y1`, found `{written}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signature of a PNG file in base64.
    const PNG: &str = "iVBORw0KGgo=";

    fn read(text: &str, task: PairTask, longest: u64) -> Vec<Result<Pair, String>> {
        let reader = PairReader { longest, ..PairReader::new(text.as_bytes(), Path::new("ve.tsv"), task) };
        reader.map(|pair| pair.map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn every_damaged_line_is_named_and_the_others_are_read() {
        let good =
            format!("7.jpg#0001\t7\t{PNG}\ta \"\"park\"\"\t\"Ann \"\"A\"\"(PER)-a singer\"\tentailment\r\n");
        let text = [
            good.clone(),
            "7.jpg#0002\t7\n".to_owned(),
            format!("7.jpg#0003\t7\t{PNG}\t\tAnn(PER)\tneutral\n"),
            "7.jpg#0004\t7\t*\t\tAnn(PER)\tentailment\n\n".to_owned(),
            "7.jpg#0005\t7\tAAEC\t\tAnn(PER)\tentailment\n".to_owned(),
            format!("7.jpg#0006\t7\t{PNG}\t\t\tentailment\n"),
            format!("{}\n", "x".repeat(300)),
            good.trim_end().replace("entailment", "contradiction"),
        ];
        let read = read(&text.concat(), PairTask::Entailment, 200);
        let expected = [
            "line 2: expected 6 columns, found 2",
            "line 3: expected `entailment`",
            "line 4: the picture is no base64",
            "line 6: the picture has no known format",
            "line 7: an id or the phrase is empty",
            "line 8: longer than 200 bytes",
        ];
        let faults: Vec<&String> = read.iter().filter_map(|pair| pair.as_ref().err()).collect();
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault}");
        }
        let pairs: Vec<&Pair> = read.iter().flatten().collect();
        assert_eq!(pairs.len(), 2);
        assert_eq!(
            (pairs[0].phrase.as_str(), pairs[0].caption.as_str()),
            ("Ann \"A\"(PER)-a singer", "a \"\"park\"\"")
        );
        let targets = [pairs[0].target, pairs[1].target];
        assert_eq!(targets, [Target::Depicted(true), Target::Depicted(false)]);
    }

    #[test]
    fn lines_are_read_again_from_their_places_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ve.tsv");
        let line = |number: usize| format!("7.jpg#{number:04}\t7\t{PNG}\t\tAnn(PER)\tentailment\n");
        std::fs::write(&file, format!("{}\n{}damaged\n{}", line(1), line(2), line(3))).unwrap();
        let mut reader = PairReader::open(&file).unwrap();
        let (mut places, mut seen) = (Vec::new(), Vec::new());
        loop {
            let place = reader.place().unwrap();
            let Some(pair) = reader.next() else { break };
            if let Ok(pair) = pair {
                places.push(place);
                seen.push((pair, reader.line()));
            }
        }
        assert_eq!(seen.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [1, 3, 5]);
        for (place, (pair, line)) in places.into_iter().zip(seen).rev() {
            reader.go_to(place).unwrap();
            assert_eq!((reader.next().unwrap().unwrap(), reader.line()), (pair, line));
        }
    }

    #[test]
    fn boxes_are_read_and_placeholders_are_none() {
        let line = |bbox: &str| format!("7.jpg#0001\t7\tAnn(PER)\t{bbox}\t{PNG}\n");
        let boxes = ["1.0,2.0,30.5,40.0", "0.0,0.0,0.0,0.0", "3,0,1,1", "1,2,3", "1,2,3,nan"];
        let read = read(&boxes.map(line).concat(), PairTask::Grounding, 200);
        let bbox = BBox { x0: 1.0, y0: 2.0, x1: 30.5, y1: 40.0 };
        assert_eq!(read[0].as_ref().unwrap().target, Target::Box(Some(bbox)));
        assert_eq!(read[1].as_ref().unwrap().target, Target::Box(None));
        assert!(read[2].as_ref().unwrap_err().contains("line 3: the box 3,0,1,1 is empty"));
        assert!(
            read[3..].iter().all(|pair| pair.as_ref().is_err_and(|fault| fault.contains("expected a box")))
        );
    }
}
