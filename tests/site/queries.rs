//! A query decides nothing in a site, however it is written.

use crate::folder::Folder;

#[test]
fn percent_signs_in_a_query_are_sent_as_a_person_typed_them() {
    let folder = Folder::with(&[("index.html", "the index"), ("a.txt", "a"), ("sub/x", "")]);
    let server = folder.serve();
    let mut client = server.connect();
    for query in ["q=100%", "a=%zz", "u=%u20AC", "%", "%4", "50%off&b=%41", "a?b=%"] {
        assert_eq!(client.get(&format!("/a.txt?{query}")).text(), "a", "{query}");
        assert_eq!(client.get(&format!("/?{query}")).text(), "the index", "{query}");
        let answer = client.get(&format!("/sub?{query}"));
        let location = format!("/sub/?{query}");
        assert_eq!((answer.status, answer.field("Location")), (308, Some(location.as_str())));
    }
    for target in ["/a.txt%", "/%zz?q", "/a.txt#top", "/a.txt?q#top", "/a.txt?100%#top"] {
        assert_eq!(server.connect().get(target).status, 400, "{target}");
    }
}
