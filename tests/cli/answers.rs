//! What clients are answered, as the options say.

use super::*;

#[test]
fn without_options_the_answer_is_the_text_that_it_always_was() {
    let (head, body) = Running::start(&mut oneloop()).answer();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    assert_eq!(body, b"This is the server respose! :)\n");
}

#[test]
fn text_status_and_headers_reach_the_client() {
    let mut command = oneloop();
    command.args(["-t", "Back søøn", "--status", "503", "-H", "Retry-After: 60", "-H", "X-B:c"]);
    let (head, body) = Running::start(&mut command).answer();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("\r\nRetry-After: 60\r\n") && head.contains("\r\nX-B: c\r\n"), "{head}");
    assert_eq!(body, "Back søøn\n".as_bytes());
}

#[test]
fn a_content_type_given_replaces_the_usual_one() {
    let mut command = oneloop();
    command.args(["-t", "{}", "-H", "content-type: application/json"]);
    let (head, _) = Running::start(&mut command).answer();
    let head = head.to_ascii_lowercase();
    assert_eq!(head.matches("\r\ncontent-type:").count(), 1, "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
}

#[test]
fn a_file_is_answered_byte_for_byte_with_the_type_of_its_name() {
    let content = b"<p>\xc3\xa9\0\r\n\xff, no line feed at the end";
    for (name, content_type) in [
        ("cli-answer.html", "text/html; charset=utf-8"),
        ("cli-answer.png", "image/png"),
        ("cli-answer", "application/octet-stream"),
    ] {
        let path = file(name, content);
        let (head, body) = Running::start(oneloop().args(["--file", &path])).answer();
        assert!(head.contains(&format!("\r\nContent-Type: {content_type}\r\n")), "{head}");
        assert_eq!(body, content);
    }
}

#[test]
fn a_file_named_hyphen_is_standard_input() {
    let path = file("cli-standard-input", b"piped");
    let input = fs::File::open(path).expect("the file just written");
    let (head, body) = Running::start(oneloop().args(["--file", "-"]).stdin(input)).answer();
    assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    assert_eq!(body, b"piped");
}

#[test]
fn the_environment_says_what_arguments_do_not() {
    let mut command = oneloop();
    command
        .env("ONELOOP_LISTEN", "127.0.0.1:0 127.0.0.1:0")
        .env("ONELOOP_TEXT", "from the environment")
        .env("ONELOOP_STATUS", "404")
        .env("ONELOOP_HEADER", "X-A: b\nX-C: d\n")
        .env("ONELOOP_STRICT", "1");
    let mut running = Running::launch(&mut command);
    let addresses = addresses(&running.wait_for_line("listening on "));
    assert_eq!(addresses.len(), 2);
    running.address = addresses[1];
    let (head, body) = running.answer();
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(head.contains("\r\nX-A: b\r\n") && head.contains("\r\nX-C: d\r\n"), "{head}");
    assert_eq!(body, b"from the environment\n");
}

#[test]
fn arguments_win_over_the_environment() {
    let path = file("cli-environment.txt", b"file");
    let mut command = oneloop();
    command.env("ONELOOP_TEXT", "environment").args(["-t", "argument"]);
    assert_eq!(Running::start(&mut command).answer().1, b"argument\n");
    let mut command = oneloop();
    command.env("ONELOOP_TEXT", "environment").args(["--file", &path]);
    assert_eq!(Running::start(&mut command).answer().1, b"file");
    let mut command = oneloop();
    command.env("ONELOOP_FILE", &path).args(["-t", "argument"]);
    assert_eq!(Running::start(&mut command).answer().1, b"argument\n");
}

#[test]
fn a_strict_server_answers_what_is_no_request_with_an_error() {
    for (arguments, expected) in [(&[][..], "This is the server respose"), (&["--strict"], " 400 ")]
    {
        let running = Running::start(oneloop().args(arguments));
        let mut stream = TcpStream::connect(running.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(b"\x01 is no method\r\n\r\n").expect("noise sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer and the end of it");
        assert!(answer.contains(expected), "{arguments:?}: {answer}");
    }
}
