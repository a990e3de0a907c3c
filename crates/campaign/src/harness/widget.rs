//! A widget of a few bytes: a proxy does not start without one, and nobody here opens its frame.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384};

use crate::failure::{Result, Tried as _};

/// Writes it below `folder`, as `scripts/package` lays out the real one; gives its folder.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(folder: &Path) -> Result<PathBuf> {
    let dist = folder.join("widget");
    let what = format!("write {}", dist.display());
    std::fs::create_dir_all(&dist).tried(&what)?;
    let frame = format!(
        "<!doctype html><html data-origins=\"__VENTANILLA_ORIGINS__\" data-rails=\"__VENTANILLA_RAILS__\"><style>{STYLE}</style><script>{SCRIPT}</script>"
    );
    let files = [
        (GLUE, "glue"),
        (LOADER, "loader"),
        (WASM, "\0asm"),
        ("pins.js", "pins"),
        ("frame.html", frame.as_str()),
    ];
    let listed: Vec<Value> = files
        .iter()
        .map(|(name, content)| json!({ "file": name, "integrity": sha384(content) }))
        .collect();
    let manifest = json!({
        "release": env!("CARGO_PKG_VERSION"),
        "loader": LOADER, "glue": GLUE, "wasm": { "all": WASM, "card": WASM, "cvu": WASM, "flux": WASM, "flexiti": WASM }, "frame": "frame.html",
        "script_hashes": [sha256(SCRIPT), sha384("glue")],
        "style_hashes": [sha256(STYLE)],
        "files": listed,
    });
    for (name, content) in files {
        std::fs::write(dist.join(name), content).tried(&what)?;
    }
    std::fs::write(dist.join("manifest.json"), manifest.to_string()).tried(&what)?;
    Ok(dist)
}

fn sha384(content: &str) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(content)))
}

fn sha256(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

const GLUE: &str = "glue.3f2a91c0.js";
const LOADER: &str = "ventanilla.7c11d2e4.js";
const WASM: &str = "ventanilla.90ab12cd.wasm";
const SCRIPT: &str = "boot()";
const STYLE: &str = "body{margin:0}";
