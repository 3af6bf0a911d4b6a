//! The page and what belongs to it, as they are built into the program.
//!
//! They need nothing from other sites, and the policy that is sent with them allows nothing from
//! there.

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) text: &'static str,
}

impl Part {
    /// The part at this path.
    pub(super) fn at(path: &str) -> Option<Part> {
        PARTS.into_iter().find(|part| part.path == path)
    }

    /// Whether it is what others may lead to: the page itself.
    pub(super) fn is_page(self) -> bool {
        self.path == "/"
    }
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them: the page, how it looks, and what it does.
const PARTS: [Part; 11] = [
    Part { path: "/", content_type: HTML, text: include_str!("page/page.html") },
    Part { path: "/page.css", content_type: STYLE, text: include_str!("page/page.css") },
    Part { path: "/figures.css", content_type: STYLE, text: include_str!("page/figures.css") },
    Part { path: "/page.js", content_type: SCRIPT, text: include_str!("page/page.js") },
    Part { path: "/client.js", content_type: SCRIPT, text: include_str!("page/client.js") },
    Part { path: "/diagram.js", content_type: SCRIPT, text: include_str!("page/diagram.js") },
    Part { path: "/figures.js", content_type: SCRIPT, text: include_str!("page/figures.js") },
    Part { path: "/grid.js", content_type: SCRIPT, text: include_str!("page/grid.js") },
    Part { path: "/live.js", content_type: SCRIPT, text: include_str!("page/live.js") },
    Part { path: "/queue.js", content_type: SCRIPT, text: include_str!("page/queue.js") },
    Part { path: "/words.js", content_type: SCRIPT, text: include_str!("page/words.js") },
];
