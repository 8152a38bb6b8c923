//! The layers that `lib.rs` draws: imports point down, or stay within a layer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const MAP: &str = include_str!("../../src/lib.rs");
/// It stands beside the layers: the demo starts it, and it knows nothing of the rest.
const APART: &str = "simulator";

/// Each module's layer, the uppermost being 0.
fn layers() -> BTreeMap<&'static str, usize> {
    let (_, below) = MAP.split_once("# Layers").expect("lib.rs draws the layers");
    let rows = below.lines().skip_while(|line| !line.starts_with("//! |---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with("//! |")).enumerate();
    let modules = |row: &'static str| row.split("[`").skip(1).filter_map(|rest| rest.split('`').next());
    rows.flat_map(|(layer, row)| modules(row).map(move |module| (module, layer))).collect()
}

/// The modules of the crate that the source below this path names; what is for its tests alone may name any.
fn imports(path: &Path) -> BTreeSet<String> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder");
        return entries.flat_map(|entry| imports(&entry.expect("an entry").path())).collect();
    }
    if path.ends_with("tests.rs") {
        return BTreeSet::new();
    }
    let text = std::fs::read_to_string(path).expect("a source file");
    let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let names = program.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        rest.split_at(end).0.to_owned()
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn imports_point_down_the_layers() {
    let layers = layers();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let declared = MAP.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut upward = Vec::new();
    for module in declared {
        let file = source.join(format!("{module}.rs"));
        let path = if file.is_file() { file } else { source.join(module) };
        for import in imports(&path).iter().filter(|import| *import != module) {
            let is_allowed = match (layers.get(module), layers.get(import.as_str())) {
                (Some(own), Some(other)) => own <= other,
                // The one place that starts the simulator.
                (Some(_), None) => module == "commands" && import == APART,
                (None, _) => false,
            };
            if !is_allowed {
                upward.push(format!("{module} imports {import}"));
            }
        }
        assert!(module == APART || layers.contains_key(module), "{module} is in no layer");
    }
    assert_eq!(upward, Vec::<String>::new());
}
