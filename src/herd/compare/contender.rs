//! A server that takes part.

use std::time::Duration;

use super::family;
use super::options::{Cores, Entry};
use super::started::Started;
use crate::arguments::Refusal;
use crate::plan::Plan;
use crate::probe::{self, Expectations};
use crate::process;
use crate::signals::Signals;

/// A server, and what is known of it.
pub struct Contender {
    /// A letter, by which it is told from another of the same place.
    pub letter: char,
    /// As the user calls it.
    pub name: String,
    pub plan: Plan,
    pub expectations: Expectations,
    pid: Option<u32>,
    /// It ends with this.
    _started: Option<Started>,
}

impl Contender {
    /// Starts it if that is asked for, and asks it for its first answers.
    /// If it was named `before`, its process is known from there.
    pub fn enter(
        before: &[Contender],
        entry: Entry,
        cores: Option<Cores>,
        signals: &mut Signals,
    ) -> Result<Contender, Refusal> {
        let Entry { name, plan, start, pid } = entry;
        let core = cores.map(|cores| cores.servers);
        let started = start
            .map(|command| Started::launch(&command, plan.server, core, signals))
            .transpose()?;
        let same = || before.iter().find(|other| other.plan.server == plan.server);
        let pid = started.as_ref().map(Started::pid).or(pid).or_else(|| same()?.pid);
        if let Some(pid) = pid.filter(|pid| family::cpu_time(*pid).is_none()) {
            return Err(process::refused(pid));
        }
        let expectations = probe::learn(&plan)?;
        let letter = letter(before.len());
        Ok(Contender { letter, name, plan, expectations, pid, _started: started })
    }

    /// How long it has been on a core by now, if that is known.
    pub fn cpu_time(&self) -> Option<Duration> {
        self.pid.and_then(family::cpu_time)
    }
}

/// The letter of the server with this number: there are few.
fn letter(index: usize) -> char {
    char::from(b'A' + (index % 26) as u8)
}
