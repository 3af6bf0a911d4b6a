//! A request and its answer as one line of a log, in three formats.
//!
//! Pure functions. Whatever bytes a client has sent, a line has one line feed, at its end, and its
//! parts stay where they are: nothing in them can be taken for the end of a part. Long parts are cut,
//! and `...` says so.

use std::time::Duration;

use super::parts::{hexadecimal, host, host_and_port, number, put, time, unicode};
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
    pub(crate) client: PackedPeer,
    /// Its number, which `--explain` and the admin page show as well.
    pub(crate) connection: u32,
    /// How many answers the connection has had with this one.
    pub(crate) request: u32,
    pub(crate) asked: Asked<'a>,
    /// Zero if no answer was given.
    pub(crate) status: u16,
    /// How much of the answer's body the kernel has taken, in bytes.
    pub(crate) bytes: u64,
    /// From the turn in which it was answered to the one in which the kernel took its first byte.
    pub(crate) first_byte: Option<Duration>,
    /// The same, to its end.
    pub(crate) end: Duration,
    /// Why it has ended.
    pub(crate) ended: &'a str,
}

/// What the client has sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Whose request it is, as a proxy that is believed has said. Empty: the client's own.
    pub(crate) passed_on_for: &'a [u8],
    /// Empty if it was no request.
    pub(crate) method: &'a [u8],
    /// As it came; or the first line of what was no request.
    pub(crate) target: &'a [u8],
    pub(crate) version: &'static str,
    pub(crate) referer: &'a [u8],
    pub(crate) user_agent: &'a [u8],
    pub(crate) trace_parent: &'a [u8],
    pub(crate) request_id: &'a [u8],
}

/// How many of a request's parts are kept: the members of [`Asked`] that are bytes.
pub(crate) const PARTS: usize = 7;

impl<'a> Asked<'a> {
    /// The parts in the order of the members, where `text` has them one behind the other.
    pub(crate) fn new(text: &'a [u8], lengths: [u16; PARTS], version: &'static str) -> Asked<'a> {
        let mut start = 0;
        let [passed_on_for, method, target, referer, user_agent, trace_parent, request_id] =
            lengths.map(|length| {
                let end = start + usize::from(length);
                let part = text.get(start..end).unwrap_or_default();
                start = end;
                part
            });
        Asked {
            passed_on_for,
            method,
            target,
            version,
            referer,
            user_agent,
            trace_parent,
            request_id,
        }
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
    /// `1994-11-06T08:49:37Z`
    iso: [u8; 20],
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
        put(&mut iso[5..7], month as u64);
        for (at, part) in [(0, year), (8, day), (11, clock)] {
            iso[at..at + part.len()].copy_from_slice(part);
        }
        Stamp { date, combined, iso }
    }

    /// This date; written again only if it is another second.
    pub(crate) fn renew(&mut self, date: &[u8; DATE_BYTES]) {
        if *date != self.date {
            *self = Stamp::new(*date);
        }
    }
}

impl Default for Stamp {
    /// The first second of 1970.
    fn default() -> Stamp {
        Stamp::new(*b"Thu, 01 Jan 1970 00:00:00 GMT")
    }
}

impl Format {
    /// Appends the line, with its line feed.
    // Inlined with all three, so that no part of the record is made that the line does not have.
    #[inline(always)]
    pub(crate) fn append(self, out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
        match self {
            Format::Combined => combined(out, record, stamp),
            Format::Json => json(out, record, stamp),
            Format::Logfmt => logfmt(out, record, stamp),
        }
        out.push(b'\n');
    }
}

/// As nginx writes it: `$remote_addr - - [$time_local] "$request" $status $body_bytes_sent
/// "$http_referer" "$http_user_agent"`.
#[inline(always)]
fn combined(out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
    let Asked { method, target, version, referer, user_agent, .. } = record.asked;
    match record.asked.passed_on_for {
        b"" => host(out, record.client),
        client => out.extend_from_slice(client),
    }
    out.extend_from_slice(&stamp.combined);
    if !method.is_empty() {
        out.extend_from_slice(method);
        out.push(b' ');
    }
    hexadecimal(out, target, TARGET_BYTES_MAX);
    if !method.is_empty() {
        out.push(b' ');
        out.extend_from_slice(version.as_bytes());
    }
    out.extend_from_slice(b"\" ");
    // Zeros where no answer was given, as nginx does: a status has three digits.
    match record.status {
        0 => out.extend_from_slice(b"000"),
        status => number(out, u64::from(status)),
    }
    out.push(b' ');
    number(out, record.bytes);
    for (value, bytes_max) in [(referer, REFERER_BYTES_MAX), (user_agent, FIELD_BYTES_MAX)] {
        if value.is_empty() {
            out.extend_from_slice(b" \"-\"");
        } else {
            out.extend_from_slice(b" \"");
            hexadecimal(out, value, bytes_max);
            out.push(b'"');
        }
    }
}

