//! A page that lists a directory: sorted by links, readable without script, names escaped.
//!
//! A page is kept for a second, because making one looks at every file of the directory. So a
//! client that asks for nothing else holds up the others once a second at the most.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::Arc;

use super::failure::Failure;
use super::files::Moment;
use super::identity::CHECK_EVERY;
use super::path::{DotFiles, encode, escape, is_shown};
use super::root::{Entry, Kind, More, Root};
use crate::http::date;
use crate::time::Time;

/// The most entries on a page; of the others only the number is said. Looking at so many takes a
/// few milliseconds, during which nobody is served.
const ENTRIES_MAX: usize = 2000;

/// How many pages are kept. The longest is about half a megabyte.
const PAGES_MAX: usize = 16;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;\
    padding:0 1em}table{border-collapse:collapse;width:100%}th,td{text-align:left;\
    padding:.2em .8em .2em 0;border-bottom:1px solid #8884}td+td,th+th{text-align:right;\
    white-space:nowrap}td:first-child{word-break:break-word}:root{color-scheme:light dark}";

/// The pages that have been made within the last second.
#[derive(Debug, Default)]
pub(super) struct Listings {
    pages: Vec<Page>,
}

#[derive(Debug)]
struct Page {
    name: Box<[u8]>,
    order: Order,
    made: Time,
    html: Arc<[u8]>,
}

/// How a page is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    column: Column,
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Size,
    Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

impl Order {
    /// What the query asks for: `sort=name`, `size` or `date`, and `order=asc` or `desc`. By name,
    /// if it asks for nothing that there is.
    pub(super) fn of(query: Option<&str>) -> Order {
        let mut order = Order { column: Column::Name, direction: Direction::Ascending };
        for part in query.unwrap_or_default().split('&') {
            match part {
                "sort=name" => order.column = Column::Name,
                "sort=size" => order.column = Column::Size,
                "sort=date" => order.column = Column::Date,
                "order=asc" => order.direction = Direction::Ascending,
                "order=desc" => order.direction = Direction::Descending,
                _ => {}
            }
        }
        order
    }

    /// Directories first, then by the column, and by name where that is the same.
    fn compare(self, one: &Entry, other: &Entry) -> Ordering {
        let by_column = match self.column {
            Column::Name => one.name.cmp(&other.name),
            Column::Size => one.identity.bytes.cmp(&other.identity.bytes),
            Column::Date => one.identity.cmp_modified(&other.identity),
        };
        let directed = match self.direction {
            Direction::Ascending => by_column,
            Direction::Descending => by_column.reverse(),
        };
        one.kind.cmp(&other.kind).then(directed).then_with(|| one.name.cmp(&other.name))
    }
}

impl Listings {
    /// The page for the directory `name`, which is empty or ends in a slash.
    pub(super) fn page(
        &mut self,
        root: &Root,
        name: &[u8],
        order: Order,
        dot_files: DotFiles,
        moment: Moment,
    ) -> Result<Arc<[u8]>, Failure> {
        self.pages.retain(|page| moment.now.since(page.made) < CHECK_EVERY);
        let kept = self.pages.iter().find(|page| *page.name == *name && page.order == order);
        if let Some(page) = kept {
            return Ok(Arc::clone(&page.html));
        }
        let is_shown = |entry: &[u8]| is_shown(entry, name.is_empty(), dot_files);
        let (mut entries, more) = root.entries(name, ENTRIES_MAX, is_shown)?;
        entries.sort_unstable_by(|one, other| order.compare(one, other));
        let html: Arc<[u8]> = html(name, &entries, more, order, moment).into_bytes().into();
        if self.pages.len() == PAGES_MAX {
            self.pages.remove(0);
        }
        let page = Page { name: name.into(), order, made: moment.now, html: Arc::clone(&html) };
        self.pages.push(page);
        Ok(html)
    }
}

