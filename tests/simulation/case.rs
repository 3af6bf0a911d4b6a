//! Which run it is: a seed, and what has been left out of it. A run is named by the environment
//! variables that replay it.

use std::env;
use std::fmt;

use crate::trouble::{Trouble, Troubles};

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub seed: u64,
    /// If not all peers of the seed take part.
    pub guests: Option<Vec<Guest>>,
    /// The troubles that it is spared.
    pub without: Troubles,
}

/// A peer that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    pub number: usize,
    /// If not all pieces of its script are sent.
    pub pieces_max: Option<usize>,
}

impl Case {
    /// All that the seed has.
    pub fn whole(seed: u64) -> Case {
        Case { seed, guests: None, without: Troubles::default() }
    }

    /// The case that the environment asks for, if it asks for one.
    pub fn from_environment() -> Option<Case> {
        let seed = env::var("ONELOOP_SEED").ok()?.parse().expect("ONELOOP_SEED is a number");
        let (peers, without) = (env::var("ONELOOP_PEERS"), env::var("ONELOOP_WITHOUT"));
        Some(Case::of(seed, peers.ok().as_deref(), without.ok().as_deref()))
    }

    /// The case of these lists, written as in a command.
    pub fn of(seed: u64, peers: Option<&str>, without: Option<&str>) -> Case {
        let guests = peers.map(|names| names.split(',').map(Guest::parse).collect());
        let named = |name: &str| {
            let mut all = Trouble::ALL.into_iter();
            all.find(|trouble| trouble.name() == name).expect("ONELOOP_WITHOUT names troubles")
        };
        let without = without.map(|names| names.split(',').map(named).collect());
        Case { seed, guests, without: without.unwrap_or_default() }
    }

    /// The peer with this number, if it takes part.
    pub fn guest(&self, number: usize) -> Option<Guest> {
        match &self.guests {
            None => Some(Guest { number, pieces_max: None }),
            Some(guests) => guests.iter().find(|guest| guest.number == number).copied(),
        }
    }
}

impl Guest {
    /// `3`, or `3:2` for its first two pieces.
    fn parse(text: &str) -> Guest {
        let (number, pieces) = text.split_once(':').unwrap_or((text, ""));
        let number = number.parse().expect("ONELOOP_PEERS is a list of numbers");
        Guest { number, pieces_max: pieces.parse().ok() }
    }
}

/// The command that replays it.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ONELOOP_SEED={}", self.seed)?;
        if let Some(guests) = &self.guests {
            let name = |guest: &Guest| match guest.pieces_max {
                None => guest.number.to_string(),
                Some(pieces) => format!("{}:{pieces}", guest.number),
            };
            write!(f, " ONELOOP_PEERS={}", guests.iter().map(name).collect::<Vec<_>>().join(","))?;
        }
        let without: Vec<String> = self.without.iter().map(Trouble::name).collect();
        if !without.is_empty() {
            write!(f, " ONELOOP_WITHOUT={}", without.join(","))?;
        }
        // What a release build does not check, it does not fail at.
        let release = if cfg!(debug_assertions) { "" } else { " --release" };
        write!(f, " cargo test{release} --test simulation -- --nocapture")
    }
}
