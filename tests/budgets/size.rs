//! How many crates are built in, and how large the program is.

use super::*;

/// The crates that end up in a program which embeds the library. Each of the eleven that Cargo.toml
/// names is there for a reason that is said there; the other five are theirs: `libc`, `bitflags`,
/// `linux-raw-sys` and `errno` speak to the kernel, and `signal-hook-registry` is half of
/// `signal-hook`.
#[test]
fn an_embedding_program_gets_sixteen_crates_with_the_library() {
    let _alone = alone();
    let crates = crates_below(&["--no-default-features"]);
    println!("with the library: {} crates", crates.len());
    assert!(crates.len() <= 16, "{}: {crates:?}", crates.len());
}

/// The command line brings twenty-one more: seven write colours, five are `clap`, four the log and
/// the times in its lines, three know media types, one reads durations, one knows the
/// machine's addresses. None is a regex engine, which the log would have for patterns in RUST_LOG.
#[test]
fn the_program_is_made_of_thirty_seven_crates() {
    let _alone = alone();
    let crates = crates_below(&[]);
    println!("with the command line: {} crates", crates.len());
    assert!(crates.len() <= 37, "{}: {crates:?}", crates.len());
    assert!(!crates.iter().any(|name| name.starts_with("regex")), "{crates:?}");
}

/// Builds the program as it is shipped, which takes about a minute when something has changed. The
/// whole file counts, as it is installed: it has no names and no lines for a debugger. It was at most 2
/// MiB until it learnt Unix sockets, sockets that systemd opens, PROXY headers, a health listener and the
/// command that asks it; at most two and a quarter until a new process could take over; and at most two
/// and three eighths until it could answer by routes, commit faults, and show and replay what its
/// clients have gone through.
#[test]
fn the_installed_program_is_at_most_two_and_a_half_mebibytes() {
    // Without the lock, so that the others need not wait for the compiler.
    let program = shipped::program();
    let _alone = alone();
    let bytes = fs::metadata(&program).unwrap().len();
    println!("{}: {bytes} bytes", program.display());
    assert!(bytes <= 20 * 128 * 1024, "{} has {bytes} bytes", program.display());
}

/// The crates that are built into the library or the program, other than itself; macros that only
/// run in the compiler are not.
fn crates_below(features: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(["--no-dedupe", "--format", "{p}"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split_once(' ')).map(|(name, rest)| {
        let version = rest.split(' ').next().unwrap_or_default();
        format!("{name} {version}")
    });
    names.filter(|name| !name.starts_with("oneloop ")).collect()
}
