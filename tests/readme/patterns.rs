//! Holds the table of the five ideas: each has its paragraph, its picture, a step of the ladder, a place
//! in the code, an experiment, and stages of the exam. That what it links to is there, other tests see.

use super::{links, read, section};

#[test]
fn each_of_the_five_ideas_has_all_ways_to_meet_it() {
    let text = section("src/README.md", "## Five ideas");
    let exam = read("src/herd/exam/stages.rs");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 5);
    for (at, row) in rows.into_iter().enumerate() {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, idea, picture, step, code, experiment, stages] = cells[..] else {
            panic!("seven cells: {row}")
        };
        assert_eq!(number, (at + 1).to_string());
        let begin = format!("**{number}. {}{}.**", idea[..1].to_uppercase(), &idea[1..]);
        assert!(text.contains(&begin), "no paragraph begins with {begin}");
        for (cell, folder) in [
            (picture, "pictures/"),
            (step, "ladder/"),
            (code, ".rs"),
            (experiment, "../tests/experiments/"),
        ] {
            let links = links(cell);
            assert!(!links.is_empty(), "{row}: nothing is linked in {cell}");
            assert!(links.iter().all(|(_, target)| target.contains(folder)), "{row}: {cell}");
        }
        let (_, shown) = links(picture)[0];
        assert!(text.contains(&format!("]({shown})\n")), "{shown} is not shown below");
        for stage in stages.split(", ") {
            let name = format!("name: \"{}\"", stage.trim_matches('`'));
            assert!(exam.contains(&name), "the exam has no stage {stage}");
        }
    }
}
