//! The help pages and the version.

use super::*;

#[test]
fn both_help_pages_list_every_option_with_its_variable_and_its_default() {
    for page in [page("-h"), page("--help")] {
        for (option, variable, default) in options() {
            let entry = entry(&page, option);
            assert!(entry.contains(&format!("[env: {variable}=")), "{option}: {entry}");
            let shown =
                default.is_none_or(|default| entry.contains(&format!("[default: {default}]")));
            assert!(shown, "{option}: {entry}");
        }
        for heading in
            ["Listening:", "Answer:", "Site:", "Limits:", "Timeouts:", "Watching:", "Logging:"]
        {
            assert!(page.lines().any(|line| line == heading), "{heading}");
        }
        assert!(page.contains("--quiet") && page.contains("--version") && page.contains("--help"));
    }
}

#[test]
fn the_help_lists_no_option_that_these_tests_do_not_know() {
    let known = options();
    for word in page("--help").split_whitespace().filter(|word| word.starts_with("--")) {
        let name = word.trim_end_matches("...").trim_end_matches([',', '.', ';', ':']);
        let name = name.split(['[', '=']).next().expect("a first part");
        let mine = ["--help", "--version", "--quiet"].contains(&name);
        assert!(mine || known.iter().any(|(option, ..)| *option == name), "{word}");
    }
}

#[test]
fn the_help_begins_with_what_most_people_want_and_ends_with_limits() {
    for page in [page("-h"), page("--help")] {
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| !line.starts_with(' ') && line.ends_with(':'))
            .filter(|line| !line.starts_with("Without"))
            .collect();
        assert_eq!(
            headings,
            [
                "Arguments:",
                "Site:",
                "Listening:",
                "Answer:",
                "Routes:",
                "Watching:",
                "Logging:",
                "Limits:",
                "Timeouts:",
                "Help:",
                "Examples:"
            ]
        );
    }
}

#[test]
fn the_long_help_says_more_than_the_short_one() {
    assert!(page("--help").len() > page("-h").len());
}

#[test]
fn the_version_is_the_packages() {
    let version = format!("oneloop {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(page("-V"), version);
    assert_eq!(page("--version"), version);
}

#[test]
fn help_that_nobody_reads_is_no_panic() {
    for _ in 0..10 {
        let mut running = Running::launch(oneloop().arg("--help"));
        drop(running.child.stdout.take());
        if let Ok(line) = running.log.recv_timeout(PATIENCE) {
            panic!("it said {line}");
        }
        assert_eq!(running.end().code(), Some(0));
    }
}
