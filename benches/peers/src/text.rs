//! The one text that every measured server answers, so that they all move the same bytes.

/// The body, its spelling included: it is what the original server says.
pub const BODY: &str = "This is the server respose! :)\n";

/// Its type, as every server's configuration states it.
pub const CONTENT_TYPE: &str = "text/plain; charset=utf-8";

/// A body of so many bytes; the text itself if none are asked for.
pub fn body(bytes: Option<usize>) -> String {
    bytes.map_or_else(|| BODY.to_owned(), |len| "x".repeat(len))
}
