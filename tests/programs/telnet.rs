//! A person with telnet.

use super::*;

#[test]
fn telnet_gets_the_text_about_a_second_after_a_line_and_one_enter() {
    let Some(telnet) = TELNET.find(telnet_gets_the_text_about_a_second_after_a_line_and_one_enter)
    else {
        return;
    };
    let server = Server::start(&[]);
    let mut telnet = Program::start(&mut telnet_to(&telnet, &server));
    telnet.hear("Connected");
    let typed = Instant::now();
    telnet.say("GET /hello HTTP/1.1\n");
    telnet.hear(TEXT.trim_end());
    let waited = typed.elapsed();
    assert!(GRACE.contains(&waited), "answered after {waited:?}");
    assert_closed_by_server(telnet.finish());
}

#[test]
fn telnet_gets_the_text_at_once_for_what_can_never_be_a_request() {
    let Some(telnet) = TELNET.find(telnet_gets_the_text_at_once_for_what_can_never_be_a_request)
    else {
        return;
    };
    let server = Server::start(&NO_GRACE);
    for line in ["hello\n", "what is this?\n", "\u{7}\n", "GET\n", "<html>\n"] {
        let mut telnet = Program::start(&mut telnet_to(&telnet, &server));
        telnet.say(line);
        telnet.hear(TEXT.trim_end());
        assert_closed_by_server(telnet.finish());
    }
}

#[test]
fn telnet_gets_the_text_at_once_for_every_whole_request_it_types() {
    let Some(telnet) = TELNET.find(telnet_gets_the_text_at_once_for_every_whole_request_it_types)
    else {
        return;
    };
    let server = Server::start(&NO_GRACE);
    let mut telnet = Program::start(&mut telnet_to(&telnet, &server));
    for path in ["/first", "/second"] {
        telnet.say(&format!("GET {path} HTTP/1.1\nHost: here\n\n"));
        telnet.hear(TEXT.trim_end());
        telnet.forget();
    }
    telnet.say("GET /last HTTP/1.1\nHost: here\nConnection: close\n\n");
    telnet.hear(TEXT.trim_end());
    assert_closed_by_server(telnet.finish());
}

#[test]
fn telnet_is_told_in_strict_mode_that_its_request_stopped() {
    let Some(telnet) = TELNET.find(telnet_is_told_in_strict_mode_that_its_request_stopped) else {
        return;
    };
    let server = Server::start(&["--strict", "--head-timeout", "1s"]);
    let mut telnet = Program::start(&mut telnet_to(&telnet, &server));
    telnet.say("GET /hello HTTP/1.1\n");
    telnet.hear("HTTP/1.1 408 ");
    // telnet ends its lines as a terminal does.
    let output = telnet.finish().output.replace('\r', "");
    let (_, body) = output.split_once("\n\n").unwrap();
    assert!(body.trim().len() > 20, "a person can learn something from {body:?}");
}

fn telnet_to(telnet: &Path, server: &Server) -> Command {
    let address = server.address();
    let mut command = Command::new(telnet);
    command.args([address.ip().to_string(), address.port().to_string()]);
    command
}
