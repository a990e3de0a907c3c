//! For this crate's own tests.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256, Sha384};

use crate::clock::{Clock, Timestamp};

/// A clock that stands still until it is told to move.
#[derive(Default)]
pub struct HandClock {
    passed: Mutex<Duration>,
}

impl HandClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        // 2026-11-18T11:06:40Z
        Timestamp::from_millis(1_795_000_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A widget as `scripts/package` makes it, but of a few bytes.
pub fn widget_files() -> BTreeMap<String, Bytes> {
    let glue = "glue.3f2a91c0.js";
    let loader = "ventanilla.7c11d2e4.js";
    let wasm = "ventanilla.90ab12cd.wasm";
    let other = "ventanilla.34ef56ab.wasm";
    let boot = "boot()";
    let style = "body{margin:0}";
    let frame = format!(
        "<!doctype html><html data-origins=\"__VENTANILLA_ORIGINS__\" data-rails=\"__VENTANILLA_RAILS__\"><style>{style}</style><script>{boot}</script>"
    );
    let mut files: BTreeMap<String, Bytes> = BTreeMap::new();
    for (name, content) in [
        (glue, "glue"),
        (loader, "loader"),
        (wasm, "\0asm"),
        (other, "\0asm\x01"),
        ("pins.js", "pins"),
        ("frame.html", &frame),
    ] {
        files.insert(name.to_owned(), Bytes::from(content.to_owned()));
    }
    let integrity = |bytes: &[u8]| format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)));
    let inline = |text: &str| format!("sha256-{}", STANDARD.encode(Sha256::digest(text)));
    let listed: Vec<_> = files
        .iter()
        .map(|(name, bytes)| {
            serde_json::json!({
                "file": name, "integrity": integrity(bytes), "bytes": bytes.len(), "bytes_br": 1, "purpose": "test"
            })
        })
        .collect();
    let manifest = serde_json::json!({
        "release": "0.1.0",
        "loader": loader,
        "glue": glue,
        "wasm": { "all": wasm, "card": wasm, "cvu": other, "flux": wasm, "flexiti": wasm },
        "frame": "frame.html",
        "script_hashes": [inline(boot), integrity(b"glue")],
        "style_hashes": [inline(style)],
        "files": listed,
    });
    files.insert("manifest.json".to_owned(), manifest.to_string().into());
    files.insert(format!("{glue}.br"), "glue in brotli".into());
    files
}

/// An empty folder for one test.
pub fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("ventanilla-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
