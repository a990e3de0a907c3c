//! The frame document: the page on the proxy's origin in which cards are typed, and the policy that
//! the browser holds it to.

use std::collections::HashMap;
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
/// the same everywhere. [`Purpose::permissions`] has the rest.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), \
geolocation=(), gyroscope=(), hid=(), idle-detection=(), keyboard-map=(), local-fonts=(), magnetometer=(), \
microphone=(), midi=(), payment=(self), picture-in-picture=(), publickey-credentials-get=(self), \
screen-wake-lock=(), serial=(), storage-access=(), usb=(), window-management=(), \
xr-spatial-tracking=()";

struct Frame {
    document: Bytes,
    compressed: Bytes,
    headers: HashMap<Purpose, HeaderMap>,
    /// What fetches the module of a rail ahead, by the rail's name.
    preloads: HashMap<&'static str, HeaderValue>,
    /// What this proxy can be asked for.
    most: Purpose,
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
/// the provider's page that the frame of another one shows, where there is one.
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
    let all = Purpose::ALL.into_iter();
    let headers = all.map(|purpose| {
        let headers = headers(widget, &policy.merchants, purpose, hosted)?;
        Ok((purpose, headers))
    });
    let frame = Frame {
        compressed: compress(&document)?,
        document,
        headers: headers.collect::<Result<_>>()?,
        preloads: preloads(widget, rails),
        most: Purpose {
            scans: rails.contains(&Rail::Flux),
            hosts: hosted.is_some(),
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
    let purpose = Purpose::named(&address).at_most(frame.most);
    let Some(headers) = frame.headers.get(&purpose) else {
        return Error::internal("a frame without a policy").into_response();
    };
    let mut headers = headers.clone();
    if let Some(preload) = frame.preload(&address, &request) {
        headers.insert(header::LINK, preload.clone());
    }
    if !takes_brotli(&request) {
        return (headers, frame.document.clone()).into_response();
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    (headers, frame.compressed.clone()).into_response()
}

impl Frame {
    /// The module that the document's script is going to fetch, for browsers that then take what came ahead in
    /// place of fetching it again, and still hold it against its pin: Chromium does. Of others that is not known, and
    /// they name themselves otherwise.
    fn preload(&self, address: &Uri, request: &HeaderMap) -> Option<&HeaderValue> {
        if !request.contains_key(CLIENT_HINT) {
            return None;
        }
        match self.preloads.len() {
            1 => self.preloads.values().next(),
            _ => self.preloads.get(Named::of(address).rails.as_str()),
        }
    }
}

/// Sent by Chromium and whatever is built on it.
const CLIENT_HINT: &str = "sec-ch-ua";

/// `</assets/…>; rel=preload; …` for the module of each rail, by its name. Nothing of its integrity: there is none for
/// what is fetched by scripts, and whoever takes it checks.
fn preloads(widget: &Widget, rails: &[Rail]) -> HashMap<&'static str, HeaderValue> {
    let link = |rail: &Rail| {
        let path = widget.module_path(rail.name())?;
        let link = format!("<{path}>; rel=preload; as=fetch; crossorigin=anonymous");
        Some((rail.name(), HeaderValue::from_str(&link).ok()?))
    };
    rails.iter().filter_map(link).collect()
}

/// What the loader says in the frame's address.
#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    rails: String,
}

impl Named {
    fn of(address: &Uri) -> Self {
        let Query(named) = Query::try_from_uri(address).unwrap_or_default();
        named
    }
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

/// What a frame is for, as far as the loader knows: `?rails=card,flux`. One that scans wallets' codes uses the
/// camera and the clipboard, and decodes in a worker, which is started from a text that was held against its pin.
/// One that hosts shows the provider's page. One for anything else has none of it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
struct Purpose {
    scans: bool,
    hosts: bool,
}

impl Purpose {
    const ALL: [Self; 4] = [
        Self::of(false, false),
        Self::of(true, false),
        Self::of(false, true),
        Self::of(true, true),
    ];

