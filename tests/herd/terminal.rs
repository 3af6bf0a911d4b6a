//! What a run shows on a terminal while it goes on, and what is left there at its end.
//!
//! script(1) is the terminal; what is written to it goes through a small emulator.
#![cfg(target_os = "linux")]

use std::process::Command;

use super::needed::Needed;
use super::support::{Program, Server};

const SCRIPT: Needed = Needed { names: &["script"], package: "bsdutils" };

/// What stands on a terminal, as far as herd's output goes: text, CR, LF, cursor up, clear to the end.
struct Terminal {
    rows: Vec<Vec<char>>,
    cursor: (usize, usize),
    columns: usize,
}

impl Terminal {
    fn new(columns: usize) -> Terminal {
        Terminal { rows: vec![Vec::new()], cursor: (0, 0), columns }
    }

    /// Writes `text`, and has `look` see the screen before each clearing of it.
    fn write(&mut self, text: &str, mut look: impl FnMut(&[String])) {
        let mut chars = text.chars();
        while let Some(next) = chars.next() {
            match next {
                '\r' => self.cursor.1 = 0,
                '\n' => self.go_to((self.cursor.0 + 1, self.cursor.1)),
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['));
                    let order: String =
                        chars.by_ref().take_while(|it| !it.is_ascii_uppercase()).collect();
                    // The letter is taken as well: A comes with a number, J without.
                    match order.parse::<usize>() {
                        Ok(up) => self.cursor.0 = self.cursor.0.checked_sub(up).expect("the top"),
                        Err(_) => {
                            look(&self.lines());
                            self.rows.truncate(self.cursor.0 + 1);
                            self.rows[self.cursor.0].truncate(self.cursor.1);
                        }
                    }
                }
                other => self.put(other),
            }
        }
    }

    fn put(&mut self, char: char) {
        if self.cursor.1 == self.columns {
            self.go_to((self.cursor.0 + 1, 0));
        }
        let row = &mut self.rows[self.cursor.0];
        row.resize(row.len().max(self.cursor.1 + 1), ' ');
        row[self.cursor.1] = char;
        self.cursor.1 += 1;
    }

    fn go_to(&mut self, cursor: (usize, usize)) {
        self.cursor = cursor;
        self.rows.resize(self.rows.len().max(cursor.0 + 1), Vec::new());
    }

    fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().collect::<String>()).collect()
    }
}

/// A run on a terminal of 60 columns, and what the shell does before it.
fn on_a_terminal(test: impl Fn(), server: &Server, before: &str, options: &str) -> Option<Program> {
    let script = SCRIPT.find(test)?;
    let herd = env!("CARGO_BIN_EXE_herd");
    let run = format!(
        "stty cols 60 rows 24; {before} exec {herd} {} --get 2 --idle 3 {options}",
        server.address()
    );
    Some(Program::start(Command::new(script).args(["-q", "-e", "-c", &run, "/dev/null"])))
}

#[test]
fn on_a_terminal_some_lines_are_drawn_over_and_cleared_at_the_end() {
    let server = Server::start(&[]);
    let Some(program) = on_a_terminal(
        on_a_terminal_some_lines_are_drawn_over_and_cleared_at_the_end,
        &server,
        "",
        "--for 3200ms",
    ) else {
        return;
    };
    let ended = program.finish();
    assert!(ended.status.success(), "{}", ended.output);
    let (mut terminal, mut seen) = (Terminal::new(60), 0);
    terminal.write(&ended.output, |screen| {
        seen += 1;
        let of = |word: &str| screen.iter().filter(|line| line.starts_with(word)).count();
        assert_eq!([of("[#"), of("answers  "), of("open     get 2, idle 3")], [1; 3], "{screen:?}");
        assert!(screen.iter().any(|line| line.contains("p50 ")), "{screen:?}");
        assert!(screen.iter().any(|line| line == "errors   none"), "{screen:?}");
    });
    assert_eq!(seen, 3, "{}", ended.output);
    let left = terminal.lines();
    assert!(left[0].starts_with("herd at "), "{left:?}");
    assert!(!left.iter().any(|line| line.starts_with('[')), "{left:?}");
}

#[test]
fn a_terminal_that_becomes_narrower_gets_shorter_lines() {
    let server = Server::start(&[]);
    let resize = "(sleep 1.5; stty cols 30 </dev/tty) &";
    let Some(program) = on_a_terminal(
        a_terminal_that_becomes_narrower_gets_shorter_lines,
        &server,
        resize,
        "--for 3200ms",
    ) else {
        return;
    };
    let ended = program.finish();
    // Each drawing begins by going up over the rows of the last one.
    let drawings: Vec<&str> = ended.output.split("\x1b[J").collect();
    let report = drawings.last().unwrap();
    assert!(report.starts_with("herd at ") && drawings.len() == 4, "{}", ended.output);
    let lens = |drawing: &str| -> Vec<usize> {
        let lines = drawing.lines().filter(|line| !line.contains('\x1b'));
        lines.map(|line| line.trim_end_matches('\r').chars().count()).filter(|it| *it > 0).collect()
    };
    let up =
        |drawing: &str| drawing.rsplit("\x1b[").next().unwrap().trim_end_matches('A').to_owned();
    let [wide, narrow] = [lens(drawings[0]), lens(drawings[1])];
    assert!(wide.iter().any(|len| *len > 30) && narrow.iter().all(|len| *len < 30), "{narrow:?}");
    let rows: usize = wide.iter().map(|len| len.div_ceil(30)).sum();
    assert_eq!(up(drawings[0]), rows.to_string(), "{:?}", drawings[0]);
    assert_eq!(up(drawings[1]), narrow.len().to_string(), "{:?}", drawings[1]);
}

#[test]
fn ctrl_c_leaves_the_report_and_nothing_else() {
    let server = Server::start(&[]);
    let Some(mut program) =
        on_a_terminal(ctrl_c_leaves_the_report_and_nothing_else, &server, "", "--for 10min")
    else {
        return;
    };
    program.hear("answers  ");
    program.say("\x03");
    let ended = program.finish();
    assert!(ended.status.success(), "{}", ended.output);
    let mut terminal = Terminal::new(60);
    terminal.write(&ended.output, |_| ());
    let left = terminal.lines();
    assert!(left.concat().contains("ended by a signal"), "{left:?}");
    assert!(left[0].starts_with("herd at ") && !left.concat().contains("^C"), "{left:?}");
}

#[test]
fn a_quiet_run_leaves_the_terminal_alone_until_its_report() {
    let server = Server::start(&[]);
    let Some(program) = on_a_terminal(
        a_quiet_run_leaves_the_terminal_alone_until_its_report,
        &server,
        "",
        "--for 1500ms --quiet",
    ) else {
        return;
    };
    let ended = program.finish();
    assert!(ended.output.starts_with("herd at ") && !ended.output.contains('\x1b'));
}
