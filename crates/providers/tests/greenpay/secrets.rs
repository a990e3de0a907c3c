//! Nothing that must stay secret is printed or logged.

use std::cell::RefCell;
use std::io::Write;

use ventanilla_providers::greenpay::{
    Client, ConfigError, OperationAnswer, OrderSession, PaidTransaction, Payment,
    SubscriptionFilter, status,
};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CARD_TOKEN, FIRST_PAGE, KEY, MERCHANT_ID, REFERENCE, SECRET, SESSION, SESSION_TOKEN,
    SUBSCRIPTION, bulk, card_token, client, config, expected, fixture, fixture_json, minimal_order,
    new_subscription, order, paid, sealed, session, subscription,
};
use crate::wire_server::{Act, WireServer, json};

#[test]
fn debug_shows_no_secret() {
    let shown = [
        format!("{:?}", config("https://merchant.greenpay.me")),
        format!("{:?}", client("https://merchant.greenpay.me")),
        format!("{:?}", session()),
        format!("{:?}", card_token()),
        format!("{:?}", Outcome::Definite(session())),
    ]
    .join("\n");
    for secret in [SECRET, MERCHANT_ID, SESSION, SESSION_TOKEN, CARD_TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Or the test would pass with nothing shown at all.
    assert!(shown.contains("merchant.greenpay.me"), "{shown}");
}

#[test]
fn debug_of_an_approved_payment_that_saved_its_card_shows_no_card_token() {
    let (http_status, body) = fixture("pay_approved_tokenized");
    let outcome = status::payment(http_status, &body, &expected(), &KEY);
    let Outcome::Definite(Payment::Approved(approval)) = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(approval.saved.as_ref().unwrap().token.expose(), CARD_TOKEN);
    assert!(!format!("{outcome:?}").contains(CARD_TOKEN));
}

#[test]
fn a_session_or_card_token_that_would_break_a_header_is_refused() {
    for text in ["", "a b", "a\r\nb: c", "ñ", &"a".repeat(257)] {
        assert!(
            OrderSession::from_parts(text, SESSION_TOKEN).is_none(),
            "{text:?}"
        );
        assert!(
            OrderSession::from_parts(SESSION, text).is_none(),
            "{text:?}"
        );
        assert!(
            ventanilla_providers::greenpay::CardToken::parse(text).is_none(),
            "{text:?}"
        );
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused_by_name() {
    let refusal = |change: fn(&mut ventanilla_providers::greenpay::Config)| {
        let mut config = config("https://merchant.greenpay.me");
        change(&mut config);
        Client::new(config).err()
    };
    assert_eq!(refusal(|_| {}), None);
    assert_eq!(refusal(|c| c.secret = "".into()), Some(ConfigError::Secret));
    assert_eq!(refusal(|c| c.terminal.clear()), Some(ConfigError::Terminal));
    assert_eq!(
        refusal(|c| c.merchant_id = "1".into()),
        Some(ConfigError::MerchantId)
    );
    assert_eq!(
        refusal(|c| c.merchant_id = MERCHANT_ID.replace('1', "g")),
        Some(ConfigError::MerchantId)
    );
    assert_eq!(
        refusal(|c| c.checkout_url = "x".into()),
        Some(ConfigError::Url("checkout_url"))
    );
    assert_eq!(
        refusal(|c| c.merchant_url = "http://merchant.greenpay.me".into()),
        Some(ConfigError::Plaintext("merchant_url"))
    );
    assert!(
        ConfigError::Plaintext("merchant_url")
            .to_string()
            .contains("merchant_url")
    );
}

/// One that no number in a log has in it by chance.
const AUTHORIZATION: &str = "A83Z215Q";

fn paid_transaction() -> PaidTransaction {
    PaidTransaction {
        authorization: AUTHORIZATION.to_owned(),
        ..paid()
    }
}

thread_local! {
    /// What was logged on this thread. One subscriber serves the whole test binary: one per test
    /// would miss what another test's thread came across first.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ThisThread;

impl Write for ThisThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// The runtime has one thread, so that the log of this thread is the log of everything, of the HTTP
// client's layers too.
#[tokio::test]
async fn a_log_at_its_most_talkative_has_operations_and_outcomes_and_no_secret() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| ThisThread)
        .init();

    // Every answer echoes the secret, as some of GreenPay's do.
    let echo = |name: &str| {
        let (status, body) = fixture(name);
        let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
        body["secret"] = SECRET.into();
        body["purchase_order"] = serde_json::json!({ "secret": SECRET, "session": SESSION });
        Act::Send(json(status, &body.to_string()))
    };
    let server = WireServer::start(vec![
        echo("create_order_response"),
        echo("pay_approved_tokenized"),
        echo("pay_declined"),
        echo("tokenize_created"),
        Act::Send(json(200, "{")),
        Act::ResetAfterRequest,
        echo("void_done"),
        echo("void_too_late"),
        Act::ResetAfterRequest,
        echo("bulk_taken"),
        echo("subscription_created"),
        echo("subscription_pay_declined"),
        echo("subscription_cancelled"),
        echo("subscription_card_changed"),
        echo("subscription_change_refused"),
        echo("subscriptions_listed"),
        echo("subscription_payments_listed"),
        Act::ResetAfterRequest,
    ])
    .await;
    let client = client(&server.url);
    assert!(matches!(
        client.create_order(&order()).await,
        Outcome::Definite(_)
    ));
    let payment = client.pay(&session(), &sealed(), &expected()).await;
    assert!(
        matches!(payment, Outcome::Definite(Payment::Approved(_))),
        "{payment:?}"
    );
    let payment = client.pay_with_token(&minimal_order(), &card_token()).await;
    assert!(
        matches!(payment, Outcome::Definite(Payment::Declined { .. })),
        "{payment:?}"
    );
    let saved = client.create_token(&session(), &sealed(), "req-0001").await;
    assert!(matches!(saved, Outcome::Definite(_)), "{saved:?}");
    let payment = client.pay(&session(), &sealed(), &expected()).await;
    assert!(
        matches!(payment, Outcome::Unknown(Cause::NotJson)),
        "{payment:?}"
    );
    let payment = client.pay(&session(), &sealed(), &expected()).await;
    assert!(
        matches!(payment, Outcome::Unknown(Cause::ConnectionLost)),
        "{payment:?}"
    );
    let voided = client.void(&paid_transaction()).await;
    assert!(
        matches!(voided, Outcome::Definite(OperationAnswer::Done)),
        "{voided:?}"
    );
    let refunded = client.refund(&paid_transaction()).await;
    assert!(
        matches!(refunded, Outcome::Definite(OperationAnswer::Refused { .. })),
        "{refunded:?}"
    );
    let captured = client.capture(&paid_transaction(), None).await;
    assert!(matches!(captured, Outcome::Unknown(_)), "{captured:?}");

    let (id, card) = (subscription(), card_token());
    let shown = [
        format!("{:?}", client.bulk(&bulk()).await),
        format!(
            "{:?}",
            client.create_subscription(&new_subscription()).await
        ),
        format!("{:?}", client.pay_subscription(&id).await),
        format!("{:?}", client.cancel_subscription(&id, "who", "why").await),
        format!(
            "{:?}",
            client.change_subscription_card(&id, "who", &card).await
        ),
        format!(
            "{:?}",
            client
                .change_subscription_amount(&id, "who", expected().total)
                .await
        ),
        format!(
            "{:?}",
            client
                .subscriptions(&SubscriptionFilter::default(), FIRST_PAGE)
                .await
        ),
        format!("{:?}", client.subscription_payments(&id, FIRST_PAGE).await),
    ];
    for shown in shown {
        assert!(shown.starts_with("Definite("), "{shown}");
        assert!(
            !shown.contains(SECRET) && !shown.contains(CARD_TOKEN),
            "{shown}"
        );
    }

    let text = String::from_utf8(LOGGED.take()).unwrap();
    for said in [
        r#"operation="pay""#,
        r#"outcome="definite""#,
        r#"provider.code="51""#,
        r#"operation="void""#,
        r#"provider.code="not_ready""#,
        r#"operation="bulk""#,
        r#"operation="pay_subscription""#,
        r#"provider.code="404""#,
        "duration_ms=",
        "greenpay pay after",
        "the answer is not JSON",
        "TRACE",
    ] {
        assert!(text.contains(said), "{said} is missing in:\n{text}");
    }
    let request = fixture_json("pay_request");
    let (ld, lk) = (&request["body"]["ld"], &request["body"]["lk"]);
    let secrets = [
        SECRET,
        MERCHANT_ID,
        SESSION,
        SESSION_TOKEN,
        CARD_TOKEN,
        ld.as_str().unwrap(),
        lk.as_str().unwrap(),
        "marta.solano@example.com",
        REFERENCE,
        AUTHORIZATION,
        "not ready for reversion",
        "subscription not found",
        "buyer-7",
        "1-0456-0789",
        SUBSCRIPTION,
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in:\n{text}");
    }
}
