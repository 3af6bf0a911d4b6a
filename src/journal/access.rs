//! A request and its answer as one line of a log, in three formats.
//!
//! Pure functions. Whatever bytes a client has sent, a line has one line feed, at its end, and its
//! parts stay where they are: nothing in them can be taken for the end of a part. Long parts are cut,
//! and `...` says so.

use std::time::Duration;

use super::parts::{
    are_plain, hexadecimal, host, host_and_port, number, put_digits, time, unicode,
};
use super::pen::Pen;
use crate::peer::PackedPeer;

/// How much of a target, or of a line that is no request, is shown, in bytes.
pub const TARGET_BYTES_MAX: usize = 1024;

/// How much of `Referer` is shown, in bytes.
pub const REFERER_BYTES_MAX: usize = 512;

/// How much of `User-Agent` and of other fields is shown, in bytes.
pub const FIELD_BYTES_MAX: usize = 256;

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// What nginx and Apache write by this name, and what most readers of logs know.
    #[default]
    Combined,
    /// An object of JSON.
    Json,
    /// Names and values, with quotes where they are needed.
    Logfmt,
}

/// What the line tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// The client; or the proxy that has passed on the request.
    pub(crate) client: &'a PackedPeer,
    /// Its number, which `--explain` and the admin page show as well.
    pub(crate) connection: u32,
    /// How many answers the connection has had with this one.
    pub(crate) request: u32,
    pub(crate) asked: Asked<'a>,
    /// Zero if no answer was given.
    pub(crate) status: u16,
    /// How much of the answer's body the kernel has taken, in bytes.
    pub(crate) bytes: u64,
    pub(crate) course: Course<'a>,
}

/// What has become of the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course<'a> {
    /// It was taken whole in the turn in which it was given.
    AtOnce,
    /// Anything else.
    InTime {
        /// From the turn in which it was answered to the one in which the kernel took its first byte.
        first_byte: Option<Duration>,
        /// The same, to its end.
        end: Duration,
        /// Why it has ended.
        ended: &'a str,
        /// The fault that the program has committed by it on purpose.
        fault: Option<&'a str>,
    },
}

/// What the client has sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Its parts, one behind the other.
    text: &'a [u8],
    /// How long each of them is, in the order of [`Parts`].
    lengths: [u16; PARTS],
    seen: Seen,
    /// Each byte is known to stand for itself. If not, that is still to be looked for.
    is_known_plain: bool,
}

/// What was seen of a request as its parts were taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Its version is `HTTP/1.0`, and not `HTTP/1.1`. Of no meaning if it was no request.
    pub(crate) is_http_10: bool,
    /// A part of it is longer than is shown.
    pub(crate) is_cut: bool,
}

/// The parts of what the client has sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    /// Whose request it is, as a proxy that is believed has said. Empty: the client's own.
    pub(crate) passed_on_for: &'a [u8],
    /// Empty if it was no request.
    pub(crate) method: &'a [u8],
    /// As it came; or the first line of what was no request.
    pub(crate) target: &'a [u8],
    pub(crate) referer: &'a [u8],
    pub(crate) user_agent: &'a [u8],
    pub(crate) trace_parent: &'a [u8],
    pub(crate) request_id: &'a [u8],
}

/// How many parts there are.
pub(crate) const PARTS: usize = 7;

impl<'a> Asked<'a> {
    /// The parts have these lengths, which come to that of `text`.
    #[inline(always)]
    pub(crate) fn new(text: &'a [u8], lengths: [u16; PARTS], seen: Seen) -> Asked<'a> {
        Asked { text, lengths, seen, is_known_plain: false }
    }

    /// The same, if its text is known to be [plain](are_plain).
    #[inline(always)]
    pub(crate) fn known_plain(self, is_known_plain: bool) -> Asked<'a> {
        Asked { is_known_plain, ..self }
    }

    /// Each of them by itself.
    #[inline(always)]
    pub(crate) fn parts(&self) -> Parts<'a> {
        let mut rest = self.text;
        let [passed_on_for, method, target, referer, user_agent, trace_parent, request_id] =
            self.lengths.map(|length| {
                let (part, behind) = rest.split_at(usize::from(length));
                rest = behind;
                part
            });
        Parts { passed_on_for, method, target, referer, user_agent, trace_parent, request_id }
    }

    /// Whether no part has to be cut, and each byte stands for itself: nearly always it is so.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        !self.seen.is_cut && (self.is_known_plain || are_plain(self.text))
    }
}

