//! Puts the built widget, when there is one, into the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its folders by the environment"
)]
fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let package = here.join("../../pkg");
    let built = package.join("dist");
    // Cargo runs this again whenever a watched path is missing, so the nearest one that is there is
    // watched.
    let watched = [&built, &package, &here]
        .into_iter()
        .find(|path| path.is_dir());
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::rerun-if-changed={}",
        watched.unwrap_or(&here).display()
    );

    let mut table = String::from("&[\n");
    for path in files(&built) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("scripts/package writes names in ASCII");
        let path = path.canonicalize().expect("the file was just listed");
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("a String takes all");
    }
    table.push_str("]\n");
    std::fs::write(out.join("widget_files.rs"), table).expect("OUT_DIR can be written");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}
