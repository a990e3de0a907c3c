//! The frame document: the page on the proxy's origin in which cards are typed, and the policy that
//! the browser holds it to.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};
use ventanilla_core::rails::Rail;

use crate::assets::{Widget, takes_brotli};
use crate::error::{Error, Result};
use crate::origin::{Origin, OriginPolicy};

/// Where browsers report what the policy stopped.
pub const CSP_REPORT_PATH: &str = "/v1/csp-reports";

/// What stands in the frame document where the shop's origins belong.
pub(crate) const ORIGINS_PLACEHOLDER: &str = "__VENTANILLA_ORIGINS__";

/// What stands in the frame document where the names of this proxy's rails belong: where there is only one,
/// its module is fetched before anything else is known.
pub(crate) const RAILS_PLACEHOLDER: &str = "__VENTANILLA_RAILS__";

/// Everything off but what a card form needs. Only Chromium reads the header, and complains about
/// names that it does not know, so only those it knows are listed; the iframe's `allow` attribute says
/// the same everywhere. [`Kind::permissions`] has the rest.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), \
geolocation=(), gyroscope=(), hid=(), idle-detection=(), keyboard-map=(), local-fonts=(), magnetometer=(), \
microphone=(), midi=(), payment=(self), picture-in-picture=(), publickey-credentials-get=(self), \
screen-wake-lock=(), serial=(), storage-access=(), usb=(), window-management=(), \
xr-spatial-tracking=()";

struct Frame {
    document: Bytes,
    compressed: Bytes,
    headers: HeaderMap,
    scanning: Option<HeaderMap>,
    embed: Bytes,
}

/// The answer of `GET /embed.json`: what a shop needs to load this release.
#[derive(Serialize)]
struct Embed<'a> {
    release: &'a str,
    loader: String,
    integrity: &'a str,
}

/// `GET /frame`, `GET /embed.json` and `POST /v1/csp-reports`.
///
/// # Errors
///
/// `internal` when the widget's hashes do not fit into a header.
///
/// `rails`: those of this proxy; the camera is for the wallets' codes of one of them. `hosted`: the origin of
/// the provider's page that the frame may show, where there is one.
pub fn routes(
    widget: &Widget,
    policy: &OriginPolicy,
    rails: &[Rail],
    hosted: Option<&Origin>,
) -> Result<Router> {
    let embed = Embed {
        release: &widget.manifest().release,
        loader: format!("{}{}", policy.public, widget.loader_path()),
        integrity: widget.loader_integrity(),
    };
    let document = Bytes::from(document(widget, &policy.merchants, rails));
    let frame = Frame {
        compressed: compress(&document)?,
        document,
        headers: headers(widget, &policy.merchants, Kind::Plain, hosted)?,
        scanning: match rails.contains(&Rail::Flux) {
            true => Some(headers(widget, &policy.merchants, Kind::Scanning, hosted)?),
            false => None,
        },
        embed: serde_json::to_vec(&embed).map_err(Error::internal)?.into(),
    };
    Ok(Router::new()
        .route("/frame", get(serve_frame))
        .route("/embed.json", get(serve_embed))
        .route(CSP_REPORT_PATH, post(take_csp_report))
        .with_state(Arc::new(frame)))
}

async fn serve_frame(
    State(frame): State<Arc<Frame>>,
    address: Uri,
    request: HeaderMap,
) -> Response {
    let scans = frame.scanning.as_ref().filter(|_| names_flux(&address));
    let mut headers = scans.unwrap_or(&frame.headers).clone();
    if !takes_brotli(&request) {
        return (headers, frame.document.clone()).into_response();
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    (headers, frame.compressed.clone()).into_response()
}

/// What the loader says in the frame's address.
#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    rails: String,
}

/// Whether the session, or the page, has the rail that scans, as far as the loader knows: `?rails=card,flux`.
fn names_flux(address: &Uri) -> bool {
    let Query(named) = Query::<Named>::try_from_uri(address).unwrap_or_default();
    let mut rails = named.rails.split([',', ' ']);
    rails.any(|rail| rail == Rail::Flux.name())
}

async fn serve_embed(State(frame): State<Arc<Frame>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, frame.embed.clone()).into_response()
}

