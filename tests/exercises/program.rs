//! Exercises: functions of this server to be written again, and bugs to be found.
//!
//! ```text
//! cargo run --example exercise                       # what there is
//! cargo run --example exercise -- start append       # makes a copy of this repository with a hole
//! cargo run --example exercise -- hint append        # one hint more
//! cargo run --example exercise -- check append       # runs the tests of the copy
//! cargo run --example exercise -- solution append    # shows the production code
//! cargo run --example exercise -- bug 1              # makes a copy with a bug, and shows what fails
//! cargo run --example exercise -- check 1            # is it mended?
//! cargo run --example exercise -- reveal 1           # shows the bug
//! ```

mod bench;
mod bugs;
mod hole;
mod holes;
#[path = "../support/plant.rs"]
mod plant;

use std::path::PathBuf;
use std::process::ExitCode;

use bench::{Bench, read, write};
use bugs::BUGS;
use hole::Hole;
use holes::HOLES;
use plant::{Plant, root};

/// How this program is called.
const RUN: &str = "cargo run --example exercise --";

/// The most lines of a failing test's words that are shown.
const LINES_MAX: usize = 40;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let folder = match words.iter().position(|word| word == "--in") {
        Some(at) if at + 1 < words.len() => words.drain(at..at + 2).nth(1).map(PathBuf::from),
        Some(_) | None => root().parent().map(|beside| beside.join("oneloop-exercises")),
    };
    let Some(folder) = folder else {
        eprintln!("exercise: say where with --in DIR");
        return ExitCode::from(2);
    };
    let bench = Bench::at(folder);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&bench, &words) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("exercise: {why}");
            ExitCode::from(2)
        }
    }
}

