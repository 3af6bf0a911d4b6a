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

use std::time::{Duration, Instant};

use browser::Browser;
use serde_json::json;

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
    folder: Folder,
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
        Some(Site { server, browser, folder })
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

/// The names that are hard to show on a narrow screen.
const HARD: [&str; 5] = [
    "file11.txt",
    "file2.txt",
    "holidays_in_the_mountains_2024_and_a_very_long_name_that_goes_on.tar.gz",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.bin",
    "annexe\u{202e}txt.exe",
];

/// How many of the names' words are broken: each word that is in more than one line.
const BROKEN_WORDS: &str = "(() => {
    let broken = [];
    for (const name of document.querySelectorAll('tbody bdi')) {
        for (const node of name.childNodes) {
            for (const word of (node.data ?? '').matchAll(/[A-Za-z0-9]+/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                const lines = new Set([...range.getClientRects()].map((part) => part.top));
                if (lines.size !== 1) broken.push(word[0]);
            }
        }
    }
    return broken.join(' ');
})()";

/// A listing of hard names and a folder, on a screen of this width.
fn hard_listing(test: impl Fn(), name: &str, width: u32, scheme: &str) -> Option<Site> {
    let mut site = Site::open(test, name, "/sub/")?;
    for file in HARD {
        std::fs::write(site.folder.path().join("sub").join(file), "x".repeat(5000)).unwrap();
    }
    std::fs::create_dir_all(site.folder.path().join("sub/folder/deeper")).unwrap();
    site.browser.resize(width, 800, 1.0);
    site.browser.prefer(scheme);
    // Not the listing that was made when the site was opened.
    let url = site.server.url("/sub/?q=");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        site.browser.open(&url);
        let rows = site.browser.evaluate("document.querySelectorAll('tbody tr').length");
        if rows == 9 {
            return Some(site);
        }
        assert!(Instant::now() < deadline, "{rows} rows");
    }
}

/// How light the background is, and how light the text, from 0 to 255 each.
fn lightness(browser: &mut Browser) -> (f64, f64) {
    let of = |what: &str| {
        format!("Math.max(...getComputedStyle(document.body).{what}.match(/[0-9]+/g).slice(0, 3))")
    };
    let mut value = |what| browser.evaluate(&of(what)).as_f64().unwrap();
    (value("backgroundColor"), value("color"))
}

/// What holds on every screen: nothing sticks out, no word of a name is broken, and sizes stand
/// right-aligned in one column.
fn assert_is_tidy(browser: &mut Browser, width: u32) {
    let scroll = "document.documentElement.scrollWidth";
    assert!(browser.evaluate(scroll).as_u64().unwrap() <= u64::from(width), "it sticks out");
    assert_eq!(browser.evaluate(BROKEN_WORDS), "");
    let ends = "[...new Set([...document.querySelectorAll('tbody tr:not(.d):not(.up) \
                td:nth-child(2)')].map(cell => { const range = document.createRange(); \
                range.selectNodeContents(cell); return Math.round(range.getBoundingClientRect()\
                .right); }))].length";
    assert_eq!(browser.evaluate(ends), 1, "sizes end at the same place");
    let names = "[...document.querySelectorAll('tbody bdi')].map(name => name.textContent)\
                 .slice(0, 3).join('|')";
    assert_eq!(browser.evaluate(names), "folder|a & b <c>.txt|annexeU+202Etxt.exe");
    assert_no_complaints(browser);
}

fn shows(browser: &mut Browser, selector: &str) -> bool {
    let display = format!("getComputedStyle(document.querySelector('{selector}')).display");
    browser.evaluate(&display) != "none"
}