/// A report is counted and not read: it quotes whatever the browser stopped.
async fn take_csp_report() -> StatusCode {
    metrics::counter!("ventanilla_csp_reports_total").increment(1);
    tracing::warn!("a browser reported that the frame's content security policy stopped something");
    StatusCode::NO_CONTENT
}

fn document(widget: &Widget, shops: &[Origin], rails: &[Rail]) -> String {
    let rails: Vec<&str> = rails.iter().map(|rail| rail.name()).collect();
    widget
        .frame()
        .replace(ORIGINS_PLACEHOLDER, &escape(&join(shops)))
        .replace(RAILS_PLACEHOLDER, &rails.join(" "))
}

fn join(origins: &[Origin]) -> String {
    let texts: Vec<&str> = origins.iter().map(Origin::as_str).collect();
    texts.join(" ")
}

/// An origin has none of these characters; the document must not depend on that.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The document holds no secret, so that its compressed length tells nothing.
fn compress(document: &[u8]) -> Result<Bytes> {
    let settings = brotli::enc::BrotliEncoderParams {
        quality: 11,
        size_hint: document.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*document, &mut out, &settings).map_err(Error::internal)?;
    Ok(out.into())
}

/// What a frame is for. One that scans wallets' codes uses the camera and the clipboard, and decodes in a
/// worker, which is started from a text that was held against its pin; one for anything else has none of it.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Scanning,
}

impl Kind {
    const fn permissions(self) -> &'static str {
        match self {
            Self::Plain => "camera=(), clipboard-read=()",
            Self::Scanning => "camera=(self), clipboard-read=(self)",
        }
    }

    const fn worker_src(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Scanning => "worker-src blob:; ",
        }
    }

    const fn trusted_types(self) -> &'static str {
        match self {
            Self::Plain => "'none'",
            Self::Scanning => "ventanilla-reader",
        }
    }
}

/// The frame's content security policy.
fn content_security_policy(
    widget: &Widget,
    shops: &[Origin],
    kind: Kind,
    hosted: Option<&Origin>,
) -> String {
    let quoted = |hashes: &[String]| {
        let quoted: Vec<String> = hashes.iter().map(|hash| format!("'{hash}'")).collect();
        quoted.join(" ")
    };
    let manifest = widget.manifest();
    let frames = hosted.map_or_else(String::new, |origin| format!("frame-src {origin}; "));
    format!(
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; connect-src 'self'; \
         img-src 'self'; {}{frames}form-action 'none'; base-uri 'none'; object-src 'none'; frame-ancestors {}; \
         require-trusted-types-for 'script'; trusted-types {}; report-uri {CSP_REPORT_PATH}",
        quoted(&manifest.script_hashes),
        quoted(&manifest.style_hashes),
        kind.worker_src(),
        join(shops),
        kind.trusted_types(),
    )
}

