//! A purchase that is financed, over HTTP: each next action, what is refused, and what the merchant does after it.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::operations::{get, operate};
use crate::support::{Proxy, SHOP_ORIGIN, environment, fresh_key, problem};

const TOTAL: u64 = 100_000;
/// The sandbox's first account.
const ACCOUNT: &str = "10000001";

/// With the rail, and further lines for it.
async fn proxy(more: &str) -> Proxy {
    let mut secrets = environment();
    let secret = String::from("placeholder-secret");
    secrets.insert("VENTANILLA_FLEXITI_CLIENT_SECRET", secret);
    let sandbox = |url: &str| section(url, more);
    Proxy::start_before(|text, it| text + &sandbox(&it.flexiti_url), secrets).await
}

/// The rail's section of the configuration.
pub fn section(url: &str, more: &str) -> String {
    format!("[flexiti]\nurl = \"{url}\"\nclient_id = \"demo-merchant\"\n{more}\n")
}

fn start() -> Value {
    json!({
        "rail": "flexiti",
        "flexiti": {
            "identification": { "by": "account", "account_number": ACCOUNT },
            "billing": {
                "first_name": "Test", "last_name": "Shopper", "line1": "1 Example Street",
                "city": "Toronto", "province": "ON", "postal_code": "A1A 1A1",
            },
            "language": "en",
        },
    })
}

/// A buyer before an open session.
struct Buyer<'a> {
    proxy: &'a Proxy,
    session: String,
    token: String,
}

impl<'a> Buyer<'a> {
    async fn before(proxy: &'a Proxy) -> Self {
        let order = json!({
            "order_reference": "C-1", "rails": ["flexiti"],
            "total": { "amount_minor": TOTAL, "currency": "CAD" },
        });
        let opened = proxy.open_session(&fresh_key(), &order).await;
        assert_eq!(opened.status(), 201);
        let opened: Value = opened.json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            proxy,
            session: text(&opened["session"]["id"]),
            token: text(&opened["client_token"]),
        }
    }

    async fn checkout(&self) -> Value {
        let asked = self
            .proxy
            .frame(Method::GET, "/v1/checkout", &self.token)
            .send();
        let answer = asked.await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    async fn start(&self, key: &str) -> Response {
        self.proxy.start_attempt(&self.token, key, &start()).await
    }

    /// Up to the provider's page.
    async fn begin(&self) -> Value {
        let answer = self.start(&fresh_key()).await;
        assert_eq!(answer.status(), 200);
        let attempt: Value = answer.json().await.unwrap();
        assert_eq!(attempt["next_action"], "identify", "{attempt}");
        attempt
    }

    async fn step(&self, attempt: &Value, step: &Value) -> Response {
        let id = attempt["id"].as_str().unwrap();
        let path = format!("/v1/checkout/attempts/{id}/steps");
        let asked = self.proxy.frame(Method::POST, &path, &self.token);
        asked.json(step).send().await.unwrap()
    }

    /// Takes a step that is taken.
    async fn takes(&self, attempt: &Value, step: &Value) -> Value {
        let answer = self.step(attempt, step).await;
        let status = answer.status();
        let attempt: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{attempt}");
        attempt
    }

    /// Up to the offers.
    async fn identify(&self) -> Value {
        let attempt = self.begin().await;
        pass(self.proxy, &attempt).await;
        let seen = self.takes(&attempt, &identified(&attempt)).await;
        assert_eq!(seen["next_action"], "choose", "{seen}");
        seen
    }

    /// All the way.
    async fn buy(&self, choice: &Value) -> Value {
        let attempt = self.identify().await;
        let bought = self.takes(&attempt, choice).await;
        assert_eq!(bought["state"], "succeeded", "{bought}");
        bought
    }
}