/// Does what the words say.
fn run(bench: &Bench, words: &[&str]) -> Result<ExitCode, String> {
    match *words {
        [] | ["list"] => list(),
        ["start", name] => start(bench, hole_of(name)?)?,
        ["hint", name] => hint(bench, hole_of(name)?)?,
        ["solution", name] => solution(hole_of(name)?)?,
        ["bug", number] => plant(bench, number, &bug_of(number)?)?,
        ["reveal", number] => reveal(&bug_of(number)?),
        ["check", name] if name.parse::<usize>().is_ok() => return check_bug(bench, name),
        ["check", name] => return check(bench, hole_of(name)?),
        [..] => {
            let said = words.join(" ");
            return Err(format!("what is `{said}`? `{RUN} list` says what there is"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn hole_of(name: &str) -> Result<&'static Hole, String> {
    let names: Vec<&str> = HOLES.iter().map(|hole| hole.name).collect();
    let hole = HOLES.iter().find(|hole| hole.name == name);
    hole.ok_or_else(|| format!("there is no exercise `{name}`, but {}", names.join(", ")))
}

fn bug_of(number: &str) -> Result<Plant, String> {
    let bug = number.parse().ok().and_then(bugs::bug);
    bug.ok_or_else(|| format!("there is no bug `{number}`: their numbers are 1 to {}", BUGS.len()))
}

fn list() {
    println!("Write a function again ({RUN} start NAME):");
    for Hole { name, about, file, .. } in &HOLES {
        println!("  {name:8} {about}\n  {:8} {file}", "");
    }
    println!("\nFind a bug, from the easiest on ({RUN} bug N): 1 to {}", BUGS.len());
    println!("\nOthers: hint NAME, check NAME or N, solution NAME, reveal N; --in DIR says where.");
}

fn start(bench: &Bench, hole: &Hole) -> Result<(), String> {
    let tree = bench.start(hole)?;
    let Hole { name, file, .. } = hole;
    println!("Your copy: {}\n", tree.display());
    println!("In {file}, `todo!` stands where this was: {}.", hole.about);
    println!("Write it again. Edit the copy only; this repository stays as it is.\n");
    println!("{RUN} check {name}    builds the copy and runs its tests: minutes the first time");
    println!("{RUN} hint {name}     there are {}", hole.hints.len());
    Ok(())
}

/// Shows the hints so far, and one more.
fn hint(bench: &Bench, hole: &Hole) -> Result<(), String> {
    let Hole { name, hints, .. } = hole;
    let tree = bench.made(name, &format!("{RUN} start {name}"))?;
    let opened_in = tree.join("hints-opened");
    let opened: usize = read(&opened_in).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let open = (opened + 1).min(hints.len());
    write(&opened_in, &open.to_string())?;
    for (at, hint) in hints[..open].iter().enumerate() {
        println!("{} of {}: {hint}\n", at + 1, hints.len());
    }
    if opened == hints.len() {
        println!("That is all. `{RUN} solution {name}` shows the production code.");
    }
    Ok(())
}

fn check(bench: &Bench, hole: &Hole) -> Result<ExitCode, String> {
    let Hole { name, tests, .. } = hole;
    let tree = bench.made(name, &format!("{RUN} start {name}"))?;
    let seeds = [("ONELOOP_SEEDS".to_owned(), bench::SEEDS.to_owned())];
    for (file, filter) in *tests {
        println!("{file} {filter} …");
        let ran = bench.test(&tree, file, filter, &seeds)?;
        if !ran.has_passed {
            println!("{}\nNot yet. `{RUN} hint {name}` helps.", shown(&ran.words));
            return Ok(ExitCode::FAILURE);
        }
    }
    println!(
        "All pass: you have written `{name}`. `{RUN} solution {name}` shows the production code."
    );
    Ok(ExitCode::SUCCESS)
}

/// What failed: the first errors of the compiler, or the last lines of the tests.
fn shown(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    let is_built = lines.iter().any(|line| line.starts_with("running "));
    let first_error = lines.iter().position(|line| line.starts_with("error"));
    let lines = match first_error {
        Some(at) if !is_built => &lines[at..lines.len().min(at + LINES_MAX)],
        Some(_) | None => &lines[lines.len().saturating_sub(LINES_MAX)..],
    };
    lines.join("\n")
}

fn solution(hole: &Hole) -> Result<(), String> {
    println!("{}:\n", hole.file);
    println!("{}", hole.function_in(&read(&root().join(hole.file))?)?);
    Ok(())
}

fn plant(bench: &Bench, number: &str, bug: &Plant) -> Result<(), String> {
    let tree = bench.plant(&folder_of(number), bug)?;
    println!("Building a copy with bug {number}: minutes the first time …");
    let found = bench.search(&tree, bench::SEEDS)?;
    let found = found.ok_or("no seed fails: the bug is not planted as it should be")?;
    let trace = tree.join("trace.txt");
    write(&trace, &bench.trace(&tree, &found)?)?;
    println!("{}\n\nYour copy: {}", found.told, tree.display());
    println!("The trace: {}, all that happens in it", trace.display());
    println!("\nRead the trace from its end. Mend the copy, and then: {RUN} check {number}");
    Ok(())
}

fn folder_of(number: &str) -> String {
    format!("bug-{number}")
}

fn check_bug(bench: &Bench, number: &str) -> Result<ExitCode, String> {
    bug_of(number)?;
    let tree = bench.made(&folder_of(number), &format!("{RUN} bug {number}"))?;
    match bench.search(&tree, bench::SEEDS)? {
        Some(failure) => {
            println!("{}\n\nNot yet. `{RUN} reveal {number}` shows the bug.", failure.told);
            Ok(ExitCode::FAILURE)
        }
        None => {
            println!("{} seeds end well: the bug has gone.", bench::SEEDS);
            println!("`{RUN} reveal {number}` shows what it was.");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn reveal(bug: &Plant) {
    println!("{}\n\n{}:", bug.breaks, bug.file);
    for line in bug.before.lines() {
        println!("  right: {}", line.trim());
    }
    for line in bug.behind.lines() {
        println!("  wrong: {}", line.trim());
    }
}
