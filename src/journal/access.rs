//! A request and its answer as one line of a log, in three formats.
//!
//! Pure functions. Whatever bytes a client has sent, a line has one line feed, at its end, and its
//! parts stay where they are: nothing in them can be taken for the end of a part. Long parts are cut,
//! and `...` says so.

use std::net::SocketAddr;
use std::time::Duration;

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
    /// The client.
    pub(crate) client: SocketAddr,
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
pub(crate) const PARTS: usize = 6;

impl<'a> Asked<'a> {
    /// The parts in the order of the members, where `text` has them one behind the other.
    pub(crate) fn new(
        mut text: &'a [u8],
        lengths: [u16; PARTS],
        version: &'static str,
    ) -> Asked<'a> {
        let [method, target, referer, user_agent, trace_parent, request_id] =
            lengths.map(|length| {
                let (part, rest) = text.split_at(usize::from(length));
                text = rest;
                part
            });
        Asked { method, target, version, referer, user_agent, trace_parent, request_id }
    }
}

/// A second, written as logs write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// As HTTP writes it.
    date: [u8; DATE_BYTES],
    /// `06/Nov/1994:08:49:37 +0000`
    combined: [u8; 26],
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
        let mut combined = *b"dd/Mon/yyyy:hh:mm:ss +0000";
        for (at, part) in [(0, day), (3, name), (7, year), (12, clock)] {
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

/// The last digits of a number.
fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl Format {
    /// Appends the line, with its line feed.
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
fn combined(out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
    let Asked { method, target, version, referer, user_agent, .. } = record.asked;
    address(out, record.client);
    out.extend_from_slice(b" - - [");
    out.extend_from_slice(&stamp.combined);
    out.extend_from_slice(b"] \"");
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
    // As nginx does where no answer was given: a status has three digits.
    match record.status {
        0 => out.extend_from_slice(b"000"),
        status => number(out, u64::from(status)),
    }
    out.push(b' ');
    number(out, record.bytes);
    for (value, bytes_max) in [(referer, REFERER_BYTES_MAX), (user_agent, FIELD_BYTES_MAX)] {
        out.extend_from_slice(b" \"");
        hexadecimal(out, if value.is_empty() { b"-" } else { value }, bytes_max);
        out.push(b'"');
    }
}

/// What stands before each part of a line whose parts have names. Each is written by one call.
struct Names {
    time: &'static [u8],
    client: &'static [u8],
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

fn json(out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
    JSON.append(out, record, stamp);
    out.push(b'}');
}

fn logfmt(out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
    LOGFMT.append(out, record, stamp);
}

impl Names {
    /// The quote behind a value is part of the next name.
    fn append(&self, out: &mut Vec<u8>, record: &Record<'_>, stamp: &Stamp) {
        let Asked { method, target, version, .. } = record.asked;
        out.extend_from_slice(self.time);
        out.extend_from_slice(&stamp.iso);
        out.extend_from_slice(self.client);
        address(out, record.client);
        out.push(b':');
        number(out, u64::from(record.client.port()));
        out.extend_from_slice(self.connection);
        number(out, u64::from(record.connection));
        out.extend_from_slice(self.request);
        number(out, u64::from(record.request));
        if method.is_empty() {
            self.text(out, self.received, target, TARGET_BYTES_MAX);
        } else {
            self.text(out, self.method, method, FIELD_BYTES_MAX);
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

    fn text(&self, out: &mut Vec<u8>, name: &[u8], value: &[u8], bytes_max: usize) {
        out.extend_from_slice(name);
        (self.escape)(out, value, bytes_max);
    }
}

fn address(out: &mut Vec<u8>, client: SocketAddr) {
    use std::io::Write;
    match client {
        SocketAddr::V4(client) => {
            for (index, byte) in client.ip().octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                number(out, u64::from(byte));
            }
        }
        // Writing to a vector cannot fail.
        SocketAddr::V6(client) => _ = write!(out, "{}", client.ip()),
    }
}

fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let digits = &mut digits[..number.checked_ilog10().unwrap_or(0) as usize + 1];
    put(digits, number);
    out.extend_from_slice(digits);
}

/// Seconds, to the millisecond.
fn time(out: &mut Vec<u8>, time: Duration) {
    number(out, time.as_secs());
    let mut millis = *b".000";
    put(&mut millis[1..], u64::from(time.subsec_millis()));
    out.extend_from_slice(&millis);
}

/// Whether a byte stands for itself in a quoted part of a line.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// As nginx does: what is not printable, a quote, or a backslash becomes `\xHH`.
fn hexadecimal(out: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    let shown = &value[..value.len().min(bytes_max)];
    each_run(out, shown, |out, byte| {
        out.extend_from_slice(b"\\x");
        out.extend_from_slice(&digits(byte, b"0123456789ABCDEF"));
    });
    mark_cut(out, shown, value);
}

/// Text as it is, as far as JSON allows. Of a value that is no UTF-8, each byte above 0x7F becomes
/// `\u00HH`.
fn unicode(out: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    let mut shown = &value[..value.len().min(bytes_max)];
    if plain_bytes(shown) == shown.len() {
        out.extend_from_slice(shown);
        return mark_cut(out, shown, value);
    }
    let is_text = match str::from_utf8(shown) {
        Ok(_) => true,
        // A character that the cut has torn is left out.
        Err(torn) if torn.error_len().is_none() && shown.len() < value.len() => {
            shown = &shown[..torn.valid_up_to()];
            true
        }
        Err(_) => false,
    };
    each_run(out, shown, |out, byte| match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        0x80.. if is_text => out.push(byte),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits(byte, b"0123456789abcdef"));
        }
    });
    mark_cut(out, shown, value);
}

