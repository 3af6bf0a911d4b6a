//! The options of routes: lines that say which request gets which answer.

use std::path::PathBuf;

use clap::Args;
use oneloop::handlers::{RouteLine, RouteSources, Routes};

use super::option_sources::OptionSources;
use crate::arguments::Refusal;
use crate::arguments::values::count;

/// Which request gets which answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Routes")]
pub struct RouteOptions {
    /// Answer requests by this route; may be repeated
    ///
    /// A route is a path and an answer, as in '/slow status=503 text="later"'. The first route that
    /// takes a request answers it. The variable holds one route per line.
    #[arg(long, value_name = "LINE", env = "ONELOOP_ROUTE")]
    route: Vec<String>,

    /// Answer requests by the routes in this file, one a line
    ///
    /// Lines that begin with # are comments. SIGHUP has the file read again.
    #[arg(long, value_name = "FILE", env = "ONELOOP_ROUTES")]
    routes: Option<PathBuf>,

    /// Make the choices of routes follow from this number
    #[arg(
        long, value_name = "N", env = "ONELOOP_SEED", value_parser = count::<usize>,
        default_value = "1"
    )]
    seed: usize,
}

impl RouteOptions {
    /// The options that name routes.
    pub const NAMES: [&'static str; 2] = ["route", "routes"];

    /// Whether there are any.
    pub fn is_any(&self) -> bool {
        !self.route.is_empty() || self.routes.is_some()
    }

    /// Leaves them out.
    pub fn clear(&mut self) {
        self.route.clear();
        self.routes = None;
    }

    /// Reads them, and the files that they name. `fields` are those of all answers.
    pub fn load<'f>(
        &self,
        fields: impl Iterator<Item = &'f (String, String)>,
        given: &OptionSources,
    ) -> Result<Routes, Refusal> {
        let variable = given.variable("route");
        let name = match variable.strip_suffix(": ") {
            Some(variable) => format!("{variable}, line"),
            None => "--route".to_owned(),
        };
        // The variable has one a line.
        let lines = self.route.iter().flat_map(|given| given.lines());
        let lines = lines.filter(|line| !line.trim().is_empty()).enumerate();
        let mut sources = RouteSources::default();
        sources.lines =
            lines.map(|(at, line)| RouteLine::new(format!("{name} {}", at + 1), line)).collect();
        sources.file = self.routes.clone();
        sources.fields = fields.cloned().collect();
        sources.seed = self.seed as u64;
        Routes::load(sources).map_err(Refusal::Mistake)
    }
}
