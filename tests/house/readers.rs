//! Tests and benches share one reader of answers.

use super::files_under;

/// What takes an answer apart: the end of its head, its status, the size of a chunk. White space of
/// the source does not count.
const SIGNS_OF_A_READER: [&str; 7] = [
    r#"split_once("\r\n\r\n"#,
    r#"==b"\r\n\r\n"#,
    r#"split("HTTP/1"#,
    r#"strip_prefix("HTTP/1"#,
    r#"strip_prefix("Content-Length"#,
    "usize::from_str_radix(",
    "[9..12]",
];

/// Files and folders that have such a sign, and why.
const NO_READERS: [(&str, &str); 8] = [
    ("benches/peers/", "a package of its own, which judges other servers as well"),
    ("tests/allocations.rs", "counts the ends of heads where an allocation would be counted"),
    ("tests/cli/faults.rs", "looks at answers that are wrong on purpose"),
    ("tests/cases/main.rs", "cuts requests at the end of their heads"),
    ("tests/fuzz/", "judges the server's bytes by a model of its own: see tests/README.md"),
    ("tests/herd/requests.rs", "reads requests"),
    ("tests/house/readers.rs", "names the signs"),
    ("tests/support/fake.rs", "reads requests"),
];

#[test]
fn tests_and_benches_share_one_reader_of_answers() {
    let files = ["tests", "benches"].into_iter().flat_map(|top| {
        files_under(top).into_iter().map(move |(path, text)| (format!("{top}/{path}"), text))
    });
    let reading = files.filter(|(_, text)| {
        let text: String = text.split_whitespace().collect();
        SIGNS_OF_A_READER.iter().any(|sign| text.contains(sign))
    });
    let reading: Vec<String> = reading.map(|(path, _)| path).collect();
    for path in &reading {
        let is_known = NO_READERS.iter().any(|(known, _)| path.starts_with(known));
        assert!(is_known, "{path} reads answers by itself: `oneloop::testing::Answer` does that");
    }
    for (known, _) in NO_READERS {
        let is_needed = reading.iter().any(|path| path.starts_with(known));
        assert!(is_needed, "{known} may do something that it does not do");
    }
}
