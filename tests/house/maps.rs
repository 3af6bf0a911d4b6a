//! What a folder holds, and how a reader finds it: its `mod.rs` is the map of its files.

use super::*;

#[test]
fn the_maps_of_the_engine_and_of_the_connection_name_each_of_their_files() {
    for folder in ["engine", "connection"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("mod.rs");
        let text = fs::read_to_string(path).unwrap();
        let map: Vec<&str> = text.lines().filter(|line| line.starts_with("//!")).collect();
        let map = map.concat();
        let modules = text.lines().filter(|line| line.ends_with(';'));
        let modules = modules.filter_map(|line| line.trim_end_matches(';').split_once("mod "));
        let modules: Vec<&str> = modules.map(|(_, module)| module).collect();
        assert!(modules.len() > 10, "{folder} has files");
        for module in modules.into_iter().filter(|module| *module != "tests") {
            assert!(map.contains(&format!("`{module}`")), "{folder}/mod.rs is silent on {module}");
        }
    }
}

#[test]
fn the_top_level_holds_what_it_should_and_nothing_else() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "benches",
        "src",
        "tests",
        "target",
    ];
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name}");
    }
}
