//! A small site with sub-resources, and the listing of a directory, in a real browser.
//!
//! Where there is no Chromium these tests say `NOT RUN`.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/needed.rs"]
mod needed;
mod support;

use browser::Browser;
use needed::{CHROMIUM, Folder};
use support::Server;

/// A page that is only complete with its style, its script, its picture and what that script
/// fetches.
const FILES: [(&str, &str); 6] = [
    (
        "index.html",
        "<!DOCTYPE html><html lang=en><title>A site</title><link rel=stylesheet href=style.css>\
         <script src=script.mjs type=module></script><h1 id=title>A site</h1>\
         <img id=picture src=sub/picture.svg alt=''><p id=fetched></p>",
    ),
    ("style.css", "h1 { color: rgb(1, 2, 3); }"),
    (
        "script.mjs",
        "const answer = await fetch('data.json');\n\
         document.getElementById('fetched').textContent = (await answer.json()).word;\n",
    ),
    ("data.json", "{\"word\": \"fetched\"}"),
    (
        "sub/picture.svg",
        "<svg xmlns='http://www.w3.org/2000/svg' width='70' height='30'>\
         <rect width='70' height='30' fill='teal'/></svg>",
    ),
    ("sub/a & b <c>.txt", "a name that has to be escaped"),
];

struct Site {
    server: Server,
    browser: Browser,
    _folder: Folder,
}

impl Site {
    /// Unless there is no browser: then says so in the name of `test`.
    fn open(test: impl Fn(), name: &str, path: &str) -> Option<Site> {
        let program = CHROMIUM.find(test)?;
        let folder = Folder::new(name);
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for (file, content) in FILES {
            std::fs::write(folder.path().join(file), content).unwrap();
        }
        let server = Server::start(&[folder.path().to_str().unwrap(), "--list"]);
        let mut browser = Browser::start(&program, 800, 600);
        browser.open(&server.url(path));
        Some(Site { server, browser, _folder: folder })
    }
}

/// The site has no icon, which browsers ask for unasked, and say that they have none.
fn assert_no_complaints(browser: &mut Browser) {
    let complaints = browser.complaints().iter().filter(|it| !it.text.contains("/favicon.ico"));
    let complaints: Vec<_> = complaints.collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn a_browser_shows_a_page_with_all_that_belongs_to_it() {
    let test = a_browser_shows_a_page_with_all_that_belongs_to_it;
    let Some(mut site) = Site::open(test, "browser-site", "/") else { return };
    let browser = &mut site.browser;
    browser.await_true("document.getElementById('fetched').textContent === 'fetched'");
    browser.await_true("document.getElementById('picture').naturalWidth === 70");
    let color = "getComputedStyle(document.getElementById('title')).color";
    assert_eq!(browser.evaluate(color), "rgb(1, 2, 3)");
    assert_eq!(browser.text("title"), "A site");
    // What the browser found connecting to take, once it had: nothing. It kept its connections.
    let kept = "performance.getEntriesByType('resource').filter(it => it.connectEnd === \
                it.connectStart).length >= 2";
    browser.await_true(kept);
    // Again: what has not changed is not sent again, and is shown all the same.
    browser.open(&site.server.url("/"));
    browser.await_true("document.getElementById('fetched').textContent === 'fetched'");
    browser.await_true("document.getElementById('picture').naturalWidth === 70");
    assert_no_complaints(browser);
}

#[test]
fn a_browser_shows_a_listing_and_follows_its_links() {
    let test = a_browser_shows_a_listing_and_follows_its_links;
    let Some(mut site) = Site::open(test, "browser-listing", "/sub") else { return };
    let browser = &mut site.browser;
    assert_eq!(browser.evaluate("location.pathname"), "/sub/");
    let links = "[...document.querySelectorAll('tbody a')].map(link => link.textContent).join('|')";
    assert_eq!(browser.evaluate(links), "../|a & b <c>.txt|picture.svg");
    // As the browser reads the link; a click would leave the page while it is still being asked.
    let target = browser.evaluate("[...document.querySelectorAll('tbody a')][1].href");
    browser.open(target.as_str().unwrap());
    browser.await_true("document.body?.innerText === 'a name that has to be escaped'");
    browser.open(&site.server.url("/sub/?sort=size&order=desc"));
    assert_eq!(browser.evaluate(links), "../|picture.svg|a & b <c>.txt");
    assert_no_complaints(browser);
}