/// What stands before each part of a line whose parts have names. Each is written by one call.
struct Names {
    time: &'static [u8],
    client: &'static [u8],
    proxy: &'static [u8],
    connection: &'static [u8],
    request: &'static [u8],
    received: &'static [u8],
    method: &'static [u8],
    target: &'static [u8],
    version: &'static [u8],
    status: &'static [u8],
    bytes: &'static [u8],
    first_byte: &'static [u8],
    end: &'static [u8],
    ended: &'static [u8],
    referer: &'static [u8],
    user_agent: &'static [u8],
    trace_parent: &'static [u8],
    request_id: &'static [u8],
    escape: fn(&mut Vec<u8>, &[u8], usize),
}

const JSON: Names = Names {
    time: b"{\"time\":\"",
    client: b"\",\"client\":\"",
    proxy: b"\",\"proxy\":\"",
    connection: b"\",\"connection\":",
    request: b",\"request\":",
    received: b",\"received\":\"",
    method: b",\"method\":\"",
    target: b"\",\"target\":\"",
    version: b"\",\"version\":\"",
    status: b"\",\"status\":",
    bytes: b",\"bytes\":",
    first_byte: b",\"first_byte\":",
    end: b",\"end\":",
    ended: b",\"ended\":\"",
    referer: b"\",\"referer\":\"",
    user_agent: b"\",\"user_agent\":\"",
    trace_parent: b"\",\"traceparent\":\"",
    request_id: b"\",\"request_id\":\"",
    escape: unicode,
};

const LOGFMT: Names = Names {
    time: b"time=\"",
    client: b"\" client=\"",
    proxy: b"\" proxy=\"",
    connection: b"\" connection=",
    request: b" request=",
    received: b" received=\"",
    method: b" method=\"",
    target: b"\" target=\"",
    version: b"\" version=\"",
    status: b"\" status=",
    bytes: b" bytes=",
    first_byte: b" first_byte=",
    end: b" end=",
    ended: b" ended=\"",
    referer: b"\" referer=\"",
    user_agent: b"\" user_agent=\"",
    trace_parent: b"\" traceparent=\"",
    request_id: b"\" request_id=\"",
    escape: hexadecimal,
};

#[inline(always)]
fn json(out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
    JSON.append(out, record, stamp);
    out.push(b'}');
}

#[inline(always)]
fn logfmt(out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
    LOGFMT.append(out, record, stamp);
}

impl Names {
    /// The quote behind a value is part of the next name.
    // Inlined, so that the lengths of the names are known, and a name is written by two or three
    // instructions.
    #[inline(always)]
    fn append(&self, out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
        let Asked { method, target, version, .. } = record.asked;
        out.extend_from_slice(self.time);
        out.extend_from_slice(&stamp.iso);
        out.extend_from_slice(self.client);
        if !record.asked.passed_on_for.is_empty() {
            out.extend_from_slice(record.asked.passed_on_for);
            out.extend_from_slice(self.proxy);
        }
        host_and_port(out, record.client);
        out.extend_from_slice(self.connection);
        number(out, u64::from(record.connection));
        out.extend_from_slice(self.request);
        number(out, u64::from(record.request));
        if method.is_empty() {
            self.text(out, self.received, target, TARGET_BYTES_MAX);
        } else {
            out.extend_from_slice(self.method);
            match method.len() <= FIELD_BYTES_MAX {
                // A token: each of its bytes stands for itself.
                true => out.extend_from_slice(method),
                false => (self.escape)(out, method, FIELD_BYTES_MAX),
            }
            self.text(out, self.target, target, TARGET_BYTES_MAX);
            out.extend_from_slice(self.version);
            out.extend_from_slice(version.as_bytes());
        }
        out.extend_from_slice(self.status);
        number(out, u64::from(record.status));
        out.extend_from_slice(self.bytes);
        number(out, record.bytes);
        if let Some(first_byte) = record.first_byte {
            out.extend_from_slice(self.first_byte);
            time(out, first_byte);
        }
        out.extend_from_slice(self.end);
        time(out, record.end);
        out.extend_from_slice(self.ended);
        out.extend_from_slice(record.ended.as_bytes());
        self.fields(out, &record.asked);
        out.push(b'"');
    }

