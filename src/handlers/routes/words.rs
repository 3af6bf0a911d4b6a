//! Cuts a line into words: `name`, `name=value` and `name="a value"`.
//!
//! Between quotes `\"` is a quote, `\\` a backslash, `\n` a line feed, `\r` a carriage return and `\t` a
//! tab.

use std::fmt::{self, Display, Formatter, Write};

/// Why a line is no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// At which character of the line it begins; the first is 1.
    pub(super) column: usize,
    /// What was expected there, and an example.
    pub(super) sentence: String,
}

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) name: String,
    /// The column of the name.
    pub(super) column: usize,
    pub(super) value: Option<Value>,
}

/// What stands behind a word's `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) column: usize,
}

impl Mistake {
    #[cold]
    #[inline(never)]
    pub(super) fn new(column: usize, sentence: &str) -> Mistake {
        Mistake { column, sentence: sentence.to_owned() }
    }
}

impl Word {
    /// The word as it was written, but for quotes.
    #[cold]
    #[inline(never)]
    pub(super) fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={}", self.name, value.text),
            None => self.name.clone(),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn wrong(&self, sentence: &str) -> Mistake {
        Mistake::new(self.column, sentence)
    }

    /// Where the value is, or should be.
    pub(super) fn value_column(&self) -> usize {
        let behind = self.column + self.name.chars().count();
        self.value.as_ref().map_or(behind, |value| value.column)
    }
}

/// The words of `line`, in their order.
pub(super) fn words(line: &str) -> Result<Vec<Word>, Mistake> {
    let mut rest = Rest { chars: line.chars().collect(), at: 0 };
    let mut words = Vec::new();
    while rest.skip_blanks() {
        words.push(rest.word()?);
    }
    Ok(words)
}

/// What is left of a line.
struct Rest {
    chars: Vec<char>,
    at: usize,
}

impl Rest {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Says whether a word follows.
    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(|c| c == ' ' || c == '\t') {
            self.at += 1;
        }
        self.peek().is_some()
    }

    #[cold]
    #[inline(never)]
    fn word(&mut self) -> Result<Word, Mistake> {
        let column = self.at + 1;
        let name = self.bare("=");
        if self.peek() != Some('=') {
            return Ok(Word { name, column, value: None });
        }
        self.at += 1;
        let value_column = self.at + 1;
        let text = match self.peek() {
            Some('"') => self.quoted()?,
            Some(_) | None => self.bare(""),
        };
        let value = Some(Value { text, column: value_column });
        Ok(Word { name, column, value })
    }

    /// Up to a blank, or one of `ends`.
    #[inline(never)]
    fn bare(&mut self, ends: &str) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| !" \t".contains(*c) && !ends.contains(*c)) {
            text.push(c);
            self.at += 1;
        }
        text
    }

    fn quoted(&mut self) -> Result<String, Mistake> {
        let opened = self.at + 1;
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.peek().ok_or_else(|| {
                Mistake::new(opened, "this quote is not closed; write text=\"hello\"")
            })?;
            self.at += 1;
            match c {
                '"' => break,
                '\\' => text.push(self.escaped()?),
                other => text.push(other),
            }
        }
        match self.peek() {
            None | Some(' ' | '\t') => Ok(text),
            Some(_) => Err(Mistake::new(
                self.at + 1,
                "a space follows a closed quote; write \\\" for a quote in the text",
            )),
        }
    }

    /// What a backslash and the next character stand for.
    fn escaped(&mut self) -> Result<char, Mistake> {
        let column = self.at;
        let meant = match self.peek() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(same @ ('"' | '\\')) => same,
            Some(_) | None => {
                let sentence = "behind a backslash stands one of n r t \" and \\; write \\\\ for \
                                a backslash";
                return Err(Mistake::new(column, sentence));
            }
        };
        self.at += 1;
        Ok(meant)
    }
}

/// A value as it has to be written.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '"' | '\\' => write!(f, "\\{c}")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}
