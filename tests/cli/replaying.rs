//! `oneloop replay`: what it takes for a recording, and what it says of anything else.

use super::*;

fn replay(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = oneloop().arg("replay").args(arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_is_no_recording_is_refused_by_one_line() {
    for (arguments, code, says) in [
        (&[][..], 2, "name one recording"),
        (&["a", "b", "c"], 2, "name one recording"),
        (&["--htlm", "a"], 2, "unexpected '--htlm'"),
        (&["/no/such/file"], 1, "cannot read '/no/such/file': No such file"),
        (&["Cargo.toml"], 2, "'Cargo.toml' is no recording; one is made by --record"),
        (&["--html", "Cargo.lock"], 2, "'Cargo.lock' is no recording"),
    ] {
        let (came, said, why) = replay(arguments);
        assert_eq!((came, said.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(why.contains(says) && why.lines().count() == 1, "{arguments:?}: {why}");
    }
}

#[test]
fn its_help_says_how_to_make_a_recording() {
    let (code, help, why) = replay(&["--help"]);
    assert_eq!((code, why.as_str()), (Some(0), ""));
    assert!(help.contains("--record") && help.contains("oneloop replay FILE"), "{help}");
}

#[test]
fn a_step_that_ends_a_script_does_not_end_the_pages() {
    let file = env::temp_dir().join(format!("oneloop-script-{}", process::id()));
    let step = r#"{"at":1.0,"client":0,"slot":0,"step":"answer","says":"GET /</script>"}"#;
    fs::write(&file, format!("{step}\n")).expect("there is room");
    let (code, page, _) = replay(&["--html", file.to_str().expect("text")]);
    fs::remove_file(file).expect("it was just written");
    assert_eq!(code, Some(0));
    assert_eq!(page.matches("</script>").count(), page.matches("<script").count());
    assert!(page.contains(r"GET /\u003c/script>"), "{page}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_of_at_the_start() {
    let output = oneloop().args(["-l", "127.0.0.1:0", "--record", "/no/such/place"]).output();
    let output = output.expect("it runs");
    let why = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert!(why.contains("cannot record to '/no/such/place': No such file"), "{why}");
}

/// It has a copy of the page's files, so it is made again when one of them is changed.
#[test]
fn the_recording_of_the_documentation_is_played_by_the_present_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/recording.html");
    let kept = fs::read_to_string(&path).expect("it is there");
    let script = "<script id=\"recording\" type=\"application/json\">\n";
    let (_, behind) = kept.split_once(script).expect("it has a recording");
    let (recording, _) = behind.split_once("</script>").expect("its end");
    let (_facts, steps) = recording.split_once('\n').expect("its first line");
    let file = env::temp_dir().join(format!("oneloop-documented-{}", process::id()));
    fs::write(&file, steps).expect("there is room");
    let (code, page, why) = replay(&["--html", file.to_str().expect("text")]);
    fs::remove_file(file).expect("it was just written");
    assert_eq!((code, why.as_str()), (Some(0), ""));
    if env::var_os("ONELOOP_WRITE").is_some() {
        fs::write(path, page).expect("it can be written");
        return;
    }
    assert!(page == kept, "make it again: ONELOOP_WRITE=1 cargo test --test cli documentation");
}
