//! A folder's `mod.rs` is the map by which a reader finds its files.

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
