//! What is served to everybody: frame, assets, and how to embed them. Headers word by word.

use reqwest::Method;
use serde_json::Value;

use crate::support::{
    BOOT_SCRIPT, GLUE, LOADER, PUBLIC_ORIGIN, Proxy, SHOP_ORIGIN, STYLE, WASM, inline_hash,
    integrity, problem,
};

#[tokio::test]
async fn the_frame_comes_with_its_policy() {
    let proxy = Proxy::start().await;
    let answer = proxy.request(Method::GET, "/frame").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    let policy = format!(
        "default-src 'none'; script-src '{}' '{}' 'wasm-unsafe-eval'; style-src '{}'; connect-src 'self'; \
         img-src 'self'; form-action 'none'; base-uri 'none'; object-src 'none'; \
         frame-ancestors {SHOP_ORIGIN}; require-trusted-types-for 'script'; trusted-types 'none'; \
         report-uri /v1/csp-reports",
        inline_hash(BOOT_SCRIPT),
        integrity("glue"),
        inline_hash(STYLE),
    );
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy.as_str()),
        ("cache-control", "no-store"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("origin-agent-cluster", "?1"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("vary", "Accept-Encoding"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let permissions = headers["permissions-policy"].to_str().unwrap();
    let features: Vec<&str> = permissions.split(", ").collect();
    for allowed in [
        "payment=(self)",
        "publickey-credentials-get=(self)",
        "clipboard-write=(self)",
    ] {
        assert!(features.contains(&allowed), "{permissions}");
    }
    for off in [
        "camera=()",
        "microphone=()",
        "geolocation=()",
        "clipboard-read=()",
        "display-capture=()",
        "usb=()",
    ] {
        assert!(features.contains(&off), "{permissions}");
    }
    assert_eq!(
        features
            .iter()
            .filter(|feature| !feature.ends_with("=()"))
            .count(),
        3
    );
    for absent in [
        "x-frame-options",
        "strict-transport-security",
        "set-cookie",
        "access-control-allow-origin",
    ] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
    let document = answer.text().await.unwrap();
    assert!(
        document.contains(&format!("data-origins=\"{SHOP_ORIGIN}\"")),
        "{document}"
    );
}

#[tokio::test]
async fn the_frame_is_compressed_for_whoever_asks() {
    let proxy = Proxy::start().await;
    let plain = proxy.request(Method::GET, "/frame").send().await.unwrap();
    let small = proxy
        .request(Method::GET, "/frame")
        .header("accept-encoding", "gzip, br")
        .send()
        .await
        .unwrap();
    assert_eq!(small.headers()["content-encoding"], "br");
    assert_eq!(
        small.headers()["content-security-policy"],
        plain.headers()["content-security-policy"]
    );
    let mut read = Vec::new();
    brotli::BrotliDecompress(&mut &*small.bytes().await.unwrap(), &mut read).unwrap();
    assert_eq!(read, plain.bytes().await.unwrap());
}

#[tokio::test]
async fn assets_are_for_everybody_and_for_ever() {
    let proxy = Proxy::start().await;
    for (file, content_type, content) in [
        (GLUE, "text/javascript; charset=utf-8", "glue"),
        (LOADER, "text/javascript; charset=utf-8", "loader"),
        (WASM, "application/wasm", "\0asm"),
    ] {
        let answer = proxy
            .request(Method::GET, &format!("/assets/{file}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{file}");
        for (name, value) in [
            ("content-type", content_type),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("vary", "Accept-Encoding"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.headers()[name], value, "{file} {name}");
        }
        assert!(!answer.headers().contains_key("content-encoding"));
        assert_eq!(answer.text().await.unwrap(), content);
    }
    let small = proxy
        .request(Method::GET, &format!("/assets/{GLUE}"))
        .header("accept-encoding", "br")
        .send()
        .await
        .unwrap();
    assert_eq!(small.headers()["content-encoding"], "br");
    assert_eq!(
        small.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(small.text().await.unwrap(), "glue in brotli");
    // No compressed form was made of this one.
    let plain = proxy
        .request(Method::GET, &format!("/assets/{WASM}"))
        .header("accept-encoding", "br")
        .send()
        .await
        .unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    let head = proxy
        .request(Method::HEAD, &format!("/assets/{WASM}"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.status().as_u16(), head.text().await.unwrap().len()),
        (200, 0)
    );
}

#[tokio::test]
async fn nothing_but_the_released_files_is_under_assets() {
    let proxy = Proxy::start().await;
    for file in [
        "manifest.json",
        "pins.js",
        "frame.html",
        "glue.3f2a91c0.js.br",
        "..%2fstore.db",
        "%2e%2e/store.db",
        "glue.3f2a91c0.js%00",
        "nothing.js",
    ] {
        let answer = proxy
            .request(Method::GET, &format!("/assets/{file}"))
            .send()
            .await
            .unwrap();
        problem(answer, 404, "not-found").await;
    }
}

#[tokio::test]
async fn a_shop_can_ask_what_to_load() {
    let proxy = Proxy::start().await;
    let answer = proxy
        .request(Method::GET, "/embed.json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    let embed: Value = answer.json().await.unwrap();
    assert_eq!(
        embed,
        serde_json::json!({
            "release": "0.1.0",
            "loader": format!("{PUBLIC_ORIGIN}/assets/{LOADER}"),
            "integrity": integrity("loader"),
        })
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_done_are_problem_documents() {
    let proxy = Proxy::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/sessionsx",
        "/v1/checkout/",
        "/metrics",
        "/livez",
        "/readyz",
        "/.env",
    ] {
        let answer = proxy.request(Method::GET, path).send().await.unwrap();
        problem(answer, 404, "not-found").await;
    }
    for (method, path) in [
        (Method::POST, "/frame"),
        (Method::DELETE, "/v1/checkout"),
        (Method::GET, "/v1/checkout/attempts"),
        (Method::PUT, "/v1/sessions"),
        (Method::GET, "/v1/csp-reports"),
    ] {
        let answer = proxy.request(method, path).send().await.unwrap();
        assert!(answer.headers().contains_key("allow"), "{path}");
        problem(answer, 405, "method-not-allowed").await;
    }
}

#[tokio::test]
async fn answers_for_one_reader_are_kept_by_nobody() {
    let proxy = Proxy::start().await;
    let (session, token) = proxy.session().await;
    let answers = [
        proxy
            .frame(Method::GET, "/v1/checkout", &token)
            .send()
            .await
            .unwrap(),
        proxy
            .merchant(Method::GET, &format!("/v1/sessions/{session}"))
            .send()
            .await
            .unwrap(),
    ];
    for answer in answers {
        for (name, value) in [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.headers()[name], value, "{name}");
        }
        assert!(!answer.headers().contains_key("set-cookie"));
    }
}
