//! The faults of routes, as curl sees them.

use super::*;

const README: &str = include_str!("../../src/handlers/routes/README.md");

/// More than the kernel takes of a client whose server does not read.
const UPLOAD_BYTES: usize = 32 << 20;

/// Each line of the README's table, against the exit code beside it.
#[test]
fn curl_ends_at_each_fault_as_the_readme_says() {
    let Some(curl) = CURL.find(curl_ends_at_each_fault_as_the_readme_says) else { return };
    let (_, section) = README.split_once("\n## Faults\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut codes = Vec::new();
    let upload = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults-upload");
    fs::write(&upload, vec![0; UPLOAD_BYTES]).unwrap();
    for row in section.lines().filter(|line| line.starts_with("| `/")) {
        let row = row.replace("\\|", "\0");
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let route = cells[0].trim_matches('`').replace('\0', "|");
        let server = Server::start(&["--route", &route, "--body-max", "64MiB"]);
        let url = server.url(route.split(' ').next().unwrap());
        let mut arguments = vec!["--max-time", "2", "--output", "/dev/null", &url];
        if route.contains("never-read") {
            arguments.extend(["--upload-file", upload.to_str().unwrap()]);
        }
        let ended = Program::start(&mut curl_with(&curl, &arguments)).finish();
        let code = ended.status.code();
        assert_eq!(code.map(|code| code.to_string()).as_deref(), Some(cells[2]), "{row}");
        codes.push(code.unwrap());
    }
    fs::remove_file(upload).unwrap();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [0, 1, 18, 28, 52, 56]);
}
