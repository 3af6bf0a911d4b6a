//! The models by which the server is judged do not ask it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Source, sources_under};

/// What the simulation says about requests and answers is worth something only if it does not ask
/// the server.
#[test]
fn the_models_of_the_simulation_ask_nobody() {
    let simulation = sources_under("tests/simulation");
    let is_model = |path: &str| {
        path.starts_with("framing/") || ["answers.rs", "plan.rs", "streamed.rs"].contains(&path)
    };
    let models: Vec<&Source> = simulation.iter().filter(|source| is_model(&source.path)).collect();
    assert!(models.len() > 3, "the models have been found");
    for source in models {
        let names = source.code.matches("oneloop::").count();
        let limits = source.code.matches("use oneloop::Limits;").count();
        assert_eq!(names, limits, "{} names more of the server than its limits", source.path);
        assert!(!source.code.contains("httparse"), "{}", source.path);
    }
}

/// The words that the fuzzer's model may share with the server: what is wrong, and how much of
/// anything there may be.
const MODEL_IMPORTS: [&str; 4] = ["CloseReason", "FaultKind", "Limits", "Version"];

#[test]
fn the_fuzzers_model_shares_no_code_with_the_server() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/src/oracle/model");
    let mut imports = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let code = fs::read_to_string(&path).unwrap();
        assert!(code.lines().count() <= 300, "{path:?} is long");
        for import in code.split("oneloop::").skip(1) {
            let list = import.split([';', ' ', ')']).next().unwrap();
            let names = import.strip_prefix('{').map_or(list, |it| it.split('}').next().unwrap());
            imports.extend(names.split(", ").map(str::to_owned));
        }
    }
    assert_eq!(imports, MODEL_IMPORTS.map(str::to_owned).into());
}
