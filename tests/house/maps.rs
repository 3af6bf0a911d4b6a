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

/// It works without a network and under a policy that allows nothing from elsewhere, and it is read
/// like everything else here.
#[test]
fn the_page_needs_nothing_from_outside_and_stays_readable() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() <= 300, "{path:?} is long");
        // The namespace of SVG is a name, which nobody asks for.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "//cdn", "@import", "eval(", "innerHTML"] {
            assert!(!text.contains(outside), "{path:?} has {outside}");
        }
        if path.extension().is_some_and(|kind| kind == "html") {
            assert!(!text.contains("<style") && !text.contains("<script>"), "what the policy bars");
            let is_inline = |word: &&str| {
                word.starts_with("style=") || word.starts_with("on") && word.contains("=\"")
            };
            assert_eq!(text.split_whitespace().find(is_inline), None, "the policy bars it");
        }
        let is_picture = |line: &str| line.contains("data:image");
        let long = text.lines().find(|line| line.chars().count() > 100 && !is_picture(line));
        assert_eq!(long, None, "{path:?}");
        files += 1;
    }
    assert!(files >= 3, "the page has been found");
}
