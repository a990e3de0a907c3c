//! Who may ask: client tokens, origins, API keys, limits.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use ventanilla_core::rails::Rail;
use ventanilla_proxy::clock::Clock as _;
use ventanilla_proxy::token::{ClientTokens, TokenKeys};

use crate::support::{
    API_KEY, OLD_API_KEY, PAN, PUBLIC_ORIGIN, Proxy, SHOP_ORIGIN, fresh_key, new_session, problem,
};

/// Origins that are not the shop's, though they look like it.
const HOSTILE: [&str; 32] = [
    "null",
    "*",
    "http://localhost",
    "http://localhost:80",
    "http://localhost:8081",
    "http://localhost:80800",
    "http://localhost:808",
    "http://localhost:08080",
    "https://localhost:8080",
    "http://localhost:8080/",
    "http://localhost:8080/cart",
    "http://localhost:8080?",
    "http://localhost:8080#",
    "http://localhost:8080.evil.example",
    "http://localhost.evil.example:8080",
    "http://evil.example/http://localhost:8080",
    "http://evil.example?http://localhost:8080",
    "http://localhost:8080@evil.example",
    "http://user@localhost:8080",
    "http://evillocalhost:8080",
    "http://evil-localhost:8080",
    "http://sub.localhost:8080",
    "http://localhost.:8080",
    "http://LOCALHOST:8080",
    "HTTP://localhost:8080",
    "http:localhost:8080",
    "//localhost:8080",
    "localhost:8080",
    "http://localhost:8080, http://evil.example",
    "http://localhost:8080 http://evil.example",
    "http://xn--lcalhost-9za:8080",
    "http://127.0.0.1:8080",
];

/// Status, headers that tell something, and body.
async fn whole(answer: Response) -> (u16, Vec<String>, String) {
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    (
        answer.status().as_u16(),
        headers,
        answer.text().await.unwrap(),
    )
}