fn headers(
    widget: &Widget,
    shops: &[Origin],
    kind: Kind,
    hosted: Option<&Origin>,
) -> Result<HeaderMap> {
    let policy = content_security_policy(widget, shops, kind, hosted);
    let policy = HeaderValue::from_str(&policy).map_err(Error::internal)?;
    let permissions = format!("{}, {PERMISSIONS}", kind.permissions());
    let permissions = HeaderValue::from_str(&permissions).map_err(Error::internal)?;
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(HeaderName::from_static("permissions-policy"), permissions);
    // A frame that requires it cannot show a page that does not say it, and the provider's need not.
    let embedder = if hosted.is_some() {
        "unsafe-none"
    } else {
        "require-corp"
    };
    for (name, value) in [
        ("cross-origin-embedder-policy", embedder),
        ("cross-origin-opener-policy", "same-origin"),
        // A shop that is cross-origin isolated may only embed documents that say this;
        // frame-ancestors decides who may at all.
        ("cross-origin-resource-policy", "cross-origin"),
        ("origin-agent-cluster", "?1"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shops() -> Vec<Origin> {
        ["https://shop.example", "http://localhost:8080"]
            .map(|text| Origin::parse(text).unwrap())
            .to_vec()
    }

    #[test]
    fn the_policy_is_the_documented_one_word_by_word() {
        let widget = Widget::from_files(crate::testing::widget_files()).unwrap();
        let [boot, glue] = widget.manifest().script_hashes.as_slice() else {
            panic!("two scripts");
        };
        let [style] = widget.manifest().style_hashes.as_slice() else {
            panic!("one style");
        };
        assert_eq!(
            content_security_policy(&widget, &shops(), Kind::Plain, None),
            format!(
                "default-src 'none'; script-src '{boot}' '{glue}' 'wasm-unsafe-eval'; style-src '{style}'; \
                 connect-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; object-src 'none'; \
                 frame-ancestors https://shop.example http://localhost:8080; \
                 require-trusted-types-for 'script'; trusted-types 'none'; report-uri /v1/csp-reports"
            )
        );
    }

    #[test]
    fn a_frame_that_scans_has_the_camera_and_a_worker_besides_and_no_other_has() {
        let widget = Widget::from_files(crate::testing::widget_files()).unwrap();
        let text = |kind, name: &str| {
            let headers = headers(&widget, &shops(), kind, None).unwrap();
            headers.get(name).unwrap().to_str().unwrap().to_owned()
        };
        let added = [" worker-src blob:;", " trusted-types ventanilla-reader;"];
        let plain = text(Kind::Plain, "content-security-policy");
        let scanning = text(Kind::Scanning, "content-security-policy");
        for words in added {
            assert!(
                scanning.contains(words) && !plain.contains(words),
                "{words}"
            );
        }
        let scanning = scanning
            .replace(added[0], "")
            .replace(added[1], " trusted-types 'none';");
        assert_eq!(scanning, plain, "and nothing else is different");

        let plain = text(Kind::Plain, "permissions-policy");
        assert!(plain.contains("camera=()") && plain.contains("clipboard-read=()"));
        let scanning = text(Kind::Scanning, "permissions-policy");
        assert_eq!(
            scanning,
            plain
                .replace("camera=()", "camera=(self)")
                .replace("clipboard-read=()", "clipboard-read=(self)")
        );
        assert!(scanning.contains("microphone=()"));
    }

    #[test]
    fn what_a_frame_is_for_is_in_its_address() {
        let names = |query: &str| names_flux(&format!("/frame{query}").parse().unwrap());
        for query in [
            "?rails=flux",
            "?rails=card%2Cflux&locale=es-MX",
            "?locale=es-MX&rails=card+flux",
        ] {
            assert!(names(query), "{query}");
        }
        for query in [
            "",
            "?",
            "?flux",
            "?rails=card",
            "?rails=influx",
            "?locale=flux",
            "?rails=%ff",
        ] {
            assert!(!names(query), "{query}");
        }
    }

    #[test]
    fn the_provider_s_page_is_the_only_one_that_the_frame_shows() {
        let widget = Widget::from_files(crate::testing::widget_files()).unwrap();
        let page = Origin::parse("https://posapi.flexiti.fi").unwrap();
        for (hosted, frames, embedder) in [
            (None, None, "require-corp"),
            (
                Some(&page),
                Some("frame-src https://posapi.flexiti.fi"),
                "unsafe-none",
            ),
        ] {
            let headers = headers(&widget, &shops(), Kind::Plain, hosted).unwrap();
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            let found = policy.split("; ").find(|one| one.starts_with("frame-src"));
            assert_eq!(found, frames);
            assert_eq!(headers["cross-origin-embedder-policy"], embedder);
        }
    }

    #[test]
    fn the_document_names_the_shops_and_nothing_else_changes() {
        let widget = Widget::from_files(crate::testing::widget_files()).unwrap();
        let document = document(&widget, &shops(), &Rail::ALL);
        assert!(document.contains("data-origins=\"https://shop.example http://localhost:8080\""));
        assert!(document.contains("data-rails=\"card cvu flux flexiti\""));
        assert!(!document.contains("__VENTANILLA"));
    }

    #[test]
    fn the_compressed_document_is_the_same_document() {
        let document = "una ventanilla ".repeat(1000);
        let compressed = compress(document.as_bytes()).unwrap();
        let mut read = Vec::new();
        brotli::BrotliDecompress(&mut &*compressed, &mut read).unwrap();
        assert_eq!(read, document.as_bytes());
        assert!(compressed.len() < 100);
    }

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(escape("\"><b>&'"), "&quot;&gt;&lt;b&gt;&amp;&#39;");
    }
}
