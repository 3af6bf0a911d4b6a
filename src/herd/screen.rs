//! Some lines of a terminal that are drawn again and again, and cleared at the end.
//!
//! The cursor stays behind them, at the beginning of a line, and is never hidden: a process that is
//! killed leaves nothing to repair. What the user types meanwhile, such as `^C`, is cleared with the lines.

use std::fmt::Write;
use std::io;

use rustix::termios::tcgetwinsize;

/// The size of a terminal that does not say it.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// How many characters fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// The size of the terminal at standard error, which its user may change at any time.
pub fn size() -> Size {
    match tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
        }
        Ok(_) | Err(_) => USUAL,
    }
}

/// What has been drawn.
#[derive(Debug, Default)]
pub struct Screen {
    /// How long each line is that stands there, in characters.
    drawn: Vec<usize>,
}

impl Screen {
    /// Nothing yet.
    pub fn new() -> Screen {
        Screen::default()
    }

    /// What to write so that these lines stand in place of the last ones: of each as much as fits, and as
    /// many as fit.
    pub fn draw(&mut self, lines: &[String], size: Size) -> String {
        let mut text = self.clear(size);
        // A full last column would wrap, and the cursor needs a line of its own.
        let (columns, rows) = (size.columns.saturating_sub(1), size.rows.saturating_sub(1));
        for line in lines.iter().take(rows) {
            let line: String = line.chars().take(columns).collect();
            self.drawn.push(line.chars().count());
            text += &line;
            text.push('\n');
        }
        text
    }

    /// What to write so that nothing of it is left.
    pub fn clear(&mut self, size: Size) -> String {
        // A terminal that has become narrower has wrapped the lines that do not fit any more.
        let rows = |len: usize| len.div_ceil(size.columns.max(1)).max(1);
        let rows: usize = self.drawn.drain(..).map(rows).sum();
        let mut text = String::new();
        if rows > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "\r\x1b[{rows}A\x1b[J");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lens: &[usize]) -> Vec<String> {
        lens.iter().map(|len| "x".repeat(*len)).collect()
    }

    #[test]
    fn lines_are_drawn_over_the_last_ones_and_cleared() {
        let (mut screen, size) = (Screen::new(), Size { columns: 10, rows: 5 });
        assert_eq!(screen.clear(size), "");
        assert_eq!(screen.draw(&lines(&[2, 3]), size), "xx\nxxx\n");
        assert_eq!(screen.draw(&lines(&[1]), size), "\r\x1b[2A\x1b[Jx\n");
        assert_eq!(screen.clear(size), "\r\x1b[1A\x1b[J");
        assert_eq!(screen.clear(size), "");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let (mut screen, size) = (Screen::new(), Size { columns: 4, rows: 3 });
        assert_eq!(screen.draw(&lines(&[9, 9, 9]), size), "xxx\nxxx\n");
        assert_eq!(screen.draw(&lines(&[1]), Size { columns: 1, rows: 1 }), "\r\x1b[6A\x1b[J");
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_wrapped_are_cleared_with_all_their_rows() {
        let mut screen = Screen::new();
        screen.draw(&lines(&[9, 0, 4]), Size { columns: 10, rows: 9 });
        assert_eq!(screen.clear(Size { columns: 4, rows: 9 }), "\r\x1b[5A\x1b[J");
    }
}
