//! How a single value is written on the command line.
//!
//! Every parser here takes any text without a panic, and refuses with the part of a sentence that
//! shows how to write it; clap puts the value and its option's name before that. What a parser
//! prints as a default, it also reads.

use std::fmt;
use std::str::FromStr;

use crate::handlers::check_media_type;
use crate::http::status::Status;
use bytesize::ByteSize;

/// A number of bytes, as `16KiB`, `1.5MB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Size, Self::Err> {
        let bytes = text.trim().parse::<ByteSize>().ok().map(|size| size.as_u64());
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Size).ok_or("write a size such as 16KiB, 1MB or 4096")
    }
}

impl fmt::Display for Size {
    /// Exact, where `ByteSize` rounds to a tenth: a default that is shown must be the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            bytes if bytes.is_multiple_of(1 << 20) => write!(f, "{}MiB", bytes >> 20),
            bytes if bytes.is_multiple_of(1 << 10) => write!(f, "{}KiB", bytes >> 10),
            bytes => write!(f, "{bytes}"),
        }
    }
}

/// A span of time, as `10s`, `500ms` or `1min 30s`.
pub fn duration(text: &str) -> Result<humantime::Duration, String> {
    text.trim()
        .parse::<humantime::Duration>()
        .map_err(|_| "write a duration with its unit, such as 10s, 500ms or 2min".into())
}

/// A whole number that fits `N`.
pub fn count<N: FromStr + TryFrom<u64>>(text: &str) -> Result<N, &'static str> {
    match text.trim().parse::<u64>().map(N::try_from) {
        Ok(Ok(number)) => Ok(number),
        Ok(Err(_)) => Err("write a smaller number"),
        Err(_) => Err("write a whole number, such as 100"),
    }
}

/// A status that may end a response.
pub fn status(text: &str) -> Result<Status, String> {
    let number = text.trim().parse::<u16>().ok();
    let status = number.and_then(|number| Status::try_from(number).ok());
    status.ok_or_else(|| "write a status code from 200 to 599".into())
}

/// Whether an option without a value is on. Only the environment has to write that.
pub fn switch(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" | "" => Ok(false),
        _ => Err("write 1 or 0"),
    }
}

/// Header fields, one a line. An argument is one line; the environment has room for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl FromStr for Fields {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Fields, Self::Err> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let fields = lines.map(|line| match line.split_once(':') {
            // A space between name and colon stays, for the handler to refuse (RFC 9112 §5.1).
            Some((name, value)) => Ok((name.trim_start().to_owned(), value.trim().to_owned())),
            None => Err("write 'Name: value'"),
        });
        let fields: Vec<_> = fields.collect::<Result<_, _>>()?;
        match fields.is_empty() {
            true => Err("write 'Name: value'"),
            false => Ok(Fields(fields)),
        }
    }
}

/// Media types by extensions, as `EXT=TYPE`; several are written one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaTypes(pub Vec<(String, String)>);

impl FromStr for MediaTypes {
    type Err = String;

    fn from_str(text: &str) -> Result<MediaTypes, Self::Err> {
        let how = "write EXT=TYPE, as in log=text/plain";
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let types = lines.map(|line| {
            let (extension, media_type) = line.split_once('=').ok_or(how)?;
            let (extension, media_type) = (extension.trim(), media_type.trim());
            check_media_type(extension, media_type).map_err(|reason| reason.to_string())?;
            Ok((extension.to_owned(), media_type.to_owned()))
        });
        let types: Vec<_> = types.collect::<Result<_, String>>()?;
        match types.is_empty() {
            true => Err(how.into()),
            false => Ok(MediaTypes(types)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_size_takes_a_unit_or_none() {
        assert_eq!("16KiB".parse(), Ok(Size(16 * 1024)));
        assert_eq!("16 kib".parse(), Ok(Size(16 * 1024)));
        assert_eq!("1.5MB".parse(), Ok(Size(1_500_000)));
        assert_eq!("4096".parse(), Ok(Size(4096)));
        assert_eq!("0".parse(), Ok(Size(0)));
        for text in ["", "KiB", "-1", "16 apples", "1..5K", "é"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_as_a_default_reads_back_as_the_same_value() {
        for bytes in [0, 1, 1000, 1023, 1024, 1025, 1536, 1 << 20, (1 << 20) + 1, 3 << 20] {
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
        for millis in [1, 500, 1000, 90_000] {
            let shown = humantime::Duration::from(Duration::from_millis(millis)).to_string();
            let read = duration(&shown).expect("a duration");
            assert_eq!(*read, Duration::from_millis(millis));
        }
    }

    #[test]
    fn a_duration_needs_a_unit() {
        assert_eq!(duration("500ms").map(|read| *read), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1min 30s").map(|read| *read), Ok(Duration::from_secs(90)));
        for text in ["", "10", "s", "-1s", "10 apples", "99999999999999999999s", "é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_count_fits_the_type_that_it_is_for() {
        assert_eq!(count::<usize>("0"), Ok(0));
        assert_eq!(count::<i32>("2147483647"), Ok(i32::MAX));
        assert_eq!(count::<i32>("2147483648"), Err("write a smaller number"));
        assert!(count::<i32>("-1").is_err());
        assert!(count::<u32>("many").is_err());
    }

    #[test]
    fn a_status_is_one_that_may_end_a_response() {
        assert_eq!(status("200"), Status::try_from(200).map_err(|_| String::new()));
        assert_eq!(status("599"), Status::try_from(599).map_err(|_| String::new()));
        for text in ["", "100", "199", "600", "65736", "-200", "OK"] {
            assert!(status(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off_in_the_usual_words() {
        for text in ["1", "true", "YES", " on "] {
            assert_eq!(switch(text), Ok(true), "{text}");
        }
        for text in ["0", "False", "no", "off", ""] {
            assert_eq!(switch(text), Ok(false), "{text}");
        }
        assert!(switch("maybe").is_err());
    }

    #[test]
    fn fields_come_one_a_line() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!("X-A: b".parse(), Ok(Fields(vec![field("X-A", "b")])));
        assert_eq!("X-A:".parse(), Ok(Fields(vec![field("X-A", "")])));
        assert_eq!(
            "A: b:c\n\n B:d \r\n".parse(),
            Ok(Fields(vec![field("A", "b:c"), field("B", "d")]))
        );
        for text in ["", "\n", "X-A", "A: b\nc"] {
            assert!(text.parse::<Fields>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_media_type_is_said_of_an_extension_and_one_a_line() {
        let types = |types: &[(&str, &str)]| {
            let owned = types.iter().map(|(end, name)| ((*end).into(), (*name).into()));
            Ok(MediaTypes(owned.collect()))
        };
        assert_eq!("ts=video/mp2t".parse(), types(&[("ts", "video/mp2t")]));
        assert_eq!(
            " .log = text/plain; charset=\"a=b\" \n\nb=c/d\n".parse(),
            types(&[(".log", "text/plain; charset=\"a=b\""), ("b", "c/d")])
        );
        for text in ["", "\n", "ts", "ts=", "=text/plain", "ts=text", "a/b=text/plain", "a=b/c\nd"]
        {
            assert!(text.parse::<MediaTypes>().is_err(), "{text}");
        }
    }
}