fn session_of(attempt: &Value) -> String {
    let address = attempt["hosted_page"]["address"].as_str().unwrap();
    let (_, rest) = address.split_once("widget_session_id=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

fn identified(attempt: &Value) -> Value {
    json!({
        "step": "identified", "widget_session_id": session_of(attempt), "account_number": ACCOUNT,
    })
}

fn plan(months: u32) -> Value {
    json!({ "step": "finance", "by": "plan", "plan": "4", "months": months })
}

/// The buyer shows who they are on the provider's page.
async fn pass(proxy: &Proxy, attempt: &Value) {
    let url = format!("{}/flexiti/identify", proxy.sandbox.management_url);
    let body = json!({ "widget_session_id": session_of(attempt), "outcome": "verified" });
    let passed = proxy.http.post(url).json(&body).send().await.unwrap();
    assert!(passed.status().is_success());
}

#[tokio::test]
async fn a_purchase_goes_from_the_page_to_the_offers_to_the_receipt() {
    let proxy = proxy("").await;
    let buyer = Buyer::before(&proxy).await;
    let offer = buyer.checkout().await;
    assert_eq!(offer["rails"], json!(["flexiti"]));
    assert_eq!(
        offer["flexiti"]["identifications"],
        json!(["account", "person"])
    );

    let attempt = buyer.begin().await;
    let page = &attempt["hosted_page"];
    assert_eq!(page["origin"], proxy.sandbox.flexiti_url);
    let address = page["address"].as_str().unwrap();
    assert!(address.starts_with(&proxy.sandbox.flexiti_url), "{address}");
    assert!(attempt["offers"].is_null() && attempt["receipt"].is_null());

    pass(&proxy, &attempt).await;
    let offered = buyer.takes(&attempt, &identified(&attempt)).await;
    assert_eq!(offered["next_action"], "choose");
    assert!(offered["hosted_page"].is_null());
    let months: Vec<&Value> = offered["offers"]["plans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| &plan["months"])
        .collect();
    assert_eq!(months, [6, 12]);

    let bought = buyer.takes(&attempt, &plan(6)).await;
    assert_eq!(
        (&bought["state"], &bought["next_action"]),
        (&json!("succeeded"), &json!("finish"))
    );
    let receipt = &bought["receipt"];
    assert_eq!(receipt["paid"]["amount_minor"], TOTAL);
    let monthly = &offered["offers"]["plans"][0]["monthly"];
    assert_eq!(
        receipt["financing"]["plan"],
        json!({ "months": 6, "monthly": monthly })
    );
    assert_eq!(receipt["financing"]["credit"], "captured");
    assert!(receipt["authorization"].is_null(), "the merchant's alone");
    // Whoever comes back reads the same.
    assert_eq!(buyer.checkout().await["attempt"]["receipt"], *receipt);

    let session = get(&proxy, &format!("/v1/sessions/{}", buyer.session)).await;
    assert_eq!(session["state"], "succeeded");
    let capture = &session["operations"][0];
    assert_eq!(
        (&capture["kind"], &capture["state"]),
        (&json!("capture"), &json!("succeeded"))
    );
    let ledger = proxy.sandbox.ledger().flexiti;
    assert_eq!((ledger.authorizations.len(), ledger.captures.len()), (1, 1));
}

#[tokio::test]
async fn a_start_sent_twice_opens_one_identity_check() {
    let proxy = proxy("").await;
    let buyer = Buyer::before(&proxy).await;
    let key = fresh_key();
    let (first, second) = tokio::join!(buyer.start(&key), buyer.start(&key));
    let (first, second): (Value, Value) =
        (first.json().await.unwrap(), second.json().await.unwrap());
    assert_eq!(first["id"], second["id"]);
    assert_eq!(proxy.sandbox.ledger().flexiti.sessions.len(), 1);
    problem(buyer.start(&fresh_key()).await, 409, "attempt-running").await;
}

#[tokio::test]
async fn a_step_that_is_forged_or_out_of_turn_is_refused_and_changes_nothing() {
    let proxy = proxy("").await;
    let buyer = Buyer::before(&proxy).await;
    let attempt = buyer.begin().await;
    let other_session = json!({
        "step": "identified", "account_number": ACCOUNT,
        "widget_session_id": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    });
    let mut other_account = identified(&attempt);
    other_account["account_number"] = json!("10000002");
    for (step, status, code) in [
        (other_session, 409, "identity-refused"),
        (other_account, 409, "identity-refused"),
        (plan(6), 422, "plan-not-offered"),
        (
            json!({ "step": "identified", "widget_session_id": "x y", "account_number": ACCOUNT }),
            422,
            "identity-malformed",
        ),
        (json!({ "step": "finance" }), 422, "request-malformed"),
        (
            json!({ "step": "finance", "by": "regular", "amount_minor": 1 }),
            422,
            "request-malformed",
        ),
        (json!({ "step": "authorize" }), 422, "request-malformed"),
    ] {
        problem(buyer.step(&attempt, &step).await, status, code).await;
    }
    // Of somebody else's session it is not there.
    let stranger = Buyer::before(&proxy).await;
    problem(
        stranger.step(&attempt, &identified(&attempt)).await,
        404,
        "not-found",
    )
    .await;
    let seen = buyer.checkout().await;
    assert_eq!(seen["attempt"]["next_action"], "identify");

    pass(&proxy, &attempt).await;
    buyer.takes(&attempt, &identified(&attempt)).await;
    for step in [
        plan(7),
        json!({ "step": "finance", "by": "plan", "plan": "04", "months": 6 }),
    ] {
        problem(buyer.step(&attempt, &step).await, 422, "plan-not-offered").await;
    }
    let bought = buyer.takes(&attempt, &plan(6)).await;
    // What comes late finds it done.
    for step in [
        identified(&attempt),
        plan(12),
        json!({ "step": "not_identified", "end": "cancelled" }),
        json!({ "step": "supersede" }),
    ] {
        let late = buyer.takes(&attempt, &step).await;
        assert_eq!(late["state"], "succeeded");
        assert_eq!(late["receipt"], bought["receipt"]);
    }
    let ledger = proxy.sandbox.ledger().flexiti;
    let terms: Vec<Option<u64>> = ledger.authorizations.iter().map(|one| one.term).collect();
    assert_eq!(terms, [Some(6)]);
}

#[tokio::test]
async fn a_shops_page_gets_neither_form_nor_page_nor_offers_and_takes_no_step() {
    let proxy = proxy("").await;
    let buyer = Buyer::before(&proxy).await;
    let from_shop = |method: Method, path: &str| {
        proxy
            .request(method, path)
            .bearer_auth(&buyer.token)
            .header("origin", SHOP_ORIGIN)
            .header("sec-fetch-site", "cross-site")
    };
    let read = from_shop(Method::GET, "/v1/checkout").send().await.unwrap();
    problem(read, 403, "frame-only").await;
    let started = from_shop(Method::POST, "/v1/checkout/attempts")
        .header("idempotency-key", fresh_key())
        .json(&start());
    problem(started.send().await.unwrap(), 403, "frame-only").await;

    // Its script has the session's token, and may ask what it is told of an attempt in the frame.
    let attempt = buyer.begin().await;
    let path = format!("/v1/checkout/attempts/{}", attempt["id"].as_str().unwrap());
    let seen = async || {
        let answer = from_shop(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    let said = seen().await;
    assert!(said.contains("\"identify\""), "{said}");
    assert!(!said.contains(&session_of(&attempt)), "{said}");
    pass(&proxy, &attempt).await;
    let steps = format!("{path}/steps");
    for step in [
        identified(&attempt),
        json!({ "step": "not_identified", "end": "cancelled" }),
        plan(6),
    ] {
        let taken = from_shop(Method::POST, &steps).json(&step).send();
        problem(taken.await.unwrap(), 403, "frame-only").await;
    }
    buyer.takes(&attempt, &identified(&attempt)).await;
    let said = seen().await;
    assert!(!said.contains("Example plan"), "{said}");
    let taken = from_shop(Method::POST, &steps).json(&plan(6)).send();
    problem(taken.await.unwrap(), 403, "frame-only").await;
    assert!(proxy.sandbox.ledger().flexiti.authorizations.is_empty());
    let bought = buyer.takes(&attempt, &plan(6)).await;
    assert_eq!(bought["state"], "succeeded");
}

fn cad(minor: u64) -> Value {
    json!({ "amount": { "amount_minor": minor, "currency": "CAD" } })
}

#[tokio::test]
async fn what_is_held_is_captured_let_go_and_given_back_each_once() {
    let proxy = proxy("capture = false").await;
    let buyer = Buyer::before(&proxy).await;
    let bought = buyer.buy(&plan(6)).await;
    assert_eq!(bought["receipt"]["financing"]["credit"], "held");
    let attempt = bought["id"].as_str().unwrap();

    let key = fresh_key();
    let first = operate(&proxy, attempt, "capture", &key, &cad(60_000)).await;
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    assert_eq!(first["state"], "succeeded", "{first}");
    let again = operate(&proxy, attempt, "capture", &key, &cad(60_000)).await;
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let other = operate(&proxy, attempt, "capture", &key, &cad(1)).await;
    problem(other, 422, "idempotency-key-reused").await;

    for (kind, minor) in [("capture", 30_000), ("release", 10_000), ("return", 25_000)] {
        let done = operate(&proxy, attempt, kind, &fresh_key(), &cad(minor)).await;
        assert_eq!(done.status(), 201, "{kind}");
        let done: Value = done.json().await.unwrap();
        assert_eq!(done["state"], "succeeded", "{done}");
    }
    for (kind, minor, status, code) in [
        ("capture", 1, 422, "amount-exceeds-payment"),
        ("release", 1, 422, "amount-exceeds-payment"),
        ("return", 65_001, 422, "amount-exceeds-payment"),
        // 350.00 and 300.00 are left, of two captures.
        ("return", 35_001, 422, "return-exceeds-capture"),
        ("void", 1, 409, "operation-not-possible"),
    ] {
        let refused = operate(&proxy, attempt, kind, &fresh_key(), &cad(minor)).await;
        problem(refused, status, code).await;
    }
    let dollars = json!({ "amount": { "amount_minor": 100, "currency": "USD" } });
    for kind in ["capture", "release", "return", "refund"] {
        for body in [&cad(0), &dollars] {
            let refused = operate(&proxy, attempt, kind, &fresh_key(), body).await;
            problem(refused, 422, "amount-invalid").await;
        }
    }
    let seen = buyer.checkout().await;
    assert_eq!(
        seen["attempt"]["receipt"]["financing"]["credit"],
        "captured"
    );
    let ledger = proxy.sandbox.ledger().flexiti;
    let [one] = &ledger.authorizations[..] else {
        panic!("{:?}", ledger.authorizations)
    };
    assert_eq!(
        [&one.captured, &one.released, &one.returned, &one.remaining],
        ["900.00", "100.00", "250.00", "0.00"]
    );
    assert!(ledger.refused.is_empty(), "nothing was asked in vain");
}

#[tokio::test]
async fn a_purchase_that_is_let_go_says_so_and_a_regular_one_is_refunded() {
    let proxy = proxy("capture = false").await;
    let buyer = Buyer::before(&proxy).await;
    let attempt = buyer.buy(&plan(12)).await;
    let id = attempt["id"].as_str().unwrap();
    let released = operate(&proxy, id, "release", &fresh_key(), &json!({})).await;
    assert_eq!(
        released.json::<Value>().await.unwrap()["state"],
        "succeeded"
    );
    let seen = buyer.checkout().await;
    assert_eq!(
        seen["attempt"]["receipt"]["financing"]["credit"],
        "released"
    );

    let buyer = Buyer::before(&proxy).await;
    let regular = json!({ "step": "finance", "by": "regular" });
    let attempt = buyer.buy(&regular).await;
    let financing = &attempt["receipt"]["financing"];
    assert_eq!(financing, &json!({ "plan": null, "credit": "held" }));
    let id = attempt["id"].as_str().unwrap();
    for kind in ["capture", "refund"] {
        let done = operate(&proxy, id, kind, &fresh_key(), &json!({})).await;
        let done: Value = done.json().await.unwrap();
        assert_eq!(done["state"], "succeeded", "{done}");
    }
    let refunds = proxy.sandbox.ledger().flexiti.refunds;
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0].amount, "1000.00");
}
