//! All samples of a session, and what follows from them. This is the JSON file's shape as well.

use serde::Serialize;

use crate::failure::Failure;
use crate::idle::IdleReport;
use crate::machine::Machine;
use crate::measure::Sample;
use crate::scenario::{Compared, Pace, Scenario};
use crate::servers::{FLOOR, ONELOOP, Server};
use crate::statistics::Spread;

/// A closed loop should keep the server's core this busy; below it, the clients or the machine were
/// measured.
const SERVER_BUSY_MIN: f64 = 0.9;
/// A server kept waiting for longer shared its core with somebody.
const SERVER_WAITING_MAX: f64 = 0.05;
/// An open loop whose answers come later than this does not show the load that it names. A slice's
/// last requests always end a little after it.
const ACHIEVED_MIN: f64 = 0.9;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// How often each server was measured in each scenario.
    pub rounds: usize,
    /// How many slices each time.
    pub slices: usize,
    /// How long a slice takes.
    pub slice_seconds: f64,
    /// How long all of it took.
    pub elapsed_seconds: u64,
    /// Servers that were asked for and are not installed.
    pub absent: Vec<String>,
    /// In the order of the table of scenarios.
    pub scenarios: Vec<ScenarioReport>,
    /// Memory of idle connections, in the order of the table of servers.
    pub idle: Vec<IdleReport>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: &'static str,
    /// What the clients did.
    pub description: String,
    /// What its ratios compare.
    pub compared: Compared,
    /// Whether something was outstanding all the time, so that a core of the two is always busy.
    pub saturated: bool,
    /// In the order of the table of servers.
    pub servers: Vec<ServerReport>,
}

/// One server in one scenario.
#[derive(Debug, Serialize)]
pub struct ServerReport {
    /// Its name.
    pub name: &'static str,
    /// Why it did not take part, if it did not.
    pub unable: Option<&'static str>,
    /// One a round; the floor's and oneloop's, one a group and round.
    pub samples: Vec<Sample>,
    /// Why rounds failed.
    pub failures: Vec<String>,
    /// Each sample over the floor's of the same group.
    pub ratios: Vec<f64>,
    /// These in short.
    pub ratio: Option<Spread>,
    /// Each sample over oneloop's of the same group, in short.
    pub ratio_to_oneloop: Option<Spread>,
    /// These at length.
    #[serde(skip)]
    ratios_to_oneloop: Vec<f64>,
}

impl ScenarioReport {
    /// Nothing measured yet.
    pub fn new<'a>(
        scenario: &Scenario,
        servers: impl Iterator<Item = &'a Server>,
    ) -> ScenarioReport {
        let closed = scenario.pace == Pace::Closed;
        ScenarioReport {
            name: scenario.name,
            description: scenario.description(),
            compared: scenario.compared(),
            // A single request travels to and fro: neither side can be busy all the time.
            saturated: closed && scenario.clients * scenario.depth > 1,
            servers: servers.map(|server| ServerReport::new(server, scenario)).collect(),
        }
    }

    /// Takes in one group's results.
    pub fn add(&mut self, results: Vec<(&'static str, Result<Sample, Failure>)>) {
        let sample_of = |wanted: &str| {
            let found = results.iter().find(|(name, _)| *name == wanted);
            found.and_then(|(_, result)| result.as_ref().ok()).cloned()
        };
        let (floor, oneloop) = (sample_of(FLOOR), sample_of(ONELOOP));
        for (name, result) in results {
            let Some(server) = self.servers.iter_mut().find(|server| server.name == name) else {
                continue;
            };
            match result {
                Ok(sample) => {
                    let ratio = |to: &Option<Sample>| sample.ratio_to(to.as_ref()?, self.compared);
                    server.ratios.extend(ratio(&floor));
                    server.ratios_to_oneloop.extend(ratio(&oneloop));
                    server.samples.push(sample);
                }
                Err(failure) => server.failures.push(failure.to_string()),
            }
        }
    }

    /// Sums the ratios up.
    pub fn compare(&mut self) {
        for server in &mut self.servers {
            server.ratio = Spread::of(server.ratios.iter().copied());
            server.ratio_to_oneloop = Spread::of(server.ratios_to_oneloop.iter().copied());
        }
    }

    /// What makes these numbers worth less, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for server in &self.servers {
            let busy = server.median(|sample| sample.server_busy);
            let waiting = server.median(|sample| sample.server_waiting);
            let load_busy = server.median(|sample| sample.load_busy);
            if self.saturated && busy.is_some_and(|busy| busy < SERVER_BUSY_MIN) {
                warnings.push(format!(
                    "{} was busy for {} of the time only; the clients for {}",
                    server.name,
                    percent(busy),
                    percent(load_busy),
                ));
            }
            if waiting.is_some_and(|waiting| waiting > SERVER_WAITING_MAX) {
                warnings.push(format!(
                    "{} waited for its core for {} of the time: it was not alone there",
                    server.name,
                    percent(waiting),
                ));
            }
            let achieved = server.median(|sample| match sample.offered_per_second {
                Some(offered) => sample.requests_per_second / offered,
                None => 1.0,
            });
            if achieved.is_some_and(|achieved| achieved < ACHIEVED_MIN) {
                warnings.push(format!(
                    "{} got only {} of the requests answered in time",
                    server.name,
                    percent(achieved),
                ));
            }
            warnings.extend(server.unable.iter().map(|why| format!("{} {why}", server.name)));
            warnings.extend(server.failures.iter().map(|why| format!("{}: {why}", server.name)));
        }
        warnings
    }
}

impl ServerReport {
    fn new(server: &Server, scenario: &Scenario) -> ServerReport {
        ServerReport {
            name: server.name,
            unable: server.unable(scenario),
            samples: Vec::new(),
            failures: Vec::new(),
            ratios: Vec::new(),
            ratio: None,
            ratio_to_oneloop: None,
            ratios_to_oneloop: Vec::new(),
        }
    }

    /// The median of one number over the rounds that did not fail.
    pub fn median(&self, number: impl Fn(&Sample) -> f64) -> Option<f64> {
        Spread::of(self.samples.iter().map(number)).map(|spread| spread.median)
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("?".to_owned(), |share| format!("{:.0} %", share * 100.0))
}
