//! What was sent and received on a connection: its beginning, and how long it was.

use crate::units::{count, escaped};

/// Enough for a head, and few enough to read.
const SHOWN_BYTES_MAX: usize = 200;

/// Both directions of a connection.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    pub sent: Direction,
    pub came: Direction,
    pub end: Option<End>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed its side.
    Closed,
    /// It was reset.
    Reset,
}

/// The bytes of one direction.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    begins: Vec<u8>,
    pub bytes: u64,
}

impl Direction {
    pub fn add(&mut self, bytes: &[u8]) {
        let room = SHOWN_BYTES_MAX - self.begins.len();
        self.begins.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.bytes += bytes.len() as u64;
    }

    /// Whether it begins with this.
    pub fn begins_with(&self, bytes: &[u8]) -> bool {
        self.begins.starts_with(bytes)
    }

    /// In one line.
    pub fn told(&self) -> String {
        match self.bytes {
            0 => "nothing".to_owned(),
            all if all > self.begins.len() as u64 => {
                format!("{} … ({} bytes)", escaped(&self.begins), count(all))
            }
            _ => escaped(&self.begins),
        }
    }
}

impl Transcript {
    /// What came, and how that ended, in one line.
    pub fn told_came(&self) -> String {
        let ended = match self.end {
            Some(End::Closed) => ", then the end",
            Some(End::Reset) => ", then a reset",
            None => "",
        };
        format!("{}{ended}", self.came.told())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_shows_its_beginning_and_counts_all() {
        let mut direction = Direction::default();
        assert_eq!(direction.told(), "nothing");
        direction.add(b"GET /\r\n");
        assert_eq!(direction.told(), "GET /\\r\\n");
        direction.add(&[b'x'; 5000]);
        let told = direction.told();
        assert!(told.starts_with("GET /") && told.ends_with("x … (5,007 bytes)"), "{told}");
        assert_eq!(told.matches('x').count(), SHOWN_BYTES_MAX - 7);
    }

    #[test]
    fn an_end_is_told_behind_what_came() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.told_came(), "nothing");
        transcript.end = Some(End::Reset);
        assert_eq!(transcript.told_came(), "nothing, then a reset");
    }
}
