//! A function with a hole: its body is cut out of the production code, and is the solution.
#![allow(dead_code, reason = "the program and the test each use a part of it")]

/// An exercise: a function to be written again.
pub struct Hole {
    pub name: &'static str,
    /// What it is about, for the list.
    pub about: &'static str,
    /// Where the function is, and how its definition begins.
    pub file: &'static str,
    pub function: &'static str,
    /// What it has to do: this stands where its body was.
    pub task: &'static [&'static str],
    /// The names of its parameters, which the hole does not use.
    pub parameters: &'static str,
    /// What must pass: the tests of the library (`lib`) or of a file under `tests`, and which of them.
    /// The quick ones are first.
    pub tests: &'static [(&'static str, &'static str)],
    /// Solutions that its tests must refuse: what stands in the right one, and what it becomes.
    pub mistakes: &'static [(&'static str, &'static str)],
    /// What helps, a little at a time.
    pub hints: &'static [&'static str],
}

/// Where a function stands in a file, in bytes.
struct Place {
    begin: usize,
    body: usize,
    end: usize,
    indent: usize,
}

impl Hole {
    /// The file with the hole in place of the body.
    ///
    /// # Errors
    /// If the function does not stand in `text` exactly once.
    pub fn cut(&self, text: &str) -> Result<String, String> {
        let Place { body, end, indent, .. } = self.place(text)?;
        let pad = " ".repeat(indent + 4);
        let mut hole = String::new();
        for line in self.task {
            hole += &format!("{pad}// {line}\n");
        }
        hole += &format!("{pad}let _ = {};\n", self.parameters);
        hole += &format!("{pad}todo!(\"the exercise {}\")\n", self.name);
        Ok(format!("{}{hole}{}", &text[..body], &text[end..]))
    }

    /// The function, as it stands in this file.
    ///
    /// # Errors
    /// Likewise.
    pub fn function_in<'t>(&self, text: &'t str) -> Result<&'t str, String> {
        let Place { begin, end, indent, .. } = self.place(text)?;
        Ok(&text[begin..end + indent + 2])
    }

    /// The file, with this in place of its function.
    ///
    /// # Errors
    /// Likewise.
    pub fn fill(&self, text: &str, function: &str) -> Result<String, String> {
        let Place { begin, end, indent, .. } = self.place(text)?;
        Ok(format!("{}{function}{}", &text[..begin], &text[end + indent + 2..]))
    }

    /// The function begins with its definition; its body ends before the line of its last brace.
    fn place(&self, text: &str) -> Result<Place, String> {
        let Hole { file, function, .. } = self;
        let count = text.matches(function).count();
        if count != 1 {
            return Err(format!("`{function}` stands {count} times in {file}"));
        }
        let at = text.find(function).unwrap_or_default();
        let begin = text[..at].rfind('\n').map_or(0, |line| line + 1);
        let indent = text[begin..].len() - text[begin..].trim_start_matches(' ').len();
        let lost = || format!("`{function}` in {file} has no end");
        let body = begin + text[begin..].find("{\n").ok_or_else(lost)? + 2;
        let last = format!("\n{}}}\n", " ".repeat(indent));
        let end = body + text[body..].find(&last).ok_or_else(lost)? + 1;
        Ok(Place { begin, body, end, indent })
    }
}
