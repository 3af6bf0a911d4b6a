//! Content that is sent to a site, which uses none: its answer does not wait for it.

use crate::folder::{Folder, request};
use crate::sockets::{Client, End};

/// Sends this much of a request, and takes the answer.
#[track_caller]
fn refused(client: &mut Client, begun: &str) {
    client.send(begun);
    let answer = client.answer();
    assert_eq!(answer.status, 405, "{begun}");
    assert_eq!(answer.field("Allow"), Some("GET, HEAD, OPTIONS"), "{begun}");
    assert_eq!(answer.field("Connection"), Some("close"), "{begun}");
}

#[test]
fn an_upload_is_refused_by_its_head_however_long_it_is() {
    let folder = Folder::with(&[("a.txt", "hello")]);
    let server = folder.serve();
    for fields in [
        "Content-Length: 1\r\n",
        "Content-Length: 30000000\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nExpect: 100-continue\r\n",
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let mut client = server.connect();
            refused(&mut client, &request(method, "/a.txt", fields));
            assert_eq!(client.end(), End::Closed);
        }
    }
    assert_eq!(server.seen().metrics.continues, 0);
}

#[test]
fn a_refused_upload_takes_no_answer_from_the_requests_before_it() {
    let folder = Folder::with(&[("a.txt", "hello")]);
    let server = folder.serve();
    let mut client = server.connect();
    let upload = request("POST", "/a.txt", "Content-Length: 100\r\n");
    client.send(format!("{}{upload}begun", request("GET", "/a.txt", "")));
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.answer().status, 405);
    // The rest of the content is no request.
    client.send(request("GET", "/a.txt", ""));
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn who_waits_for_leave_to_send_to_a_site_gets_the_answer() {
    let folder = Folder::with(&[("a.txt", "hello")]);
    let server = folder.serve();
    for (method, status) in [("GET", 200), ("OPTIONS", 204)] {
        let mut client = server.connect();
        let fields = "Content-Length: 5\r\nExpect: 100-continue\r\n";
        client.send(request(method, "/a.txt", fields));
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("Connection")), (status, Some("close")));
        client.send("abcde");
        assert_eq!(client.end(), End::Closed);
    }
}

#[test]
fn content_that_comes_with_its_head_costs_no_connection() {
    let folder = Folder::with(&[("a.txt", "hello")]);
    let server = folder.serve();
    let mut client = server.connect();
    for (method, status) in [("POST", 405), ("GET", 200), ("PUT", 405)] {
        let head = request(method, "/a.txt", "Content-Length: 5\r\nExpect: 100-continue\r\n");
        client.send(format!("{head}abcde"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("Connection")), (status, None), "{method}");
    }
    // Content of a GET that comes later is waited for, and not used.
    client.send(request("GET", "/a.txt", "Content-Length: 5\r\n"));
    assert!(!client.hears_now());
    client.send("abcde");
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.get("/a.txt").text(), "hello");
}
