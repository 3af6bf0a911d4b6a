//! The HTML of a directory's page.

use std::fmt::Write;

use super::super::html;
use super::super::path::{encode, encoded_bytes};
use super::super::root::Kind;
use super::list::{Entry, List, Remaining, SHOWN_MAX, Shown};
use super::view::{Column, Direction, Order, View};
use crate::http::date;

/// The longest page, in bytes. Of a directory with long names fewer entries are shown.
pub(super) const BYTES_MAX: usize = 512 * 1024;

/// Room for what is around the rows: a style, the path twice, each of whose bytes may become twelve,
/// the filter four times, and what is said of the rest.
const FRAME_BYTES_MAX: usize = 96 * 1024;

/// How many directories above this one the path leads to: their links grow with its depth.
const LINKS_UP_MAX: usize = 32;

/// What is around the two names in a row, at least.
const ROW_BYTES_MIN: usize = 60;

/// What is known of a directory, for its page.
#[derive(Debug)]
pub(super) struct Known<'k> {
    /// Ends in a slash, or is empty.
    pub(super) name: &'k [u8],
    pub(super) list: &'k List,
    pub(super) remaining: Remaining,
    pub(super) looked_at: usize,
}

/// What rows may take, in bytes.
pub(super) const ROWS_BYTES_MAX: usize = BYTES_MAX - FRAME_BYTES_MAX;

/// What an entry's row takes at least, in bytes.
pub(super) fn row_bytes_min(entry: Entry<'_>) -> usize {
    ROW_BYTES_MIN + encoded_bytes(entry.name) + entry.name.len()
}