/// A second, written as logs write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// As HTTP writes it.
    date: [u8; DATE_BYTES],
    /// ` - - [06/Nov/1994:08:49:37 +0000] "`: with what stands around it, as one copy costs less than
    /// three.
    combined: [u8; 35],
    /// `{"time":"1994-11-06T08:49:37Z","client":"`: the same for an object of JSON.
    json: [u8; 41],
    /// `time="1994-11-06T08:49:37Z" client="`
    logfmt: [u8; 36],
}

/// How long a date is as HTTP writes it.
pub(crate) const DATE_BYTES: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl Stamp {
    /// This date, which HTTP has written.
    pub(crate) fn new(date: [u8; DATE_BYTES]) -> Stamp {
        let (day, name, year, clock) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
        let mut combined = *b" - - [dd/Mon/yyyy:hh:mm:ss +0000] \"";
        for (at, part) in [(6, day), (9, name), (13, year), (18, clock)] {
            combined[at..at + part.len()].copy_from_slice(part);
        }
        let month = MONTHS.iter().position(|month| name == *month).unwrap_or_default() + 1;
        let mut iso = *b"yyyy-mm-ddThh:mm:ssZ";
        put_digits(&mut iso[5..7], month as u64);
        for (at, part) in [(0, year), (8, day), (11, clock)] {
            iso[at..at + part.len()].copy_from_slice(part);
        }
        let json = joined([b"{\"time\":\"", &iso, b"\",\"client\":\""]);
        let logfmt = joined([b"time=\"", &iso, b"\" client=\""]);
        Stamp { date, combined, json, logfmt }
    }

    /// This date; written again only if it is another second.
    #[inline(always)]
    pub(crate) fn renew(&mut self, date: &[u8; DATE_BYTES]) {
        if *date != self.date {
            self.set(*date);
        }
    }

    #[cold]
    fn set(&mut self, date: [u8; DATE_BYTES]) {
        *self = Stamp::new(date);
    }
}