    /// Those that the request has.
    #[inline(always)]
    fn fields(&self, out: &mut Vec<u8>, asked: &Asked<'_>) {
        for (name, value, bytes_max) in [
            (self.referer, asked.referer, REFERER_BYTES_MAX),
            (self.user_agent, asked.user_agent, FIELD_BYTES_MAX),
            (self.trace_parent, asked.trace_parent, FIELD_BYTES_MAX),
            (self.request_id, asked.request_id, FIELD_BYTES_MAX),
        ] {
            if !value.is_empty() {
                self.text(out, name, value, bytes_max);
            }
        }
    }

    #[inline(always)]
    fn text(&self, out: &mut Vec<u8>, name: &[u8], value: &[u8], bytes_max: usize) {
        out.extend_from_slice(name);
        (self.escape)(out, value, bytes_max);
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

    fn record(asked: Asked<'_>) -> Record<'_> {
        Record {
            client: Peer::Internet("127.0.0.1:4711".parse().expect("an address")).into(),
            connection: 7,
            request: 2,
            asked,
            status: 200,
            bytes: 31,
            first_byte: Some(Duration::ZERO),
            end: Duration::from_millis(1250),
            ended: "whole",
        }
    }

    fn asked<'a>(target: &'a [u8], field: &'a [u8]) -> Asked<'a> {
        Asked {
            passed_on_for: b"",
            method: b"GET",
            target,
            version: "HTTP/1.1",
            referer: field,
            user_agent: field,
            trace_parent: b"",
            request_id: b"",
        }
    }

    fn line(format: Format, record: &Record<'_>) -> String {
        let mut out = Vec::new();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        format.append(&mut out, record, &Stamp::new(*Date::new(time).text()));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_line_in_each_format() {
        let record = record(asked(b"/a?b=%0d%0a", b"curl/8"));
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
        let unix = Record {
            client: Peer::Unix(UnixPeer::new(Some(1234), Some(33))).into(),
            ..record(asked(b"/", b""))
        };
        let [combined, json, logfmt] = FORMATS.map(|format| line(format, &unix));
        assert!(combined.starts_with("unix:pid=1234,uid=33 - - ["), "{combined}");
        assert!(json.contains(r#","client":"unix:pid=1234,uid=33","connection":7,"#), "{json}");
        assert!(logfmt.contains(r#" client="unix:pid=1234,uid=33" connection=7 "#), "{logfmt}");
    }

    #[test]
    fn a_request_that_a_proxy_has_passed_on_has_its_clients_address_first() {
        let record = record(Asked { passed_on_for: b"2001:db8::1", ..asked(b"/", b"") });
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
        let record = Record { status: 0, bytes: 0, ..record(asked(b"/", b"")) };
        let combined = line(Format::Combined, &record);
        assert!(combined.ends_with("\"GET / HTTP/1.1\" 000 0 \"-\" \"-\"\n"), "{combined}");
        assert!(line(Format::Json, &record).contains(r#","status":0,"bytes":0,"#));
    }

    #[test]
    fn what_was_no_request_is_shown_as_it_came_and_a_missing_field_as_a_dash() {
        let record = record(Asked { method: b"", ..asked(b"\x16\x03\x01\"", b"") });
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
            let json = line(Format::Json, &record(asked(&target, b"")));
            let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let target = parsed["target"].as_str().expect("text");
            assert_eq!((target.len(), target.ends_with("...")), (shown, bytes > 1024));
        }
        let torn = [&vec![b'/'; 1023][..], "ä".as_bytes()].concat();
        let json = line(Format::Json, &record(asked(&torn, b"")));
        assert!(json.contains("//...\""), "{json}");
    }

    #[test]
    fn the_longest_line_is_as_long_as_a_line_may_be_at_most() {
        let [long, method] = [vec![0x80; 2000], vec![b'A'; FIELD_BYTES_MAX + 1]];
        let record = Record {
            client: Peer::Internet(
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().expect("an address"),
            )
            .into(),
            connection: u32::MAX,
            request: u32::MAX,
            bytes: u64::MAX,
            first_byte: Some(Duration::MAX),
            end: Duration::MAX,
            ended: &"x".repeat(100),
            ..record(Asked {
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
            assert_eq!(str::from_utf8(&stamp.iso), Ok(iso));
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
            let record = record(Asked {
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
            let json = line(Format::Json, &record(asked(target.as_bytes(), b"")));
            let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            prop_assert_eq!(parsed["target"].as_str(), Some(target.as_str()));
        }
    }
}
