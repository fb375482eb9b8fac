//! Screen: the alternate screen of a terminal, drawn over in place and left as it was.

use std::io::{self, Write};

use console::Term;

/// Enter and leave the alternate screen; hide and show the cursor.
const OPEN: &str = "\x1b[?1049h\x1b[?25l";
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";
/// To the top left; clear to the end of the line, and to the end of the screen.
const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\r\n";
const REST: &str = "\x1b[J";

/// A terminal's alternate screen; dropping it brings the terminal back.
pub(super) struct Screen(Term);

impl Screen {
    /// # Errors
    /// The terminal cannot be written.
    pub(super) fn open(mut terminal: Term) -> io::Result<Self> {
        terminal.write_all(OPEN.as_bytes())?;
        terminal.flush()?;
        Ok(Self(terminal))
    }

    /// Rows and columns.
    pub(super) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.0.size();
        (rows.into(), columns.into())
    }

    /// Draws the lines that fit over what was there, in one piece, so that nothing flickers.
    ///
    /// # Errors
    /// The terminal cannot be written.
    pub(super) fn draw(&mut self, lines: &[String], height: usize) -> io::Result<()> {
        self.0.write_all(frame(lines, height).as_bytes())?;
        self.0.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = self.0.write_all(CLOSE.as_bytes());
        let _ = self.0.flush();
    }
}

fn frame(lines: &[String], height: usize) -> String {
    // A line break behind the last row would scroll.
    let shown = lines.iter().take(height.saturating_sub(1));
    let drawn: String = shown.flat_map(|line| [line.as_str(), END_OF_LINE]).collect();
    format!("{HOME}{drawn}{REST}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_never_scrolls() {
        let lines: Vec<String> = (0..5).map(|line| line.to_string()).collect();
        assert_eq!(frame(&lines, 3).matches("\r\n").count(), 2);
        assert_eq!(frame(&lines, 10).matches("\r\n").count(), 5);
        assert_eq!(frame(&lines, 0), "\x1b[H\x1b[J");
    }
}
