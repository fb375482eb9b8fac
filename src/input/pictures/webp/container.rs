//! WebP container: whether all chunks are there, and whether coded pictures have the size that the container announces.
//! The decoder allocates the size inside first.

/// The end of the picture: a WebP is a RIFF container (RFC 9649) with its own length.
///
/// # Errors
/// What is missing or contradictory, in words that follow "is a WebP".
pub(crate) fn end(bytes: &[u8]) -> Result<usize, String> {
    let cut = |promised: usize| format!("that was cut off: it has {} of {promised} bytes", bytes.len());
    let Some(length) = number(bytes, 4, 4) else { return Err(cut(12)) };
    let end = length.saturating_add(8);
    if end > bytes.len() {
        return Err(cut(end));
    }
    Ok(end)
}

/// The codings that a WebP's first frame uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coding<'a> {
    pub(crate) lossy: bool,
    pub(crate) lossless: bool,
    /// Alpha of a lossy picture.
    pub(crate) alpha: bool,
    pub(crate) animated: bool,
    /// The losslessly coded streams after their sizes, and the sizes.
    pub(crate) streams: Vec<(&'a [u8], (u32, u32))>,
}

impl<'a> Coding<'a> {
    /// Records a chunk if it is the first of its kind: the decoder ignores others.
    fn record(&mut self, name: &[u8], body: &'a [u8], size: (u32, u32)) {
        const LOSSLESS: u8 = 1;
        let first = |known: &mut bool| !std::mem::replace(known, true);
        match name {
            b"VP8 " => self.lossy = true,
            b"VP8L" if first(&mut self.lossless) => {
                self.streams.push((body.get(5..).unwrap_or_default(), size));
            }
            b"ALPH" if first(&mut self.alpha) => {
                if let Some((head, stream)) = body.split_first()
                    && head & 3 == LOSSLESS
                {
                    self.streams.push((stream, size));
                }
            }
            _ => {}
        }
    }
}

/// Checks that every chunk is within the container and that every coded picture has the size of its canvas or frame.
/// Returns the codings of the first frame.
///
/// # Errors
/// As [`end`].
pub(crate) fn check(bytes: &[u8], canvas: (u32, u32)) -> Result<Coding<'_>, String> {
    let mut coding = Coding::default();
    let mut rest = bytes[..end(bytes)?].get(12..).unwrap_or_default();
    while let Some((name, body)) = next_chunk(&mut rest)? {
        if name == b"ANMF" {
            check_frame(body, canvas, &mut coding)?;
        } else {
            check_size(name, body, canvas)?;
            coding.record(name, body, canvas);
        }
    }
    Ok(coding)
}

fn check_frame<'a>(body: &'a [u8], canvas: (u32, u32), coding: &mut Coding<'a>) -> Result<(), String> {
    let first = !std::mem::replace(&mut coding.animated, true);
    let side = |at| number(body, at, 3).and_then(|less_one| u32::try_from(less_one + 1).ok());
    let (Some(width), Some(height)) = (side(6), side(9)) else {
        return Err("with a frame that was cut off".to_owned());
    };
    if width > canvas.0 || height > canvas.1 {
        return Err(format!("of {} x {} pixels with a frame of {width} x {height}", canvas.0, canvas.1));
    }
    let mut rest = body.get(16..).unwrap_or_default();
    while let Some((name, body)) = next_chunk(&mut rest)? {
        check_size(name, body, (width, height))?;
        if first {
            coding.record(name, body, (width, height));
        }
    }
    Ok(())
}

/// Checks the size in a coded picture: 14 bits a side in both codings, in the lossless one minus 1.
fn check_size(name: &[u8], body: &[u8], expected: (u32, u32)) -> Result<(), String> {
    const SIDE: usize = 0x3FFF;
    let found = match name {
        b"VP8 " => {
            number(body, 6, 2).zip(number(body, 8, 2)).map(|(width, height)| (width & SIDE, height & SIDE))
        }
        b"VP8L" => number(body, 1, 4).map(|bits| ((bits & SIDE) + 1, (bits >> 14 & SIDE) + 1)),
        _ => return Ok(()),
    };
    match found {
        Some((width, height)) if (width, height) == (expected.0 as usize, expected.1 as usize) => Ok(()),
        Some((width, height)) => {
            let (w, h) = expected;
            Err(format!("that says it has {w} x {h} pixels, and that it has {width} x {height}"))
        }
        None => Err("whose picture was cut off".to_owned()),
    }
}

/// A chunk's name and body.
type Chunk<'a> = (&'a [u8], &'a [u8]);

/// Splits the next chunk off. One of odd length is followed by a byte of padding, which some writers omit at the end.
fn next_chunk<'a>(rest: &mut &'a [u8]) -> Result<Option<Chunk<'a>>, String> {
    // Less than a chunk's header at the end is ignored.
    let (Some(name), Some(length)) = (rest.get(..4), number(rest, 4, 4)) else { return Ok(None) };
    let Some(body) = rest[8..].get(..length) else {
        let shown = name.escape_ascii();
        return Err(format!(
            "whose chunk `{shown}` says it has {length} of the {} bytes left",
            rest.len() - 8
        ));
    };
    *rest = rest[8..].get(length + length % 2..).unwrap_or_default();
    Ok(Some((name, body)))
}

/// A little-endian number of `length` bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}