/// The page.
pub(super) fn page(known: &Known<'_>, view: &View) -> String {
    let mut shown = known.list.first(view.order, &view.folded_filter(), SHOWN_MAX);
    let mut rows = String::new();
    for (count, entry) in shown.entries.iter().enumerate() {
        let before = rows.len();
        row(&mut rows, *entry);
        if rows.len() > ROWS_BYTES_MAX {
            rows.truncate(before);
            shown.entries.truncate(count);
            break;
        }
    }
    let mut page = String::with_capacity(rows.len() + FRAME_BYTES_MAX / 8);
    let title = [b"/", known.name].concat();
    html::begin(&title, &mut page);
    path(&mut page, known.name);
    form(&mut page, known, view);
    notes(&mut page, known, view, &shown);
    page.push_str("<table>\n<thead><tr>");
    for (column, label) in
        [(Column::Name, "Name"), (Column::Size, "Size"), (Column::Date, "Modified (GMT)")]
    {
        heading(&mut page, view, column, label);
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    if !known.name.is_empty() {
        page.push_str("<tr class=\"up\"><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    page.push_str(&rows);
    page.push_str("</tbody>\n</table>\n");
    page.push_str(html::END);
    page
}

/// The page of a directory that cannot be read any more.
pub(super) fn unreadable(name: &[u8]) -> String {
    let mut page = String::new();
    html::begin(&[b"/", name].concat(), &mut page);
    path(&mut page, name);
    page.push_str("<p class=\"note\">This directory cannot be read any more.</p>\n");
    page.push_str(html::END);
    page
}

/// The directory's path, each part of which leads to its directory.
fn path(page: &mut String, name: &[u8]) {
    let parts: Vec<&[u8]> = name.split(|byte| *byte == b'/').filter(|it| !it.is_empty()).collect();
    page.push_str("<h1>");
    let link = |page: &mut String, up: usize, label: &dyn Fn(&mut String)| {
        page.push_str("<a href=\"");
        page.push_str(&"../".repeat(up));
        page.push_str("\">");
        label(page);
        page.push_str("</a>");
    };
    match parts.len() {
        0 => page.push('/'),
        depth => link(page, depth, &|page| page.push('/')),
    }
    for (place, part) in parts.iter().enumerate() {
        let label = |page: &mut String| {
            page.push_str("<bdi>");
            html::show(part, page);
            page.push_str("</bdi>");
        };
        match parts.len() - 1 - place {
            up @ 1..=LINKS_UP_MAX => link(page, up, &label),
            _ => label(page),
        }
        page.push('/');
    }
    page.push_str("</h1>\n");
}

/// The filter, which keeps the order, and how many entries there are.
fn form(page: &mut String, known: &Known<'_>, view: &View) {
    page.push_str("<form role=\"search\">");
    if view.order != Order::BY_NAME {
        for part in view.order.query().split("&amp;") {
            let (name, value) = part.split_once('=').expect("an order has two parts");
            let _ = write!(page, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
        }
    }
    page.push_str("<input type=\"search\" name=\"q\" value=\"");
    html::escape_value(&view.filter, page);
    page.push_str("\" placeholder=\"Filter names\" aria-label=\"Filter names\">");
    page.push_str("<button>Filter</button>");
    let directories = known.list.directories();
    let files = known.list.len() - directories;
    if known.remaining == Remaining::Nothing && known.list.left_out == 0 {
        page.push_str("<span>");
        count(page, directories, "folder");
        page.push_str(", ");
        count(page, files, "file");
        page.push_str("</span>");
    }
    page.push_str("</form>\n");
}

/// What is not shown, and why.
fn notes(page: &mut String, known: &Known<'_>, view: &View, shown: &Shown<'_>) {
    if known.remaining == Remaining::Unreadable {
        note(page, "The directory could not be read to its end.");
    }
    let all = known.list.len() + known.list.left_out;
    if known.remaining == Remaining::TooMuch {
        note(
            page,
            &format!(
                "This directory is too large. Only its first {} entries were looked at, as the \
                 file system gives them.",
                thousands(known.looked_at)
            ),
        );
    }
    let is_filtered = !view.filter.is_empty();
    if is_filtered {
        let mut text = match shown.matching {
            0 => String::from("No name contains this."),
            1 => String::from("1 name contains this."),
            many => format!("{} names contain this.", thousands(many)),
        };
        if known.list.left_out > 0 {
            let kept = thousands(known.list.len());
            let _ = write!(text, " The filter knows {kept} of {} entries.", thousands(all));
        }
        let _ = write!(text, " <a href=\"?{}\">Show all</a>", view.order.query());
        note(page, &text);
    }
    let (count, of) = (shown.entries.len(), if is_filtered { shown.matching } else { all });
    if count < of {
        let text = format!(
            "These are the first {} of {}, {}. {} more are not shown.",
            thousands(count),
            thousands(of),
            by(view.order),
            thousands(of - count)
        );
        note(page, &text);
    }
}

fn note(page: &mut String, text: &str) {
    let _ = writeln!(page, "<p class=\"note\">{text}</p>");
}

/// How people say an order.
fn by(order: Order) -> &'static str {
    match (order.column, order.direction) {
        (Column::Name, Direction::Ascending) => "by name",
        (Column::Name, Direction::Descending) => "by name, last first",
        (Column::Size, Direction::Ascending) => "smallest first",
        (Column::Size, Direction::Descending) => "largest first",
        (Column::Date, Direction::Ascending) => "oldest first",
        (Column::Date, Direction::Descending) => "newest first",
    }
}

fn count(page: &mut String, number: usize, what: &str) {
    let _ = write!(page, "{} {what}{}", thousands(number), if number == 1 { "" } else { "s" });
}

/// A column's heading: a link that sorts by it, the other way round if the page is sorted so.
fn heading(page: &mut String, view: &View, column: Column, label: &str) {
    let (sorted, arrow, direction) = match (view.order.column == column, view.order.direction) {
        (true, Direction::Ascending) => {
            (" aria-sort=\"ascending\"", " \u{2191}", Direction::Descending)
        }
        (true, Direction::Descending) => {
            (" aria-sort=\"descending\"", " \u{2193}", Direction::Ascending)
        }
        (false, _) => ("", "", Direction::Ascending),
    };
    let query = Order { column, direction }.query();
    let _ = write!(page, "<th{sorted}><a href=\"?{query}");
    if !view.filter.is_empty() {
        page.push_str("&amp;q=");
        push_encoded(page, view.filter.as_bytes());
    }
    let _ = write!(page, "\">{label}</a>{arrow}</th>");
}

fn row(page: &mut String, entry: Entry<'_>) {
    let slash = if entry.served.kind == Kind::Directory { "/" } else { "" };
    page.push_str(match entry.served.kind {
        Kind::Directory => "<tr class=\"d\"><td><a href=\"",
        Kind::File => "<tr><td><a href=\"",
    });
    push_encoded(page, entry.name);
    page.push_str(slash);
    if html::is_wide(entry.name) {
        page.push_str("\" title=\"");
        html::escape(entry.name, page);
    }
    page.push_str("\"><bdi>");
    html::show(entry.name, page);
    page.push_str("</bdi>");
    page.push_str(slash);
    page.push_str("</a></td><td>");
    if entry.served.kind == Kind::File {
        push_size(page, entry.served.bytes);
    }
    page.push_str("</td><td>");
    if let Some(modified) = entry.served.modified.date() {
        // `Sun, 06 Nov 1994 08:49:37 GMT`, without the day's name and the seconds.
        page.push_str(date::format(modified).get(5..22).unwrap_or_default());
    }
    page.push_str("</td></tr>\n");
}

fn push_encoded(page: &mut String, name: &[u8]) {
    let mut link = Vec::new();
    encode(name, &mut link);
    page.push_str(str::from_utf8(&link).expect("what is encoded is ASCII"));
}

/// A size as people read it: three digits and a unit.
fn push_size(page: &mut String, bytes: u64) {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let _ = if bytes < 1024 {
        write!(page, "{bytes} B")
    } else {
        let mut unit = 0;
        let mut remaining = bytes;
        // Up to the unit of which there are less than 1,024.
        while remaining >= 1024 * 1024 {
            remaining /= 1024;
            unit += 1;
        }
        match remaining < 10 * 1024 {
            true => write!(
                page,
                "{}.{} {}",
                remaining / 1024,
                remaining % 1024 * 10 / 1024,
                UNITS[unit]
            ),
            false => write!(page, "{} {}", remaining / 1024, UNITS[unit]),
        }
    };
}

/// A number with commas between its thousands.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::directory::Served;
    use super::super::super::identity::Stamp;
    use super::*;

    fn list(names: impl Iterator<Item = Vec<u8>>) -> List {
        let mut list = List::default();
        let served = Served { kind: Kind::File, bytes: 0, modified: Stamp::default() };
        list.merge(names.map(|name| (name.into(), served)));
        list
    }

    fn shown(name: &str, list: &List, query: &str) -> String {
        let looked_at = list.len() + list.left_out;
        let known = Known { name: name.as_bytes(), list, remaining: Remaining::Nothing, looked_at };
        page(&known, &View::of(Some(query)))
    }

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
            let mut text = String::new();
            push_size(&mut text, bytes);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn large_numbers_have_commas() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (1_000_007, "1,000,007"),
        ] {
            assert_eq!(thousands(number), expected);
        }
    }

    #[test]
    fn a_path_leads_to_each_directory_above() {
        let path = |name: &[u8]| {
            let mut page = String::new();
            path(&mut page, name);
            page
        };
        assert_eq!(path(b""), "<h1>/</h1>\n");
        assert_eq!(
            path(b"a&b/c d/e/"),
            "<h1><a href=\"../../../\">/</a><a href=\"../../\"><bdi>a&amp;b</bdi></a>/\
             <a href=\"../\"><bdi>c d</bdi></a>/<bdi>e</bdi>/</h1>\n"
        );
        let deep = path(&b"x/".repeat(2000));
        assert!(deep.len() < 64 * 1024, "{} bytes", deep.len());
    }

    #[test]
    fn a_filter_and_an_order_stay_with_each_other() {
        let list = list(["foo", "bar\"<"].map(|name| name.as_bytes().to_vec()).into_iter());
        let page = shown("", &list, "sort=size&order=desc&q=%22%3C%26");
        assert!(page.contains("<input type=\"hidden\" name=\"sort\" value=\"size\">"), "{page}");
        assert!(page.contains("<input type=\"hidden\" name=\"order\" value=\"desc\">"), "{page}");
        assert!(page.contains("name=\"q\" value=\"&quot;&lt;&amp;\""), "{page}");
        assert!(page.contains("?sort=name&amp;order=asc&amp;q=%22%3C%26\""), "{page}");
        assert!(page.contains("No name contains this."), "{page}");
        let page = shown("", &list, "q=FO");
        assert!(page.contains("1 name contains this.") && page.contains(">foo<"), "{page}");
        assert!(!page.contains("bar") && page.contains("0 folders, 2 files"), "{page}");
    }

    #[test]
    fn a_page_is_bounded_whatever_the_names_and_says_at_its_top_what_is_missing() {
        for byte in [b'&', 0xff, b'x'] {
            let name = |number: usize| [format!("{number:04}").as_bytes(), &[byte; 251]].concat();
            let list = list((0..2500).map(name));
            let deep = String::from_utf8([&[byte; 4000][..], b"/"].concat());
            let page = shown(&deep.unwrap_or_default(), &list, "q=&sort=name");
            assert!(page.len() <= BYTES_MAX, "{} bytes", page.len());
            let rows = page.matches("<tr><td>").count();
            assert!((50..1000).contains(&rows), "{rows} rows");
            let said = format!(
                "These are the first {rows} of 2,500, by name. {} more are not shown.",
                thousands(2500 - rows)
            );
            let top = page.find(&said).expect("it says so");
            assert!(top < page.find("<table>").expect("a table"), "it says so at the top");
            assert!(page.ends_with("</html>\n"));
        }
    }

    #[test]
    fn what_was_not_looked_at_or_not_kept_is_said() {
        let mut list = list([b"a".to_vec()].into_iter());
        let mut known =
            Known { name: b"", list: &list, remaining: Remaining::TooMuch, looked_at: 5000 };
        let whole = page(&known, &View::of(None));
        assert!(whole.contains("Only its first 5,000 entries were looked at"), "{whole}");
        known.remaining = Remaining::Unreadable;
        let broken = page(&known, &View::of(None));
        assert!(broken.contains("could not be read to its end"), "{broken}");
        list.left_out = 3000;
        let filtered = shown("", &list, "q=a");
        assert!(filtered.contains("The filter knows 1 of 3,001 entries."), "{filtered}");
        assert!(shown("", &list, "").contains("3,000 more are not shown."));
    }
}
