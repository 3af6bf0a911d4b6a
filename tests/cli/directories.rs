//! Serving a directory, and directories that may not be read.

use super::*;

#[test]
fn a_directory_is_served_and_the_start_line_says_which_and_where() {
    let root = env!("CARGO_TARGET_TMPDIR");
    file("served.txt", b"served");
    let arguments = ["-l", "127.0.0.1:0", "--list", "-H", "X-A: b", root];
    let mut running = Running::launch(oneloop().args(arguments));
    let line = running.wait_for_line("listening on ");
    running.address = addresses(&line)[0];
    let said = format!("http://{}/, serving {root} (at most: clients ", running.address);
    assert!(line.contains(&said), "{line}");
    assert!(line.contains(", files ") && line.ends_with(" at once); Ctrl-C stops it"), "{line}");
    let (head, body) = running.answer();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("X-A: b\r\n"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("served.txt"));
}

#[test]
fn types_are_said_on_the_command_line_or_in_the_environment() {
    let root = env!("CARGO_TARGET_TMPDIR");
    file("typed.ts", b"let a = 1;");
    file("typed.xlog", b"a");
    let arguments = ["--type", "ts=video/mp2t", "--type", "xlog=text/x-log; charset=utf-8", root];
    let by_arguments = Running::start(oneloop().args(arguments));
    let value = "ts=video/mp2t\n.XLOG=text/x-log; charset=utf-8\n";
    let by_variable = Running::start(oneloop().env("ONELOOP_TYPE", value).arg(root));
    for running in [by_arguments, by_variable] {
        for (path, media_type) in
            [("/typed.ts", "video/mp2t"), ("/typed.xlog", "text/x-log; charset=utf-8")]
        {
            let head = running.answer_to(path).0;
            assert!(head.contains(&format!("\r\nContent-Type: {media_type}\r\n")), "{head}");
        }
    }
}

/// A copy of the program beside a site of these files, and a command that runs it as a user who may
/// not do everything: root would.
fn unprivileged(name: &str, files: &[(&str, u32)]) -> (PathBuf, Command) {
    let folder = env::temp_dir().join(format!("oneloop-{name}-{}", process::id()));
    let (program, site) = (folder.join("oneloop"), folder.join("site"));
    fs::create_dir_all(&site).expect("a temporary folder");
    fs::copy(env!("CARGO_BIN_EXE_oneloop"), &program).expect("a copy that everybody may run");
    for (name, mode) in files {
        fs::write(site.join(name), name).expect("a file");
        fs::set_permissions(site.join(name), Permissions::from_mode(*mode)).expect("our own file");
    }
    let mut command = oneloop_at(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(65534);
    }
    (folder, command)
}

#[test]
fn a_file_that_may_not_be_read_is_forbidden() {
    let files = [("open.txt", 0o644), ("closed.txt", 0o000)];
    let (folder, mut command) = unprivileged("forbidden", &files);
    let running = Running::start(command.arg(folder.join("site")));
    let status = |path| running.status_of(path);
    assert_eq!([status("/open.txt"), status("/closed.txt")], [200, 403]);
    fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_directory_that_may_only_be_searched_is_served_but_not_listed() {
    let (folder, mut command) = unprivileged("searched", &[("open.txt", 0o644)]);
    let site = folder.join("site");
    // The owner is somebody else if root runs this.
    fs::set_permissions(&site, Permissions::from_mode(0o311)).expect("our own folder");
    let running = Running::start(command.arg("--list").arg(&site));
    let status = |path| running.status_of(path);
    assert_eq!([status("/open.txt"), status("/"), status("/x")], [200, 403, 404]);
    fs::set_permissions(&site, Permissions::from_mode(0o755)).expect("our own folder");
    assert_eq!(status("/"), 200, "it may be listed now");
    fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_directory_that_may_not_be_searched_is_a_mistake() {
    let (folder, mut command) = unprivileged("unsearched", &[("open.txt", 0o644)]);
    let site = folder.join("site");
    fs::set_permissions(&site, Permissions::from_mode(0o644)).expect("our own folder");
    let sentence = refusal(command.arg(&site), 2);
    assert!(sentence.contains("ermission denied"), "{sentence}");
    fs::set_permissions(&site, Permissions::from_mode(0o755)).expect("our own folder");
    fs::remove_dir_all(&folder).expect("our own folder");
}
