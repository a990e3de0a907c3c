//! What the browser runs: the widget's files, as `scripts/package` makes them.
//!
//! They are built into the binary, or read from `[assets] dir` at start. Either way every file is
//! held against the integrity that the manifest states before anything is served, so that a mixed or
//! altered folder stops the start and not a payment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use sha2::{Digest, Sha384};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;

use crate::error::{Error, Result};
use crate::frame::{ORIGINS_PLACEHOLDER, RAILS_PLACEHOLDER};

/// The folder on the public origin under which the files are.
pub const PREFIX: &str = "/assets/";

/// The files built into this binary; empty when there was no `pkg/dist` to build in.
const BUILT_IN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/widget_files.rs"));

/// Why there is no widget to serve.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WidgetError {
    /// None was built in and none configured.
    Missing,
    /// The folder or one of its files cannot be read.
    Unreadable {
        /// Which.
        path: String,
        /// The operating system's words.
        cause: String,
    },
    /// `manifest.json` is not what `scripts/package` writes.
    Manifest {
        /// What was expected.
        expected: String,
    },
    /// A file that the manifest lists is not there.
    FileMissing {
        /// Which.
        file: String,
    },
    /// A file's bytes are not those that the manifest states the hash of.
    Altered {
        /// Which.
        file: String,
    },
}

impl std::fmt::Display for WidgetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "this binary was built without the widget: run scripts/package and build again, or name the folder that it made in [assets] dir",
            ),
            Self::Unreadable { path, cause } => write!(f, "{path} cannot be read: {cause}"),
            Self::Manifest { expected } => write!(
                f,
                "manifest.json: {expected}; run scripts/package again"
            ),
            Self::FileMissing { file } => write!(
                f,
                "manifest.json lists {file}, which is not there; run scripts/package again"
            ),
            Self::Altered { file } => write!(
                f,
                "{file} does not match its integrity in manifest.json; run scripts/package again"
            ),
        }
    }
}

impl std::error::Error for WidgetError {}

/// What `scripts/package` says about what it made.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The widget's version.
    pub release: String,
    /// The file that shops load with a script tag.
    pub loader: String,
    /// The script that the frame runs.
    pub glue: String,
    /// The WebAssembly modules: one for each rail, by its name, and `all` for sessions with several.
    pub wasm: BTreeMap<String, String>,
    /// The frame document.
    pub frame: String,
    /// CSP sources of the frame's scripts: `sha256-…`, `sha384-…` or `sha512-…`.
    pub script_hashes: Vec<String>,
    /// CSP sources of the frame's styles.
    pub style_hashes: Vec<String>,
    /// Every file.
    pub files: Vec<ManifestFile>,
}

/// One file in the manifest.
#[derive(Clone, Debug, Deserialize)]
pub struct ManifestFile {
    /// Its name, without a folder.
    pub file: String,
    /// `sha384-` and base64.
    pub integrity: String,
}

/// A file as it is served.
#[derive(Clone, Debug)]
struct Asset {
    content_type: HeaderValue,
    plain: Bytes,
    brotli: Option<Bytes>,
}

/// The widget, checked.
#[derive(Clone, Debug)]
pub struct Widget {
    manifest: Manifest,
    frame: String,
    served: BTreeMap<String, Asset>,
}

impl Widget {
    /// The widget in `dir`, or the one built in.
    ///
    /// # Errors
    ///
    /// Each [`WidgetError`], as its documentation says.
    pub fn open(dir: Option<&Path>) -> std::result::Result<Self, WidgetError> {
        match dir {
            Some(dir) => Self::from_files(read_dir(dir)?),
            None if BUILT_IN.is_empty() => Err(WidgetError::Missing),
            None => Self::from_files(
                BUILT_IN
                    .iter()
                    .map(|(name, bytes)| ((*name).to_owned(), Bytes::from_static(bytes)))
                    .collect(),
            ),
        }
    }

