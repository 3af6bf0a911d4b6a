//! What is said at a takeover: lines of text, with a version in the first.
//!
//! | who | says | with it |
//! |---|---|---|
//! | the new process | `oneloop takeover 1` | |
//! | the old one | `oneloop takeover 1`, `watchdog USEC` if it has one, `place ROLE FILE TEXT` for each listener, `end` | the listeners' descriptors, in this order |
//! | the new one, when it has started | `ready N...`: which of the places it has as well, counted from 0 | |
//! | the old one | `yours` | |
//!
//! ROLE is `public`, `admin` or `health`. FILE is `DEVICE:INODE` of a Unix socket's file that the old
//! process would remove, else `-`. TEXT is the place as it is configured, without its options. In place
//! of each answer the old process may say `refused REASON`, and then nothing has changed.
//!
//! No process trusts what it reads: what is no such line is told as it came, and ends the takeover.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// How each side begins. A process that says another version is told so.
pub(super) const GREETING: &str = "oneloop takeover 1";

/// The listeners belong to the new process.
pub(super) const YOURS: &str = "yours";

/// The last line of an offer.
pub(super) const END: &str = "end";

/// How a refusal begins.
const REFUSED: &str = "refused ";

/// How much of a line is shown that is none of these.
const SHOWN_CHARS_MAX: usize = 60;

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Role {
    Public,
    Admin,
    Health,
}

impl Role {
    const ALL: [Role; 3] = [Role::Public, Role::Admin, Role::Health];

    fn word(self) -> &'static str {
        match self {
            Role::Public => "public",
            Role::Admin => "admin",
            Role::Health => "health",
        }
    }
}

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct FileId {
    pub(in crate::server) device: u64,
    pub(in crate::server) inode: u64,
}

/// One listener of the old process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Described {
    pub(in crate::server) role: Role,
    /// The file that the old process would remove at its end.
    pub(in crate::server) file: Option<FileId>,
    /// As it is configured.
    pub(in crate::server) place: String,
}

impl Display for Described {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "place {} ", self.role.word())?;
        match self.file {
            Some(FileId { device, inode }) => write!(f, "{device}:{inode}")?,
            None => f.write_str("-")?,
        }
        write!(f, " {}", self.place)
    }
}

impl Described {
    fn parse(line: &str) -> Option<Described> {
        let (role, rest) = line.strip_prefix("place ")?.split_once(' ')?;
        let role = Role::ALL.into_iter().find(|it| it.word() == role)?;
        let (file, place) = rest.split_once(' ')?;
        let file = match file.split_once(':') {
            Some((device, inode)) => {
                Some(FileId { device: device.parse().ok()?, inode: inode.parse().ok()? })
            }
            None if file == "-" => None,
            None => return None,
        };
        Some(Described { role, file, place: place.to_owned() })
    }
}

/// What the old process has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Offer {
    /// How long its service manager's watchdog may hear nothing.
    pub(in crate::server) watchdog: Option<Duration>,
    pub(in crate::server) places: Vec<Described>,
}

impl Display for Offer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{GREETING}")?;
        if let Some(watchdog) = self.watchdog {
            writeln!(f, "watchdog {}", watchdog.as_micros())?;
        }
        self.places.iter().try_for_each(|place| writeln!(f, "{place}"))?;
        writeln!(f, "{END}")
    }
}

impl Offer {
    /// What stands in the old process's answer to a greeting.
    ///
    /// # Errors
    /// If it is a refusal, or nothing that is understood; in words.
    pub(super) fn parse(text: &str) -> Result<Offer, String> {
        let mut lines = text.lines();
        match lines.next().unwrap_or_default() {
            GREETING => {}
            other => return Err(refusal_or_garbage(other)),
        }
        let mut offer = Offer::default();
        for line in lines.take_while(|line| *line != END) {
            if let Some(usec) = line.strip_prefix("watchdog ").and_then(|it| it.parse().ok()) {
                offer.watchdog = Some(Duration::from_micros(usec));
            } else {
                offer.places.push(Described::parse(line).ok_or_else(|| garbage(line))?);
            }
        }
        Ok(offer)
    }
}

/// Whether `text` is a whole answer to a greeting.
pub(super) fn is_whole_offer(text: &str) -> bool {
    let begins_otherwise = !text.starts_with(GREETING) && text.contains('\n');
    begins_otherwise || text.ends_with(&format!("\n{END}\n"))
}