/// Copies what stands for itself, as long as it goes on, and has other bytes written by `escape`.
fn each_run(out: &mut Vec<u8>, value: &[u8], mut escape: impl FnMut(&mut Vec<u8>, u8)) {
    let mut rest = value;
    loop {
        let (plain, special) = rest.split_at(plain_bytes(rest));
        out.extend_from_slice(plain);
        let Some((byte, behind)) = special.split_first() else { return };
        escape(out, *byte);
        rest = behind;
    }
}

/// How many bytes at the start stand for themselves. Looks at eight at once: nearly all do.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST_BITS: u64 = ONES << 7;
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    for (index, word) in words.enumerate() {
        let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
        // The lowest byte with this value has its highest bit set here, and none below it has.
        let equal = |value: u8| {
            let word = word ^ (ONES * u64::from(value));
            word.wrapping_sub(ONES) & !word
        };
        let below_space = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let special = word | below_space | equal(b'"') | equal(b'\\') | equal(0x7F);
        let special = special & HIGHEST_BITS;
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + plain
}

fn mark_cut(out: &mut Vec<u8>, shown: &[u8], value: &[u8]) {
    if shown.len() < value.len() {
        out.extend_from_slice(b"...");
    }
}

fn digits(byte: u8, alphabet: &[u8; 16]) -> [u8; 2] {
    [alphabet[usize::from(byte >> 4)], alphabet[usize::from(byte & 15)]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    use crate::http::date::Date;
    use proptest::prelude::*;

    const FORMATS: [Format; 3] = [Format::Combined, Format::Json, Format::Logfmt];

    fn record(asked: Asked<'_>) -> Record<'_> {
        Record {
            client: "127.0.0.1:4711".parse().expect("an address"),
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
    fn numbers_are_written_as_they_are_everywhere() {
        let around = (0..20).map(|zeros| 10_u64.pow(zeros)).flat_map(|it| [it - 1, it, it + 1]);
        for value in around.chain([u64::MAX - 1, u64::MAX]) {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(str::from_utf8(&out), Ok(value.to_string().as_str()));
        }
    }

    #[test]
    fn each_byte_that_is_not_plain_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            for length in 1..20 {
                for at in 0..length {
                    // What lies behind it is not plain either.
                    let mut bytes = vec![b'!'; length];
                    bytes[at] = byte;
                    bytes[at + 1..].fill(b'"');
                    let first = if is_plain(byte) { at + 1 } else { at };
                    assert_eq!(plain_bytes(&bytes), first, "{byte:#x} at {at} of {length}");
                }
            }
        }
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
