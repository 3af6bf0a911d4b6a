//! What can go wrong around a server, each by a name, so that a failing run can be asked whether
//! it also fails without.

/// A kind of trouble that a run can be spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trouble {
    /// Calls that a signal interrupts.
    Interrupts,
    /// Writes that take less than there is room for.
    ShortWrites,
    /// A network that delivers in pieces.
    Pieces,
    /// Events that only a later poll reports.
    LateEvents,
    /// Events that report what is not so.
    SpuriousEvents,
    /// Events of clients that have gone, noted of whoever has their key.
    StaleEvents,
    /// Registrations that the system refuses.
    Registrations,
    /// Leaps of the clock, as after a machine's sleep.
    Leaps,
    /// Leaps of the calendar, both ways.
    Dates,
    /// A limit on clients that is lower than the crowd.
    Cap,
    /// Too few descriptors, and a system that runs out of them.
    Shortage,
    /// Connections that are lost before they are accepted.
    Lost,
    /// An order to stop in the middle.
    Drain,
    /// A handler that panics, and a program that catches it and goes on.
    Panics,
    /// Times in which the server takes no turns but single steps, and its clock stands still.
    Holds,
}

impl Trouble {
    pub const ALL: [Trouble; 15] = [
        Trouble::Interrupts,
        Trouble::ShortWrites,
        Trouble::Pieces,
        Trouble::LateEvents,
        Trouble::SpuriousEvents,
        Trouble::StaleEvents,
        Trouble::Registrations,
        Trouble::Leaps,
        Trouble::Dates,
        Trouble::Cap,
        Trouble::Shortage,
        Trouble::Lost,
        Trouble::Drain,
        Trouble::Panics,
        Trouble::Holds,
    ];

    /// How it is written in a command.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Some kinds of trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles(u16);

impl Troubles {
    pub fn contain(self, trouble: Trouble) -> bool {
        self.0 & 1 << trouble as u8 != 0
    }

    pub fn and(self, trouble: Trouble) -> Troubles {
        Troubles(self.0 | 1 << trouble as u8)
    }

    pub fn iter(self) -> impl Iterator<Item = Trouble> {
        Trouble::ALL.into_iter().filter(move |trouble| self.contain(*trouble))
    }
}

impl FromIterator<Trouble> for Troubles {
    fn from_iter<I: IntoIterator<Item = Trouble>>(troubles: I) -> Troubles {
        troubles.into_iter().fold(Troubles::default(), Troubles::and)
    }
}