/// Whether the old process says that its listeners are ours.
pub(super) fn parse_yours(text: &str) -> Result<(), String> {
    match text.lines().next().unwrap_or_default() {
        YOURS => Ok(()),
        other => Err(refusal_or_garbage(other)),
    }
}

/// Says which places the new process has as well.
pub(super) fn ready(taken: &[usize]) -> String {
    let numbers: String = taken.iter().map(|number| format!(" {number}")).collect();
    format!("ready{numbers}\n")
}

/// Which of `places` places the new process has as well.
pub(super) fn parse_ready(line: &str, places: usize) -> Result<Vec<usize>, String> {
    let mut words = line.split(' ');
    let numbers = match words.next() {
        Some("ready") => words.map(|it| it.parse().ok().filter(|it| *it < places)).collect(),
        Some(_) | None => None,
    };
    numbers.ok_or_else(|| garbage(line))
}

/// Checks how the new process begins.
pub(super) fn check_greeting(line: &str) -> Result<(), String> {
    if line == GREETING { Ok(()) } else { Err(garbage(line)) }
}

/// Says why there will be no takeover.
pub(super) fn refused(reason: &str) -> String {
    format!("{REFUSED}{reason}\n")
}

fn refusal_or_garbage(line: &str) -> String {
    match line.strip_prefix(REFUSED) {
        Some(reason) => shown(reason),
        None => garbage(line),
    }
}

fn garbage(line: &str) -> String {
    let version = line.strip_prefix("oneloop takeover ");
    let is_other_version = version.is_some_and(|it| format!("oneloop takeover {it}") != GREETING);
    let kind = if is_other_version { "of another version" } else { "no part of a takeover" };
    format!("'{}' is {kind}; '{GREETING}' is what this process speaks", shown(line))
}

/// It comes from another process, and has to stay one short line.
fn shown(text: &str) -> String {
    let is_bad = |c: char| c.is_control();
    text.chars().take(4 * SHOWN_CHARS_MAX).collect::<String>().replace(is_bad, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        let place = |role, file, place: &str| Described { role, file, place: place.into() };
        let file = Some(FileId { device: 26, inode: 4_000_000_000_000 });
        Offer {
            watchdog: Some(Duration::from_secs(30)),
            places: vec![
                place(Role::Public, None, "8888"),
                place(Role::Public, file, "unix:/run/with blank.sock"),
                place(Role::Admin, None, "127.0.0.1:0"),
                place(Role::Health, None, "fd:a b"),
            ],
        }
    }

    #[test]
    fn an_offer_reads_back() {
        let text = offer().to_string();
        assert!(is_whole_offer(&text));
        assert_eq!(Offer::parse(&text), Ok(offer()));
        for end in 0..text.len() {
            assert!(!is_whole_offer(&text[..end]), "{:?}", &text[..end]);
        }
        assert_eq!(Offer::parse(&Offer::default().to_string()), Ok(Offer::default()));
    }

    #[test]
    fn what_is_taken_reads_back_and_is_among_the_places() {
        for taken in [vec![], vec![0], vec![0, 2, 3]] {
            let line = ready(&taken);
            assert_eq!(parse_ready(line.trim_end_matches('\n'), 4), Ok(taken));
        }
        for wrong in ["ready 4", "ready -1", "ready x", "ready  1", "", "steady", "readyish"] {
            assert!(parse_ready(wrong, 4).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_refusal_is_told_and_garbage_is_shown_in_one_line() {
        let told = Offer::parse(&refused("it is busy")).expect_err("a refusal");
        assert_eq!(told, "it is busy");
        assert!(is_whole_offer(&refused("it is busy")));
        assert_eq!(parse_yours("yours\n"), Ok(()));
        assert_eq!(parse_yours(&refused("too late")), Err("too late".to_owned()));
        for (line, says) in [
            ("oneloop takeover 2", "of another version"),
            ("HTTP/1.1 400 Bad Request", "no part of a takeover"),
            ("\u{7}\u{1b}[2J", "'??[2J'"),
            ("", "no part"),
        ] {
            let told = check_greeting(line).expect_err(line);
            assert!(told.contains(says) && !told.contains(char::is_control), "{told}");
            assert!(Offer::parse(line).expect_err(line).contains(says), "{line}");
        }
        for line in ["place", "place public", "place none - 80", "place admin x 80", "watchdog x"] {
            assert!(Offer::parse(&format!("{GREETING}\n{line}\n{END}\n")).is_err(), "{line}");
        }
        assert!(check_greeting(&"x".repeat(10_000)).expect_err("garbage").len() < 500);
    }
}
