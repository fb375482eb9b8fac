//! GIF size: that of the screen, or larger where the first frame does not fit into it.
//!
//! A frame may reach beyond the screen or lie outside it. Pillow then enlarges the screen to the right and down until
//! it holds the first frame; decoders that cut the frame off give another picture.

const SCREEN: usize = 6;
const AFTER_SCREEN: usize = 13;
const EXTENSION: u8 = 0x21;
const FRAME: u8 = 0x2C;

/// Columns and rows of a screen that holds the first frame. None: no frame was found; the decoder reports why.
pub(crate) fn screen(bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = (number(bytes, SCREEN)?, number(bytes, SCREEN + 2)?);
    let frame = first_frame(bytes)?;
    let edge = |at| Some(number(bytes, frame + at)? + number(bytes, frame + at + 4)?);
    Some((width.max(edge(0)?), height.max(edge(2)?)))
}

/// The file with another screen: the changed first bytes, and the rest. None: the file is too short, or the screen is
/// larger than a GIF can have.
pub(crate) fn with_screen(bytes: &[u8], (width, height): (u32, u32)) -> Option<(Vec<u8>, &[u8])> {
    let (start, rest) = bytes.split_at_checked(SCREEN + 4)?;
    let [width, height] = [u16::try_from(width).ok()?, u16::try_from(height).ok()?].map(u16::to_le_bytes);
    Some(([&start[..SCREEN], &width, &height].concat(), rest))
}

/// The position of the first frame's place and size.
fn first_frame(bytes: &[u8]) -> Option<usize> {
    let flags = bytes.get(SCREEN + 4)?;
    let colours = if flags & 0x80 == 0 { 0 } else { 3 * (2 << (flags & 7)) };
    let mut at = AFTER_SCREEN + colours;
    while *bytes.get(at)? == EXTENSION {
        // Its kind, then blocks that each begin with their length; one of length 0 is the last.
        at += 2;
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
    (*bytes.get(at)? == FRAME).then_some(at + 1)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let &[low, high] = bytes.get(at..at + 2)? else { return None };
    Some(u32::from(u16::from_le_bytes([low, high])))
}