#[test]
fn a_listing_is_tidy_on_a_wide_screen_in_light_colours() {
    let test = a_listing_is_tidy_on_a_wide_screen_in_light_colours;
    let Some(mut site) = hard_listing(test, "listing-wide", 1280, "light") else { return };
    let browser = &mut site.browser;
    assert_is_tidy(browser, 1280);
    let (background, text) = lightness(browser);
    assert!(background > 240.0 && text < 80.0, "{background} and {text}");
    assert!(shows(browser, "tbody td:nth-child(3)"), "there is room for dates");
    let gap = "(() => { const cells = document.querySelectorAll('thead th'); return \
               cells[1].getBoundingClientRect().right - cells[0].getBoundingClientRect().right; \
               })()";
    assert!(browser.evaluate(gap).as_f64().unwrap() < 200.0, "sizes stand beside the names");
}

#[test]
fn a_listing_is_tidy_on_a_wide_screen_in_dark_colours() {
    let test = a_listing_is_tidy_on_a_wide_screen_in_dark_colours;
    let Some(mut site) = hard_listing(test, "listing-wide-dark", 1280, "dark") else { return };
    assert_is_tidy(&mut site.browser, 1280);
    let (background, text) = lightness(&mut site.browser);
    assert!(background < 60.0 && text > 200.0, "{background} and {text}");
}

#[test]
fn a_listing_is_tidy_on_a_telephone_in_light_colours() {
    let test = a_listing_is_tidy_on_a_telephone_in_light_colours;
    let Some(mut site) = hard_listing(test, "listing-narrow", 390, "light") else { return };
    assert_is_tidy(&mut site.browser, 390);
    assert!(!shows(&mut site.browser, "tbody td:nth-child(3)"), "there is no room for dates");
    let (background, text) = lightness(&mut site.browser);
    assert!(background > 240.0 && text < 80.0, "{background} and {text}");
}

#[test]
fn a_listing_is_tidy_on_a_telephone_in_dark_colours_and_its_filter_needs_no_script() {
    let test = a_listing_is_tidy_on_a_telephone_in_dark_colours_and_its_filter_needs_no_script;
    let Some(mut site) = hard_listing(test, "listing-narrow-dark", 390, "dark") else { return };
    let browser = &mut site.browser;
    assert_is_tidy(browser, 390);
    let (background, text) = lightness(browser);
    assert!(background < 60.0 && text > 200.0, "{background} and {text}");
    browser.open(&site.server.url("/sub/?sort=name&order=desc"));
    browser.order("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    browser.evaluate("document.querySelector('input[name=q]').focus()");
    browser.order("Input.insertText", json!({ "text": "FILE" }));
    let enter = json!({ "type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r",
        "windowsVirtualKeyCode": 13 });
    browser.order("Input.dispatchKeyEvent", enter);
    browser.await_page("location.search === '?sort=name&order=desc&q=FILE'");
    let names = "[...document.querySelectorAll('tbody bdi')].map(it => it.textContent).join('|')";
    assert_eq!(browser.evaluate(names), "file11.txt|file2.txt");
    let filter = browser.evaluate("document.querySelector('input[name=q]').value");
    assert_eq!(filter, "FILE");
    // A link of the path leads up.
    let up = browser.evaluate("document.querySelector('h1 a').href");
    assert_eq!(up, site.server.url("/"));
}

#[test]
fn an_error_is_a_calm_page_in_both_colours() {
    let test = an_error_is_a_calm_page_in_both_colours;
    let Some(mut site) = Site::open(test, "browser-error", "/") else { return };
    let browser = &mut site.browser;
    for (scheme, is_dark) in [("light", false), ("dark", true)] {
        browser.prefer(scheme);
        browser.resize(390, 800, 1.0);
        browser.open(&site.server.url("/nothing/here.html"));
        assert_eq!(browser.evaluate("document.querySelector('h1').textContent"), "404 Not Found");
        let (background, text) = lightness(browser);
        assert_eq!(background < text, is_dark, "{background} and {text}");
        let scroll = browser.evaluate("document.documentElement.scrollWidth");
        assert!(scroll.as_u64().unwrap() <= 390);
    }
    let start = browser.evaluate("document.querySelector('p a').href");
    assert_eq!(start, site.server.url("/"));
}