    const fn of(scans: bool, hosts: bool) -> Self {
        Self { scans, hosts }
    }

    fn named(address: &Uri) -> Self {
        let named = Named::of(address);
        let has = |rail: Rail| named.rails.split([',', ' ']).any(|one| one == rail.name());
        Self::of(has(Rail::Flux), has(Rail::Flexiti))
    }

    const fn at_most(self, most: Self) -> Self {
        Self::of(self.scans && most.scans, self.hosts && most.hosts)
    }

    const fn permissions(self) -> &'static str {
        if self.scans {
            "camera=(self), clipboard-read=(self)"
        } else {
            "camera=(), clipboard-read=()"
        }
    }

    const fn worker_src(self) -> &'static str {
        if self.scans { "worker-src blob:; " } else { "" }
    }

    const fn trusted_types(self) -> &'static str {
        if self.scans {
            "ventanilla-reader"
        } else {
            "'none'"
        }
    }

    fn frame_src(self, hosted: Option<&Origin>) -> String {
        let shown = hosted.filter(|_| self.hosts);
        shown.map_or_else(String::new, |origin| format!("frame-src {origin}; "))
    }

    /// A frame that requires it cannot show a page that does not say it, and the provider's need not.
    const fn embedder(self) -> &'static str {
        if self.hosts {
            "unsafe-none"
        } else {
            "require-corp"
        }
    }
}

/// The frame's content security policy.
fn content_security_policy(
    widget: &Widget,
    shops: &[Origin],
    purpose: Purpose,
    hosted: Option<&Origin>,
) -> String {
    let quoted = |hashes: &[String]| {
        let quoted: Vec<String> = hashes.iter().map(|hash| format!("'{hash}'")).collect();
        quoted.join(" ")
    };
    let manifest = widget.manifest();
    format!(
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; connect-src 'self'; \
         img-src 'self'; {}{}form-action 'none'; base-uri 'none'; object-src 'none'; frame-ancestors {}; \
         require-trusted-types-for 'script'; trusted-types {}; report-uri {CSP_REPORT_PATH}",
        quoted(&manifest.script_hashes),
        quoted(&manifest.style_hashes),
        purpose.worker_src(),
        purpose.frame_src(hosted),
        join(shops),
        purpose.trusted_types(),
    )
}