fn html(name: &[u8], entries: &[Entry], more: More, order: Order, moment: Moment) -> String {
    let mut page = String::new();
    let mut title = String::from("/");
    escape(name, &mut title);
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    // Writing to a string cannot fail, here and below.
    let _ = write!(page, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n");
    let _ = write!(page, "<h1>{title}</h1>\n<table>\n<thead><tr>");
    for (column, key, label) in [
        (Column::Name, "name", "Name"),
        (Column::Size, "size", "Size"),
        (Column::Date, "date", "Modified (GMT)"),
    ] {
        heading(&mut page, order, column, key, label);
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    if !name.is_empty() {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for entry in entries {
        row(&mut page, entry, moment);
    }
    page.push_str("</tbody>\n</table>\n");
    let _ = match more {
        More::Exactly(0) => Ok(()),
        More::Exactly(more) => writeln!(page, "<p>{more} more are not shown.</p>"),
        More::AtLeast(more) => writeln!(page, "<p>More than {more} more are not shown.</p>"),
    };
    page.push_str("</body>\n</html>\n");
    page
}

/// A column's heading: a link that sorts by it, the other way round if the page is sorted so.
fn heading(page: &mut String, order: Order, column: Column, key: &str, label: &str) {
    let (sorted, next) = match (order.column == column, order.direction) {
        (true, Direction::Ascending) => (" aria-sort=\"ascending\"", "desc"),
        (true, Direction::Descending) => (" aria-sort=\"descending\"", "asc"),
        (false, _) => ("", "asc"),
    };
    let arrow = match (sorted.is_empty(), next) {
        (true, _) => "",
        (false, "desc") => " \u{2191}",
        (false, _) => " \u{2193}",
    };
    let link = format!("?sort={key}&amp;order={next}");
    let _ = write!(page, "<th{sorted}><a href=\"{link}\">{label}</a>{arrow}</th>");
}

fn row(page: &mut String, entry: &Entry, moment: Moment) {
    let mut link = Vec::new();
    encode(&entry.name, &mut link);
    let link = String::from_utf8(link).expect("what is encoded is ASCII");
    let slash = if entry.kind == Kind::Directory { "/" } else { "" };
    let _ = write!(page, "<tr><td><a href=\"{link}{slash}\">");
    escape(&entry.name, page);
    let size = match entry.kind {
        Kind::Directory => String::new(),
        Kind::File => size(entry.identity.bytes),
    };
    // `Sun, 06 Nov 1994 08:49:37 GMT`, without the day's name and the seconds.
    let modified = date::format(entry.identity.modified(moment.date));
    let modified = modified.get(5..22).unwrap_or_default();
    let _ = writeln!(page, "{slash}</a></td><td>{size}</td><td>{modified}</td></tr>");
}

/// A size as people read it: three digits and a unit.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut rest = bytes;
    // Up to the unit of which there are less than 1,024.
    while rest >= 1024 * 1024 {
        rest /= 1024;
        unit += 1;
    }
    match rest < 10 * 1024 {
        true => format!("{}.{} {}", rest / 1024, rest % 1024 * 10 / 1024, UNITS[unit]),
        false => format!("{} {}", rest / 1024, UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 * 1024 - 1, "9.9 KiB"),
            (10 * 1024, "10 KiB"),
            (1024 * 1024 - 1, "1023 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn the_query_says_how_to_sort_and_nonsense_says_nothing() {
        let order = |column, direction| Order { column, direction };
        for (query, expected) in [
            (None, order(Column::Name, Direction::Ascending)),
            (Some(""), order(Column::Name, Direction::Ascending)),
            (Some("sort=size"), order(Column::Size, Direction::Ascending)),
            (Some("order=desc&sort=date"), order(Column::Date, Direction::Descending)),
            (Some("sort=date&x=1&order=asc"), order(Column::Date, Direction::Ascending)),
            (Some("sort=%3Cscript%3E&order"), order(Column::Name, Direction::Ascending)),
        ] {
            assert_eq!(Order::of(query), expected, "{query:?}");
        }
    }
}
