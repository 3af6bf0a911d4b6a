//! All samples of a session, and what follows from them. This is the JSON file's shape as well.

use serde::Serialize;

use crate::failure::Failure;
use crate::machine::Machine;
use crate::measure::Sample;
use crate::scenario::Scenario;
use crate::servers::FLOOR;
use crate::statistics::Spread;

/// A closed loop should keep the server's core this busy; below it, the clients or the machine were
/// measured.
const SERVER_BUSY_MIN: f64 = 0.9;
/// A server kept waiting for longer shared its core with somebody.
const SERVER_WAITING_MAX: f64 = 0.05;

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
    /// Servers that were asked for and are not installed.
    pub absent: Vec<String>,
    /// In the order of the table of scenarios.
    pub scenarios: Vec<ScenarioReport>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: &'static str,
    /// What the clients did.
    pub description: String,
    /// How many requests were outstanding at any time.
    pub outstanding: usize,
    /// In the order of the table of servers.
    pub servers: Vec<ServerReport>,
}

/// One server in one scenario.
#[derive(Debug, Serialize)]
pub struct ServerReport {
    /// Its name.
    pub name: &'static str,
    /// One a round, in the rounds' order; none where it failed.
    pub samples: Vec<Option<Sample>>,
    /// Why rounds failed.
    pub failures: Vec<String>,
    /// CPU per request over the floor's: over the rounds, of the medians over their pairs of
    /// slices.
    pub ratio: Option<Spread>,
}

impl ScenarioReport {
    /// Nothing measured yet.
    pub fn new(scenario: &Scenario, names: impl Iterator<Item = &'static str>) -> ScenarioReport {
        let servers = names
            .map(|name| ServerReport { name, samples: vec![], failures: vec![], ratio: None })
            .collect();
        ScenarioReport {
            name: scenario.name,
            description: scenario.description(),
            outstanding: scenario.clients * scenario.depth,
            servers,
        }
    }

    /// Takes in one round's results, one a server, in their order.
    pub fn add(&mut self, results: Vec<Result<Sample, Failure>>) {
        for (server, result) in self.servers.iter_mut().zip(results) {
            if let Err(failure) = &result {
                server.failures.push(failure.to_string());
            }
            server.samples.push(result.ok());
        }
    }

    /// Pairs every server's rounds with the floor's.
    pub fn compare(&mut self) {
        let floor = self.servers.iter().find(|server| server.name == FLOOR);
        let Some(floor) = floor.map(|server| server.samples.clone()) else { return };
        for server in &mut self.servers {
            let pairs = server.samples.iter().zip(&floor);
            server.ratio = Spread::of(
                pairs.filter_map(|(sample, floor)| sample.as_ref()?.ratio_to(floor.as_ref()?)),
            );
        }
    }

    /// What makes these numbers worth less, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for server in &self.servers {
            let busy = server.median(|sample| sample.server_busy);
            let waiting = server.median(|sample| sample.server_waiting);
            let load_busy = server.median(|sample| sample.load_busy);
            // A single request travels to and fro: neither side can be busy all the time.
            if self.outstanding > 1 && busy.is_some_and(|busy| busy < SERVER_BUSY_MIN) {
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
            warnings.extend(server.failures.iter().map(|why| format!("{}: {why}", server.name)));
        }
        warnings
    }
}

impl ServerReport {
    /// The median of one number over the rounds that did not fail.
    pub fn median(&self, number: impl Fn(&Sample) -> f64) -> Option<f64> {
        Spread::of(self.samples.iter().flatten().map(number)).map(|spread| spread.median)
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("?".to_owned(), |share| format!("{:.0} %", share * 100.0))
}