/// These parts, which come to `N` bytes.
fn joined<const N: usize>(parts: [&[u8]; 3]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut end = 0;
    for part in parts {
        bytes[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    debug_assert_eq!(end, N);
    bytes
}

impl Default for Stamp {
    /// The first second of 1970.
    fn default() -> Stamp {
        Stamp::new(*b"Thu, 01 Jan 1970 00:00:00 GMT")
    }
}

impl Format {
    /// Writes the line, with its line feed.
    // Inlined with all three, so that no part of the record is made that the line does not have.
    #[inline(always)]
    pub(crate) fn put(self, pen: &mut Pen<'_>, record: &Record<'_>, stamp: &Stamp) {
        match self {
            Format::Combined => combined(pen, record, stamp),
            Format::Json => JSON.put(pen, record, &stamp.json),
            Format::Logfmt => LOGFMT.put(pen, record, &stamp.logfmt),
        }
    }
}

/// How a value is written, beside those that are plain: at most this many bytes of it.
type Escape = for<'r> fn(Pen<'r>, &[u8], usize) -> Pen<'r>;

/// How the values of one line are written.
#[derive(Clone, Copy)]
struct Values {
    /// As they are.
    are_plain: bool,
    /// Otherwise.
    escape: Escape,
}

impl Values {
    #[inline(always)]
    fn of(asked: &Asked<'_>, escape: Escape) -> Values {
        Values { are_plain: asked.is_plain(), escape }
    }

    #[inline(always)]
    fn put(self, pen: &mut Pen<'_>, value: &[u8], bytes_max: usize) {
        match self.are_plain {
            true => pen.put(value),
            false => pen.pass_to(|pen| (self.escape)(pen, value, bytes_max)),
        }
    }
}

/// As nginx writes it: `$remote_addr - - [$time_local] "$request" $status $body_bytes_sent
/// "$http_referer" "$http_user_agent"`.
#[inline(always)]
fn combined(pen: &mut Pen<'_>, record: &Record<'_>, stamp: &Stamp) {
    let values = Values::of(&record.asked, hexadecimal);
    let Parts { passed_on_for, method, target, referer, user_agent, .. } = record.asked.parts();
    match passed_on_for {
        b"" => host(pen, record.client),
        client => pen.put(client),
    }
    pen.put(&stamp.combined);
    if method.is_empty() {
        values.put(pen, target, TARGET_BYTES_MAX);
        pen.put(b"\" ");
    } else {
        values.put(pen, method, FIELD_BYTES_MAX);
        pen.put(b" ");
        values.put(pen, target, TARGET_BYTES_MAX);
        match record.asked.seen.is_http_10 {
            true => pen.put(b" HTTP/1.0\" "),
            false => pen.put(b" HTTP/1.1\" "),
        }
    }
    // Zeros where no answer was given, as nginx does: a status has three digits.
    match record.status {
        0 => pen.put(b"000"),
        status => number(pen, u64::from(status)),
    }
    pen.put(b" ");
    number(pen, record.bytes);
    match referer {
        b"" => pen.put(b" \"-\""),
        referer => {
            pen.put(b" \"");
            values.put(pen, referer, REFERER_BYTES_MAX);
            pen.put(b"\"");
        }
    }
    match user_agent {
        b"" => pen.put(b" \"-\""),
        user_agent => {
            pen.put(b" \"");
            values.put(pen, user_agent, FIELD_BYTES_MAX);
            pen.put(b"\"");
        }
    }
    if let Course::InTime { fault: Some(fault), .. } = record.course {
        pen.put(b" fault=");
        pen.put(fault.as_bytes());
    }
    pen.put(b"\n");
}

/// What stands before each part of a line whose parts have names. Each is written by one call. The line
/// begins with the time, and the client's name: both are in the [`Stamp`].
struct Names {
    proxy: &'static [u8],
    connection: &'static [u8],
    request: &'static [u8],
    received: &'static [u8],
    method: &'static [u8],
    target: &'static [u8],
    /// The version with its value, and the status.
    http_10_status: &'static [u8],
    http_11_status: &'static [u8],
    status: &'static [u8],
    bytes: &'static [u8],
    first_byte: &'static [u8],
    end: &'static [u8],
    ended: &'static [u8],
    fault: &'static [u8],
    /// The last three with their values, for an answer that was taken whole at once.
    at_once: &'static [u8],
    referer: &'static [u8],
    user_agent: &'static [u8],
    trace_parent: &'static [u8],
    request_id: &'static [u8],
    /// The end of the line.
    over: &'static [u8],
    escape: Escape,
}

const JSON: Names = Names {
    proxy: b"\",\"proxy\":\"",
    connection: b"\",\"connection\":",
    request: b",\"request\":",
    received: b",\"received\":\"",
    method: b",\"method\":\"",
    target: b"\",\"target\":\"",
    http_10_status: b"\",\"version\":\"HTTP/1.0\",\"status\":",
    http_11_status: b"\",\"version\":\"HTTP/1.1\",\"status\":",
    status: b"\",\"status\":",
    bytes: b",\"bytes\":",
    first_byte: b",\"first_byte\":",
    end: b",\"end\":",
    ended: b",\"ended\":\"",
    fault: b"\",\"fault\":\"",
    at_once: b",\"first_byte\":0.000,\"end\":0.000,\"ended\":\"whole",
    referer: b"\",\"referer\":\"",
    user_agent: b"\",\"user_agent\":\"",
    trace_parent: b"\",\"traceparent\":\"",
    request_id: b"\",\"request_id\":\"",
    over: b"\"}\n",
    escape: unicode,
};

const LOGFMT: Names = Names {
    proxy: b"\" proxy=\"",
    connection: b"\" connection=",
    request: b" request=",
    received: b" received=\"",
    method: b" method=\"",
    target: b"\" target=\"",
    http_10_status: b"\" version=\"HTTP/1.0\" status=",
    http_11_status: b"\" version=\"HTTP/1.1\" status=",
    status: b"\" status=",
    bytes: b" bytes=",
    first_byte: b" first_byte=",
    end: b" end=",
    ended: b" ended=\"",
    fault: b"\" fault=\"",
    at_once: b" first_byte=0.000 end=0.000 ended=\"whole",
    referer: b"\" referer=\"",
    user_agent: b"\" user_agent=\"",
    trace_parent: b"\" traceparent=\"",
    request_id: b"\" request_id=\"",
    over: b"\"\n",
    escape: hexadecimal,
};

impl Names {
    /// The quote behind a value is part of the next name.
    // Inlined, so that the lengths of the names are known, and a name is written by two or three
    // instructions.
    #[inline(always)]
    fn put<const N: usize>(&self, pen: &mut Pen<'_>, record: &Record<'_>, start: &[u8; N]) {
        let values = Values::of(&record.asked, self.escape);
        let parts = record.asked.parts();
        pen.put(start);
        if !parts.passed_on_for.is_empty() {
            pen.put(parts.passed_on_for);
            pen.put(self.proxy);
        }
        host_and_port(pen, record.client);
        pen.put(self.connection);
        number(pen, u64::from(record.connection));
        pen.put(self.request);
        number(pen, u64::from(record.request));
        if parts.method.is_empty() {
            pen.put(self.received);
            values.put(pen, parts.target, TARGET_BYTES_MAX);
            pen.put(self.status);
        } else {
            pen.put(self.method);
            values.put(pen, parts.method, FIELD_BYTES_MAX);
            pen.put(self.target);
            values.put(pen, parts.target, TARGET_BYTES_MAX);
            match record.asked.seen.is_http_10 {
                true => pen.put(self.http_10_status),
                false => pen.put(self.http_11_status),
            }
        }
        number(pen, u64::from(record.status));
        pen.put(self.bytes);
        number(pen, record.bytes);
        match record.course {
            // Nearly each answer is sent in the turn in which it is given.
            Course::AtOnce => pen.put(self.at_once),
            Course::InTime { first_byte, end, ended, fault } => {
                if let Some(first_byte) = first_byte {
                    pen.put(self.first_byte);
                    pen.pass_to(|pen| time(pen, first_byte));
                }
                pen.put(self.end);
                pen.pass_to(|pen| time(pen, end));
                pen.put(self.ended);
                pen.put(ended.as_bytes());
                if let Some(fault) = fault {
                    pen.put(self.fault);
                    pen.put(fault.as_bytes());
                }
            }
        }
        self.put_fields(pen, &parts, values);
        pen.put(self.over);
    }

    /// Those that the request has.
    #[inline(always)]
    fn put_fields(&self, pen: &mut Pen<'_>, parts: &Parts<'_>, values: Values) {
        if !parts.referer.is_empty() {
            pen.put(self.referer);
            values.put(pen, parts.referer, REFERER_BYTES_MAX);
        }
        if !parts.user_agent.is_empty() {
            pen.put(self.user_agent);
            values.put(pen, parts.user_agent, FIELD_BYTES_MAX);
        }
        if !parts.trace_parent.is_empty() {
            pen.put(self.trace_parent);
            values.put(pen, parts.trace_parent, FIELD_BYTES_MAX);
        }
        if !parts.request_id.is_empty() {
            pen.put(self.request_id);
            values.put(pen, parts.request_id, FIELD_BYTES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    use crate::http::date::Date;
    use crate::journal::lines::LINE_BYTES_MAX;
    use crate::peer::{Peer, UnixPeer};
    use proptest::prelude::*;

    const FORMATS: [Format; 3] = [Format::Combined, Format::Json, Format::Logfmt];

    /// What a line tells beside what was asked.
    #[derive(Clone, Copy)]
    struct Told<'a> {
        client: Peer,
        connection: u32,
        request: u32,
        status: u16,
        bytes: u64,
        course: Course<'a>,
        asked: Parts<'a>,
    }

    fn told(asked: Parts<'_>) -> Told<'_> {
        let (first_byte, end) = (Some(Duration::ZERO), Duration::from_millis(1250));
        Told {
            client: Peer::Internet("127.0.0.1:4711".parse().expect("an address")),
            connection: 7,
            request: 2,
            asked,
            status: 200,
            bytes: 31,
            course: Course::InTime { first_byte, end, ended: "whole", fault: None },
        }
    }

    fn asked<'a>(target: &'a [u8], field: &'a [u8]) -> Parts<'a> {
        Parts {
            passed_on_for: b"",
            method: b"GET",
            target,
            referer: field,
            user_agent: field,
            trace_parent: b"",
            request_id: b"",
        }
    }

    fn line(format: Format, told: &Told<'_>) -> String {
        let Parts { passed_on_for, method, target, referer, user_agent, trace_parent, request_id } =
            told.asked;
        let parts = [passed_on_for, method, target, referer, user_agent, trace_parent, request_id];
        let text = parts.concat();
        let field = FIELD_BYTES_MAX;
        let bytes_max = [39, field, TARGET_BYTES_MAX, REFERER_BYTES_MAX, field, field, field];
        let is_cut = parts.iter().zip(bytes_max).any(|(part, max)| part.len() > max);
        let seen = Seen { is_http_10: false, is_cut };
        let Told { client, connection, request, status, bytes, course, .. } = *told;
        let record = Record {
            client: &client.into(),
            connection,
            request,
            asked: Asked::new(&text, parts.map(|part| part.len() as u16), seen),
            status,
            bytes,
            course,
        };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut room = vec![0; LINE_BYTES_MAX];
        let mut pen = Pen::new(&mut room);
        format.put(&mut pen, &record, &Stamp::new(*Date::new(time).text()));
        let length = LINE_BYTES_MAX - pen.bytes_left();
        String::from_utf8(room[..length].to_vec()).expect("text")
    }

    #[test]
    fn a_line_in_each_format() {
        let record = told(asked(b"/a?b=%0d%0a", b"curl/8"));
        assert_eq!(
            line(Format::Combined, &record),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=%0d%0a HTTP/1.1\" 200 31 \
             \"curl/8\" \"curl/8\"\n"
        );
        assert_eq!(
            line(Format::Json, &record),
            "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"127.0.0.1:4711\",\"connection\":7,\
             \"request\":2,\"method\":\"GET\",\"target\":\"/a?b=%0d%0a\",\"version\":\"HTTP/1.1\",\
             \"status\":200,\"bytes\":31,\"first_byte\":0.000,\"end\":1.250,\"ended\":\"whole\",\
             \"referer\":\"curl/8\",\"user_agent\":\"curl/8\"}\n"
        );
        assert_eq!(
            line(Format::Logfmt, &record),
            "time=\"1994-11-06T08:49:37Z\" client=\"127.0.0.1:4711\" connection=7 request=2 \
             method=\"GET\" target=\"/a?b=%0d%0a\" version=\"HTTP/1.1\" status=200 bytes=31 \
             first_byte=0.000 end=1.250 ended=\"whole\" referer=\"curl/8\" user_agent=\"curl/8\"\n"
        );
    }

    #[test]
    fn a_client_of_a_unix_socket_is_one_word_of_what_is_known_of_it() {
        let unix = Told {
            client: Peer::Unix(UnixPeer::new(Some(1234), Some(33))),
            ..told(asked(b"/", b""))
        };
        let [combined, json, logfmt] = FORMATS.map(|format| line(format, &unix));
        assert!(combined.starts_with("unix:pid=1234,uid=33 - - ["), "{combined}");
        assert!(json.contains(r#","client":"unix:pid=1234,uid=33","connection":7,"#), "{json}");
        assert!(logfmt.contains(r#" client="unix:pid=1234,uid=33" connection=7 "#), "{logfmt}");
    }

    #[test]
    fn a_request_that_a_proxy_has_passed_on_has_its_clients_address_first() {
        let record = told(Parts { passed_on_for: b"2001:db8::1", ..asked(b"/", b"") });
        let combined = line(Format::Combined, &record);
        assert!(combined.starts_with("2001:db8::1 - - ["), "{combined}");
        let json = line(Format::Json, &record);
        let addresses = r#","client":"2001:db8::1","proxy":"127.0.0.1:4711","connection":7,"#;
        assert!(json.contains(addresses), "{json}");
        let logfmt = line(Format::Logfmt, &record);
        assert!(logfmt.contains(" client=\"2001:db8::1\" proxy=\"127.0.0.1:4711\" "), "{logfmt}");
    }

    #[test]
    fn a_request_without_an_answer_has_zeros_for_a_status() {
        let record = Told { status: 0, bytes: 0, ..told(asked(b"/", b"")) };
        let combined = line(Format::Combined, &record);
        assert!(combined.ends_with("\"GET / HTTP/1.1\" 000 0 \"-\" \"-\"\n"), "{combined}");
        assert!(line(Format::Json, &record).contains(r#","status":0,"bytes":0,"#));
    }

    #[test]
    fn a_fault_that_is_committed_on_purpose_is_told_by_its_word() {
        let (first_byte, end) = (None, Duration::ZERO);
        let course = Course::InTime { first_byte, end, ended: "reset", fault: Some("reset") };
        let record = Told { status: 0, bytes: 0, course, ..told(asked(b"/", b"")) };
        let [combined, json, logfmt] = FORMATS.map(|format| line(format, &record));
        assert!(combined.ends_with(" 000 0 \"-\" \"-\" fault=reset\n"), "{combined}");
        assert!(json.contains(r#","ended":"reset","fault":"reset"}"#), "{json}");
        assert!(logfmt.ends_with(" ended=\"reset\" fault=\"reset\"\n"), "{logfmt}");
    }

    #[test]
    fn what_was_no_request_is_shown_as_it_came_and_a_missing_field_as_a_dash() {
        let record = told(Parts { method: b"", ..asked(b"\x16\x03\x01\"", b"") });
        let combined = line(Format::Combined, &record);
        assert!(
            combined.ends_with("] \"\\x16\\x03\\x01\\x22\" 200 31 \"-\" \"-\"\n"),
            "{combined}"
        );
        let json = line(Format::Json, &record);
        assert!(json.contains(r#""received":"\u0016\u0003\u0001\"","status""#), "{json}");
    }

    #[test]
    fn a_part_of_every_length_around_its_bound_is_whole_or_cut_with_a_mark() {
        for (bytes, shown) in [(1023, 1023), (1024, 1024), (1025, 1027)] {
            let target = vec![b'/'; bytes];
            let json = line(Format::Json, &told(asked(&target, b"")));
            let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let target = parsed["target"].as_str().expect("text");
            assert_eq!((target.len(), target.ends_with("...")), (shown, bytes > 1024));
        }
        let torn = [&vec![b'/'; 1023][..], "ä".as_bytes()].concat();
        let json = line(Format::Json, &told(asked(&torn, b"")));
        assert!(json.contains("//...\""), "{json}");
    }

    #[test]
    fn a_long_method_is_cut_in_each_format() {
        let method = [b'A'; FIELD_BYTES_MAX + 1];
        let record = told(Parts { method: &method, ..asked(b"/", b"") });
        let shown = format!("{}...", "A".repeat(FIELD_BYTES_MAX));
        for format in FORMATS {
            let line = line(format, &record);
            assert!(line.contains(&shown) && !line.contains(&"A".repeat(257)), "{line}");
        }
    }

    #[test]
    fn the_longest_line_is_as_long_as_a_line_may_be_at_most() {
        let [long, method] = [vec![0x80; 2000], vec![b'A'; FIELD_BYTES_MAX + 1]];
        let record = Told {
            client: Peer::Internet(
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().expect("an address"),
            ),
            connection: u32::MAX,
            request: u32::MAX,
            bytes: u64::MAX,
            course: Course::InTime {
                first_byte: Some(Duration::MAX),
                end: Duration::MAX,
                ended: &"x".repeat(100),
                fault: Some(&"x".repeat(20)),
            },
            ..told(Parts {
                passed_on_for: &[b'f'; 39],
                method: &method,
                trace_parent: &long,
                request_id: &long,
                ..asked(&long, &long)
            })
        };
        for format in FORMATS {
            let bytes = line(format, &record).len();
            assert!((4000..=LINE_BYTES_MAX).contains(&bytes), "{bytes} bytes");
        }
    }

    #[test]
    fn days_have_their_dates() {
        for (seconds, iso) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let date = Date::new(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let stamp = Stamp::new(*date.text());
            let logfmt = format!("time=\"{iso}\" client=\"");
            assert_eq!(str::from_utf8(&stamp.logfmt), Ok(&logfmt[..]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_forge_or_break_a_line(
            method in "[!-~]{0,9}",
            target in prop::collection::vec(any::<u8>(), 0..1500),
            field in prop::collection::vec(any::<u8>(), 0..600)
        ) {
            // A method is a token.
            let method: Vec<u8> = method.bytes().filter(u8::is_ascii_alphanumeric).collect();
            let record = told(Parts {
                method: &method, trace_parent: &field, ..asked(&target, &field)
            });
            for format in FORMATS {
                let line = line(format, &record);
                prop_assert_eq!(line.matches('\n').count(), 1);
                prop_assert!(line.ends_with('\n'));
                prop_assert!(line.chars().all(|c| c == '\n' || !c.is_control()));
                if format == Format::Json {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
                } else {
                    prop_assert_eq!(line.matches('"').count() % 2, 0);
                    prop_assert!(!line.contains("\\\""));
                }
            }
            prop_assert_eq!(line(Format::Combined, &record).matches('"').count(), 6);
        }

        #[test]
        fn a_target_can_be_got_back_from_json(target in "\\PC{0,300}") {
            let json = line(Format::Json, &told(asked(target.as_bytes(), b"")));
            let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            prop_assert_eq!(parsed["target"].as_str(), Some(target.as_str()));
        }
    }
}