    /// The widget made of `files`, by name.
    ///
    /// # Errors
    ///
    /// As [`Widget::open`].
    pub fn from_files(files: BTreeMap<String, Bytes>) -> std::result::Result<Self, WidgetError> {
        let missing = |file: &str| WidgetError::FileMissing {
            file: file.to_owned(),
        };
        let text = files.get("manifest.json").ok_or(WidgetError::Manifest {
            expected: "expected this file".to_owned(),
        })?;
        let manifest: Manifest =
            serde_json::from_slice(text).map_err(|error| WidgetError::Manifest {
                expected: error.to_string(),
            })?;
        manifest.check()?;

        for listed in &manifest.files {
            let bytes = files
                .get(&listed.file)
                .ok_or_else(|| missing(&listed.file))?;
            if integrity(bytes) != listed.integrity {
                return Err(WidgetError::Altered {
                    file: listed.file.clone(),
                });
            }
        }
        let frame = files
            .get(&manifest.frame)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or_else(|| missing(&manifest.frame))?
            .to_owned();
        // Without the first the frame would trust no page at all.
        for placeholder in [ORIGINS_PLACEHOLDER, RAILS_PLACEHOLDER] {
            if !frame.contains(placeholder) {
                return Err(WidgetError::Manifest {
                    expected: format!("expected {placeholder} in {}", manifest.frame),
                });
            }
        }
        let served = manifest
            .files
            .iter()
            // Whatever carries no hash in its name could change under a cache's feet.
            .filter(|listed| is_immutable(&listed.file))
            .filter_map(|listed| {
                let asset = Asset {
                    content_type: content_type(&listed.file)?,
                    plain: files.get(&listed.file)?.clone(),
                    brotli: files.get(&format!("{}.br", listed.file)).cloned(),
                };
                Some((listed.file.clone(), asset))
            })
            .collect::<BTreeMap<_, _>>();
        for module in Rail::ALL.map(Rail::name).into_iter().chain(["all"]) {
            if !manifest.wasm.contains_key(module) {
                return Err(WidgetError::Manifest {
                    expected: format!("expected a module {module} under wasm"),
                });
            }
        }
        for needed in [&manifest.loader, &manifest.glue]
            .into_iter()
            .chain(manifest.wasm.values())
        {
            if !served.contains_key(needed) {
                return Err(WidgetError::Manifest {
                    expected: format!("expected {needed} under files, with a hash in its name"),
                });
            }
        }
        Ok(Self {
            manifest,
            frame,
            served,
        })
    }

    /// What it is made of.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The frame document, its placeholder still in it.
    #[must_use]
    pub fn frame(&self) -> &str {
        &self.frame
    }

    /// Where a shop loads the widget from, below the public origin.
    #[must_use]
    pub fn loader_path(&self) -> String {
        format!("{PREFIX}{}", self.manifest.loader)
    }

    /// The integrity of what a shop loads.
    #[must_use]
    pub fn loader_integrity(&self) -> &str {
        self.manifest
            .files
            .iter()
            .find(|listed| listed.file == self.manifest.loader)
            .map_or("", |listed| &listed.integrity)
    }

    /// Where the frame fetches the module with this name from, below the public origin.
    #[must_use]
    pub fn module_path(&self, name: &str) -> Option<String> {
        let file = self.manifest.wasm.get(name)?;
        Some(format!("{PREFIX}{file}"))
    }

    /// The lines that a shop puts into its page for a proxy at `public_origin`.
    #[must_use]
    pub fn snippet(&self, public_origin: &str) -> String {
        format!(
            "<script src=\"{public_origin}{}\" integrity=\"{}\" crossorigin=\"anonymous\" defer></script>\n\
             <ventanilla-checkout proxy=\"{public_origin}\"></ventanilla-checkout>",
            self.loader_path(),
            self.loader_integrity()
        )
    }
}

impl Manifest {
    fn check(&self) -> std::result::Result<(), WidgetError> {
        let wrong = |expected: String| Err(WidgetError::Manifest { expected });
        // They are written into a header: nothing in them may end the directive.
        for source in self.script_hashes.iter().chain(&self.style_hashes) {
            let fits = ["sha256-", "sha384-", "sha512-"]
                .iter()
                .find_map(|algorithm| source.strip_prefix(algorithm))
                .is_some_and(|digest| STANDARD.decode(digest).is_ok());
            if !fits {
                return wrong(format!(
                    "expected sha256-, sha384- or sha512- and base64, found {source:?}"
                ));
            }
        }
        if self.script_hashes.is_empty() || self.style_hashes.is_empty() {
            return wrong("expected at least one of script_hashes and of style_hashes".to_owned());
        }
        let names = self.files.iter().map(|listed| &listed.file);
        for name in names.chain([&self.frame]) {
            let fits = !name.starts_with('.')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            if !fits || name.is_empty() {
                return wrong(format!("expected a plain file name, found {name:?}"));
            }
        }
        Ok(())
    }
}

