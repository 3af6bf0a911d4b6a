//! How single values are written that only this program has: statuses, switches, and the lists that
//! the environment gives one a line.
//!
//! As those of [`arguments::values`](crate::arguments::values), every parser takes any text without a
//! panic, and refuses with the part of a sentence that shows how to write it.

use std::str::FromStr;

use oneloop::Status;

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
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MediaTypes, Self::Err> {
        let how = "write EXT=TYPE, as in log=text/plain";
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let types = lines.map(|line| {
            let (extension, media_type) = line.split_once('=').ok_or(how)?;
            let (extension, media_type) = (extension.trim(), media_type.trim());
            Ok((extension.to_owned(), media_type.to_owned()))
        });
        let types: Vec<_> = types.collect::<Result<_, Self::Err>>()?;
        match types.is_empty() {
            true => Err(how),
            false => Ok(MediaTypes(types)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for text in ["", "\n", "ts", "a=b/c\nd"] {
            assert!(text.parse::<MediaTypes>().is_err(), "{text}");
        }
    }
}