#[tokio::test]
async fn every_bad_client_token_gets_one_and_the_same_answer() {
    let proxy = Proxy::start().await;
    let (session, good) = proxy.session().await;
    let now = proxy.clock.now();
    let made = |kid: &str, byte: u8, audience: &str, at| {
        let keys = format!("{kid}:{}", STANDARD.encode([byte; 32]));
        let tokens = ClientTokens::new(TokenKeys::parse(&keys.as_str().into()).unwrap(), audience);
        let token = tokens.seal(&session, &[Rail::Card], at).unwrap();
        token.text.expose_secret().to_owned()
    };
    // The recipe itself is right: made as the proxy makes it, a token opens.
    let right = made("k1", 7, PUBLIC_ORIGIN, now);
    let answer = proxy
        .frame(Method::GET, "/v1/checkout", &right)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    let flipped = |index: usize| {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let bad = [
        String::new(),
        "x".to_owned(),
        "v2.k1.card.".to_owned(),
        good.replacen("v2", "v1", 1),
        good.replacen("card", "cvu", 1),
        good.replacen("k1", "k2", 1),
        format!("{good}A"),
        flipped(good.len() / 2),
        flipped(good.len() - 2),
        made("k1", 8, PUBLIC_ORIGIN, now),
        made("k9", 7, PUBLIC_ORIGIN, now),
        made("k1", 7, "http://127.0.0.1:8788", now),
        made("k1", 7, PUBLIC_ORIGIN, now + Duration::from_secs(61)),
        API_KEY.to_owned(),
        "x".repeat(5000),
    ];
    let ask = async |token: &str| {
        whole(
            proxy
                .frame(Method::GET, "/v1/checkout", token)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let first = ask(&bad[0]).await;
    assert_eq!(first.0, 401);
    assert!(first.2.contains("client-token-invalid"));
    for token in &bad {
        assert_eq!(ask(token).await, first, "{token}");
    }
    // Without any, and with two.
    let none = proxy
        .request(Method::GET, "/v1/checkout")
        .header("origin", PUBLIC_ORIGIN);
    assert_eq!(whole(none.send().await.unwrap()).await, first);
    let two = proxy
        .frame(Method::GET, "/v1/checkout", &right)
        .bearer_auth(&right);
    assert_eq!(whole(two.send().await.unwrap()).await, first);
    // And once its time is over.
    proxy.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(ask(&good).await, first);
}

#[tokio::test]
async fn a_token_opens_one_session_and_unknown_attempts_all_look_alike() {
    let proxy = Proxy::start().await;
    let (first_session, first) = proxy.session().await;
    let (_, second) = proxy.session().await;
    let view: Value = proxy
        .frame(Method::GET, "/v1/checkout", &first)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(view["session_id"], first_session.as_str());

    let start = proxy.card_start(PAN);
    let attempt: Value = proxy
        .start_attempt(&first, &fresh_key(), &start)
        .await
        .json()
        .await
        .unwrap();
    let id = attempt["id"].as_str().unwrap();
    let path = |id: &str| format!("/v1/checkout/attempts/{id}");
    let own = proxy
        .frame(Method::GET, &path(id), &first)
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), 200);

    let stranger = whole(
        proxy
            .frame(Method::GET, &path(id), &second)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(stranger.0, 404);
    for other in [
        "att_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "x",
        "..",
        "%00",
        "att'--",
        &"a".repeat(300),
    ] {
        let answer = proxy
            .frame(Method::GET, &path(other), &second)
            .send()
            .await
            .unwrap();
        assert_eq!(whole(answer).await, stranger, "{other}");
    }
    let merchants = whole(
        proxy
            .merchant(Method::GET, "/v1/attempts/att_unknown")
            .send()
            .await
            .unwrap(),
    )
    .await;
    let sessions = whole(
        proxy
            .merchant(Method::GET, "/v1/sessions/ses_unknown")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(merchants, sessions);
    assert_eq!(merchants.0, 404);
}

#[tokio::test]
async fn hostile_origins_get_nothing_on_any_route_of_the_browser() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    for origin in HOSTILE {
        for (method, path) in [
            (Method::GET, "/v1/checkout"),
            (Method::POST, "/v1/checkout/attempts"),
            (Method::GET, "/v1/checkout/attempts/att_x"),
            (Method::OPTIONS, "/v1/checkout"),
        ] {
            let answer = proxy
                .request(method.clone(), path)
                .bearer_auth(&token)
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .send()
                .await
                .unwrap();
            let headers = answer.headers();
            assert!(
                !headers.contains_key("access-control-allow-origin"),
                "{method} {path} {origin}"
            );
            assert_eq!(headers["vary"], "Origin");
            problem(answer, 403, "origin-not-allowed").await;
        }
    }
    assert_eq!(proxy.debits(), 0);
}

#[tokio::test]
async fn a_request_that_does_not_say_where_it_comes_from_is_refused() {
    let proxy = Proxy::start().await;
    let (_, token) = proxy.session().await;
    for (method, path) in [
        (Method::GET, "/v1/checkout"),
        (Method::POST, "/v1/checkout/attempts"),
    ] {
        for site in [None, Some("cross-site"), Some("same-site"), Some("none")] {
            let mut request = proxy.request(method.clone(), path).bearer_auth(&token);
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            problem(request.send().await.unwrap(), 403, "origin-not-allowed").await;
        }
    }
    let own = proxy
        .request(Method::GET, "/v1/checkout")
        .bearer_auth(&token)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(own.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_listed_shop_may_read_also_what_was_refused_and_no_credentials_are_involved() {
    let proxy = Proxy::start_with(|text| text.replace("inline = false", "inline = true")).await;
    let (_, token) = proxy.session().await;
    let from_shop = |token: &str| {
        proxy
            .request(Method::GET, "/v1/checkout")
            .bearer_auth(token)
            .header("origin", SHOP_ORIGIN)
            .send()
    };
    for (answer, status) in [
        (from_shop(&token).await.unwrap(), 200),
        (from_shop("bad").await.unwrap(), 401),
    ] {
        assert_eq!(answer.status(), status);
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], SHOP_ORIGIN);
        assert_eq!(headers["access-control-expose-headers"], "retry-after");
        assert_eq!(headers["vary"], "Origin");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        assert!(!headers.contains_key("set-cookie"));
    }

    let preflight = proxy
        .request(Method::OPTIONS, "/v1/checkout/attempts")
        .header("origin", SHOP_ORIGIN)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,idempotency-key",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], SHOP_ORIGIN);
    assert_eq!(headers["access-control-allow-methods"], "GET, POST");
    assert_eq!(
        headers["access-control-allow-headers"],
        "authorization, content-type, idempotency-key"
    );
    assert_eq!(headers["access-control-max-age"], "300");
    assert!(!headers.contains_key("access-control-allow-credentials"));

    // The merchant API is not for pages at all.
    let merchants = proxy
        .request(Method::OPTIONS, "/v1/sessions")
        .header("origin", SHOP_ORIGIN)
        .header("access-control-request-method", "POST")
        .send()
        .await
        .unwrap();
    assert!(
        !merchants
            .headers()
            .contains_key("access-control-allow-origin")
    );
    assert!(!merchants.status().is_success());
}

#[tokio::test]
async fn a_card_is_taken_from_a_shops_page_only_with_inline_switched_on() {
    let from_shop = async |proxy: &Proxy| {
        let (_, token) = proxy.session().await;
        proxy
            .request(Method::POST, "/v1/checkout/attempts")
            .bearer_auth(token)
            .header("origin", SHOP_ORIGIN)
            .header("sec-fetch-site", "cross-site")
            .header("idempotency-key", fresh_key())
            .json(&proxy.card_start(PAN))
            .send()
            .await
            .unwrap()
    };
    let proxy = Proxy::start().await;
    problem(from_shop(&proxy).await, 403, "origin-not-allowed").await;
    assert_eq!(proxy.debits(), 0);
    // Nor is the form shown there, to be refused once it is filled in.
    let (_, token) = proxy.session().await;
    let form = proxy
        .request(Method::GET, "/v1/checkout")
        .bearer_auth(token)
        .header("origin", SHOP_ORIGIN)
        .header("sec-fetch-site", "cross-site");
    problem(form.send().await.unwrap(), 403, "origin-not-allowed").await;

    let inline = Proxy::start_with(|text| text.replace("inline = false", "inline = true")).await;
    let answer = from_shop(&inline).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["state"], "succeeded");
    assert_eq!(inline.debits(), 1);
}

#[tokio::test]
async fn the_merchant_api_opens_to_either_key_and_never_to_a_browser() {
    let proxy = Proxy::start().await;
    let (session, token) = proxy.session().await;
    let path = format!("/v1/sessions/{session}");
    for key in [API_KEY, OLD_API_KEY] {
        let answer = proxy
            .request(Method::GET, &path)
            .bearer_auth(key)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    let long = format!("{API_KEY}x");
    for key in [
        "",
        "x",
        &token,
        &long,
        "vsk_current_01234567",
        &API_KEY.to_uppercase(),
    ] {
        let answer = proxy
            .request(Method::GET, &path)
            .bearer_auth(key)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        problem(answer, 401, "api-key-invalid").await;
    }
    problem(
        proxy.request(Method::GET, &path).send().await.unwrap(),
        401,
        "api-key-invalid",
    )
    .await;
    let basic = proxy
        .request(Method::GET, &path)
        .basic_auth(API_KEY, Some(""))
        .send()
        .await
        .unwrap();
    problem(basic, 401, "api-key-invalid").await;
    for origin in [SHOP_ORIGIN, PUBLIC_ORIGIN, "null"] {
        let answer = proxy
            .merchant(Method::GET, &path)
            .header("origin", origin)
            .send()
            .await
            .unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        problem(answer, 403, "origin-not-allowed").await;
    }
}

#[tokio::test]
async fn wrong_api_keys_are_slowed_down_and_the_right_one_is_not() {
    let proxy =
        Proxy::start_with(|text| format!("{text}refused_keys_per_ip_per_minute = 3\n")).await;
    let wrong = || {
        proxy
            .request(Method::GET, "/v1/sessions/ses_x")
            .bearer_auth("wrong")
            .send()
    };
    for _ in 0..3 {
        problem(wrong().await.unwrap(), 401, "api-key-invalid").await;
    }
    let answer = wrong().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "20");
    problem(answer, 429, "rate-limited").await;
    let right = proxy
        .merchant(Method::GET, "/v1/sessions/ses_x")
        .send()
        .await
        .unwrap();
    problem(right, 404, "not-found").await;
}

#[tokio::test]
async fn a_client_is_limited_whatever_it_writes_into_x_forwarded_for() {
    let proxy = Proxy::start_with(|text| {
        text.replace(
            "requests_per_ip_per_minute = 10000",
            "requests_per_ip_per_minute = 5",
        )
    })
    .await;
    let ask = async |claimed: &str| {
        let request = proxy
            .request(Method::GET, "/frame")
            .header("x-forwarded-for", claimed);
        request.send().await.unwrap()
    };
    for number in 0..5 {
        assert_eq!(ask(&format!("203.0.113.{number}")).await.status(), 200);
    }
    let refused = ask("203.0.113.99").await;
    assert_eq!(refused.headers()["retry-after"], "12");
    problem(refused, 429, "rate-limited").await;
    // The shop's server is known by its key.
    assert_eq!(
        proxy
            .open_session(&fresh_key(), &new_session())
            .await
            .status(),
        201
    );
    proxy.clock.advance(Duration::from_secs(12));
    assert_eq!(ask("x").await.status(), 200);
}

#[tokio::test]
async fn behind_a_reverse_proxy_clients_are_told_apart_by_what_it_appended() {
    let proxy = Proxy::start_with(|text| {
        text.replace(
            "requests_per_ip_per_minute = 10000",
            "requests_per_ip_per_minute = 2",
        )
        .replace("trusted_proxy_hops = 0", "trusted_proxy_hops = 1")
    })
    .await;
    let ask = async |claimed: &str, seen: &str| {
        let request = proxy
            .request(Method::GET, "/frame")
            .header("x-forwarded-for", format!("{claimed}, {seen}"));
        request.send().await.unwrap().status()
    };
    assert_eq!(ask("198.51.100.1", "203.0.113.7").await, 200);
    assert_eq!(ask("198.51.100.2", "203.0.113.7").await, 200);
    assert_eq!(ask("198.51.100.3", "203.0.113.7").await, 429);
    assert_eq!(ask("198.51.100.3", "203.0.113.8").await, 200);
}

#[tokio::test]
async fn card_attempts_and_requests_of_one_session_are_limited() {
    let proxy = Proxy::start_with(|text| {
        format!("{text}card_starts_per_ip_per_hour = 2\nrequests_per_session_per_minute = 4\n")
    })
    .await;
    let start = json!({ "rail": "card", "card": { "sealed": { "ld": "00", "lk": "AA==" } } });
    let (_, token) = proxy.session().await;
    for _ in 0..2 {
        problem(
            proxy.start_attempt(&token, &fresh_key(), &start).await,
            422,
            "card-malformed",
        )
        .await;
    }
    let refused = proxy.start_attempt(&token, &fresh_key(), &start).await;
    assert_eq!(refused.headers()["retry-after"], "1800");
    problem(refused, 429, "rate-limited").await;
    // The fourth request of this session is its last for now; another session is another matter.
    let checkout = async |token: &str| {
        proxy
            .frame(Method::GET, "/v1/checkout", token)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(checkout(&token).await.status(), 200);
    problem(checkout(&token).await, 429, "rate-limited").await;
    let (_, other) = proxy.session().await;
    assert_eq!(checkout(&other).await.status(), 200);
}