fn headers(
    widget: &Widget,
    shops: &[Origin],
    purpose: Purpose,
    hosted: Option<&Origin>,
) -> Result<HeaderMap> {
    let policy = content_security_policy(widget, shops, purpose, hosted);
    let policy = HeaderValue::from_str(&policy).map_err(Error::internal)?;
    let permissions = format!("{}, {PERMISSIONS}", purpose.permissions());
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
    for (name, value) in [
        ("cross-origin-embedder-policy", purpose.embedder()),
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
            content_security_policy(&widget, &shops(), Purpose::default(), None),
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
        let (plain, scanning) = (Purpose::default(), Purpose::of(true, false));
        let text = |purpose, name: &str| {
            let headers = headers(&widget, &shops(), purpose, None).unwrap();
            headers.get(name).unwrap().to_str().unwrap().to_owned()
        };
        let added = [" worker-src blob:;", " trusted-types ventanilla-reader;"];
        let [without, with] = [plain, scanning].map(|it| text(it, "content-security-policy"));
        for words in added {
            assert!(with.contains(words) && !without.contains(words), "{words}");
        }
        let with = with
            .replace(added[0], "")
            .replace(added[1], " trusted-types 'none';");
        assert_eq!(with, without, "and nothing else is different");

        let [without, with] = [plain, scanning].map(|it| text(it, "permissions-policy"));
        assert!(without.contains("camera=()") && without.contains("clipboard-read=()"));
        assert_eq!(
            with,
            without
                .replace("camera=()", "camera=(self)")
                .replace("clipboard-read=()", "clipboard-read=(self)")
        );
        assert!(with.contains("microphone=()"));
    }

    #[test]
    fn what_a_frame_is_for_is_in_its_address() {
        for (query, scans, hosts) in [
            ("?rails=flux", true, false),
            ("?rails=card%2Cflux&locale=es-MX", true, false),
            ("?locale=es-MX&rails=card+flux", true, false),
            ("?rails=flexiti", false, true),
            ("?rails=flux%2Cflexiti", true, true),
            ("", false, false),
            ("?", false, false),
            ("?flux", false, false),
            ("?rails=card", false, false),
            ("?rails=influx+inflexiti", false, false),
            ("?locale=flux&x=flexiti", false, false),
            ("?rails=%ff", false, false),
        ] {
            let purpose = Purpose::named(&format!("/frame{query}").parse().unwrap());
            assert_eq!(purpose, Purpose::of(scans, hosts), "{query}");
        }
    }

    #[test]
    fn a_frame_is_for_what_its_proxy_has_at_most() {
        for most in Purpose::ALL {
            for wanted in Purpose::ALL {
                let purpose = wanted.at_most(most);
                assert_eq!(purpose.scans, wanted.scans && most.scans);
                assert_eq!(purpose.hosts, wanted.hosts && most.hosts);
            }
        }
    }

    #[test]
    fn a_frame_that_hosts_shows_the_provider_s_page_alone_and_no_other_shows_any() {
        let widget = Widget::from_files(crate::testing::widget_files()).unwrap();
        let page = Origin::parse("https://posapi.flexiti.fi").unwrap();
        for purpose in Purpose::ALL {
            let headers = headers(&widget, &shops(), purpose, Some(&page)).unwrap();
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            let found = policy.split("; ").find(|one| one.starts_with("frame-src"));
            let (frames, embedder) = if purpose.hosts {
                (Some("frame-src https://posapi.flexiti.fi"), "unsafe-none")
            } else {
                (None, "require-corp")
            };
            assert_eq!(found, frames, "{purpose:?}");
            assert_eq!(headers["cross-origin-embedder-policy"], embedder);
            let without = policy.replace("frame-src https://posapi.flexiti.fi; ", "");
            let plain = Purpose::of(purpose.scans, false);
            let plain = content_security_policy(&widget, &shops(), plain, Some(&page));
            assert_eq!(without, plain, "and nothing else is different");
        }
    }

    fn asked(rails: &[Rail], address: &str, hint: bool) -> Option<String> {
        let widget = Widget::from_files(crate::testing::widget_files()).unwrap();
        let frame = Frame {
            document: Bytes::new(),
            compressed: Bytes::new(),
            headers: HashMap::new(),
            preloads: preloads(&widget, rails),
            most: Purpose::default(),
            embed: Bytes::new(),
        };
        let mut request = HeaderMap::new();
        if hint {
            request.insert(CLIENT_HINT, HeaderValue::from_static("\"Chromium\""));
        }
        let link = frame.preload(&address.parse().unwrap(), &request)?;
        Some(link.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_module_is_fetched_ahead_where_it_is_known_which_and_the_browser_takes_it() {
        let both = [Rail::Card, Rail::Cvu];
        let link = asked(&both, "/frame?rails=card", true).unwrap();
        assert!(link.starts_with("</assets/"), "{link}");
        assert!(link.ends_with(">; rel=preload; as=fetch; crossorigin=anonymous"));
        assert_ne!(asked(&both, "/frame?rails=cvu", true).unwrap(), link);
        assert_eq!(asked(&[Rail::Card], "/frame", true).unwrap(), link);
        for address in ["/frame", "/frame?rails=card,cvu", "/frame?rails=flux"] {
            assert_eq!(asked(&both, address, true), None, "{address}");
        }
        assert_eq!(asked(&both, "/frame?rails=card", false), None);
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