/// `GET /assets/<file>`.
pub fn routes(widget: Arc<Widget>) -> Router {
    Router::new()
        .route("/assets/{file}", get(serve))
        .with_state(widget)
}

async fn serve(
    State(widget): State<Arc<Widget>>,
    UrlPath(file): UrlPath<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let asset = widget
        .served
        .get(&file)
        .ok_or_else(|| Error::new(ProblemCode::NotFound))?;
    let brotli = asset.brotli.as_ref().filter(|_| takes_brotli(&headers));
    let mut response = brotli.unwrap_or(&asset.plain).clone().into_response();
    let sent = response.headers_mut();
    if brotli.is_some() {
        sent.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    sent.insert(header::CONTENT_TYPE, asset.content_type.clone());
    sent.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    sent.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    sent.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    sent.insert(
        http::HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    Ok(response)
}

/// Whether `Accept-Encoding` names brotli with a weight above zero.
pub(crate) fn takes_brotli(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case("br"))
                && !parts.any(|parameter| {
                    let weight = parameter.to_ascii_lowercase();
                    weight
                        .strip_prefix("q=")
                        .is_some_and(|q| q.chars().all(|c| matches!(c, '0' | '.')))
                })
        })
}

/// Whether a file's name holds a hash, as in `glue.3f2a91c0.js`.
fn is_immutable(name: &str) -> bool {
    name.split(['.', '-']).rev().skip(1).any(|part| {
        part.len() >= 8
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
            && part.bytes().any(|b| b.is_ascii_digit())
    })
}

fn content_type(name: &str) -> Option<HeaderValue> {
    let (_, extension) = name.rsplit_once('.')?;
    let text = match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => return None,
    };
    Some(HeaderValue::from_static(text))
}

fn integrity(bytes: &[u8]) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)))
}

fn read_dir(dir: &Path) -> std::result::Result<BTreeMap<String, Bytes>, WidgetError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| WidgetError::Unreadable {
            path,
            cause: error.to_string(),
        }
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable(dir))? {
        let path = entry.map_err(unreadable(dir))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_file() {
            let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
            files.insert(name.to_owned(), Bytes::from(bytes));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_only_to_whoever_asks_for_it() {
        for (value, takes) in [
            ("gzip, deflate, br, zstd", true),
            ("BR", true),
            ("br;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.0", false),
            ("gzip", false),
            ("brotli", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(takes_brotli(&headers), takes, "{value}");
        }
        assert!(!takes_brotli(&HeaderMap::new()));
    }

    #[test]
    fn only_names_with_a_hash_may_be_cached_for_ever() {
        for name in [
            "glue.3f2a91c0.js",
            "ventanilla.0123456789abcdef.wasm",
            "ventanilla-3f2a91c0d4.js",
        ] {
            assert!(is_immutable(name), "{name}");
        }
        for name in [
            "pins.js",
            "frame.html",
            "manifest.json",
            "ventanilla.js",
            "3f2a91c0",
            "checkout.js",
        ] {
            assert!(!is_immutable(name), "{name}");
        }
    }

    fn files() -> BTreeMap<String, Bytes> {
        crate::testing::widget_files()
    }

    #[test]
    fn a_folder_that_scripts_package_did_not_make_is_refused_by_name() {
        let open = |change: &dyn Fn(&mut BTreeMap<String, Bytes>)| {
            let mut files = files();
            change(&mut files);
            Widget::from_files(files).map(|_| ()).unwrap_err()
        };
        assert!(Widget::from_files(files()).is_ok());
        let glue = "glue.3f2a91c0.js";
        assert_eq!(
            open(&|files| {
                files.insert(glue.into(), "alert(1)".into());
            }),
            WidgetError::Altered { file: glue.into() }
        );
        assert_eq!(
            open(&|files| {
                files.remove(glue);
            }),
            WidgetError::FileMissing { file: glue.into() }
        );
        assert!(matches!(
            open(&|files| {
                files.remove("manifest.json");
            }),
            WidgetError::Manifest { .. }
        ));
        assert!(matches!(
            open(&|files| {
                let text = std::str::from_utf8(&files["manifest.json"]).unwrap();
                let altered = text.replace("sha256-", "'self'; x ");
                files.insert("manifest.json".into(), altered.into());
            }),
            WidgetError::Manifest { .. }
        ));
        let none = WidgetError::Missing.to_string();
        assert!(none.contains("scripts/package") && none.contains("[assets] dir"));
    }
}
