//! Nothing that must stay secret, and nobody's name, account or card, is printed or logged.

use std::cell::RefCell;
use std::io::Write;

use ventanilla_providers::flexiti::{Decision, Identification};
use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    ACCOUNT, CARD, CLERK, CLIENT_ID, CUSTOMER_TOKEN, SECRET, SESSION, Way, account, address,
    capture, captures_of_january, card, client, config, counter, customer_token, deposit, dollars,
    flow, in_store, january, online, person, refund, returning, text,
};
use crate::provider::{Provider, reply};

/// What nobody may find anywhere.
const SECRETS: [&str; 16] = [
    SECRET,
    CUSTOMER_TOKEN,
    "TOKEN-1",
    "TOKEN-2",
    "0000000000000000000000000000000000000001",
    SESSION,
    ACCOUNT,
    CARD,
    CLERK,
    "demo-user",
    "1990-01-01",
    "Shopper",
    "Example Street",
    "A1A1A1",
    "13276",
    "Placeholder",
];

#[tokio::test]
async fn debug_shows_no_secret_and_nobody() {
    let (provider, script) = Provider::scripted().await;
    let client = client(&provider.url);
    let mut shown = vec![
        format!("{:?} {client:?}", config("https://posapi.flexiti.example")),
        format!("{:?} {:?} {:?}", account(), card(), customer_token()),
        format!("{:?} {:?} {:?}", address(), counter(), person()),
        format!("{:?} {:?} {:?}", online(), in_store(), deposit()),
        format!("{:?} {:?} {:?}", capture(), returning(), refund()),
    ];
    let mut filter = january();
    filter.common.account = Some(account());
    let mut captures = captures_of_january();
    captures.capture_employee = Some("demo-user".into());
    shown.push(format!("{filter:?} {captures:?}"));

    let who = Identification::Account(account());
    script.say(200, &Way::OpenWidget.done());
    shown.push(format!(
        "{:?} {who:?}",
        client.open_widget(flow(), &who).await
    ));
    script.say(200, &Way::CalculateInterest.done());
    let (token, of) = (customer_token(), account());
    let offers = client.calculate_interest(flow(), &token, &of, dollars(100_000));
    shown.push(format!("{:?}", offers.await));
    script.say(200, &Way::AuthorizeOnline.done());
    shown.push(format!(
        "{:?}",
        client
            .authorize_online(flow(), &customer_token(), &online())
            .await
    ));
    script.say(200, &Way::Authorization.done());
    let id = crate::given::authorization_id("900002");
    shown.push(format!("{:?}", client.authorization(flow(), &id).await));
    script.say(200, &Way::Authorizations.done());
    shown.push(format!(
        "{:?}",
        client.authorizations(flow(), &filter).await
    ));
    script.say(200, &Way::Captures.done());
    shown.push(format!("{:?}", client.captures(flow(), &captures).await));

    // The request's name in the fixtures, no secret, ends as the card's number does.
    let shown = shown.join("\n").replace("REQ00000000000000001", "");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    // Or the test would pass with nothing shown at all.
    for said in [
        "posapi.flexiti.example",
        "order-0001",
        "Opened",
        "700002",
        "WidgetSession",
        "RegularOffer",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
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

// The runtime has one thread, so that the log of this thread is the log of everything, of the HTTP client's layers
// too.
#[tokio::test]
async fn a_log_at_its_most_talkative_has_operations_and_outcomes_and_no_secret() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| ThisThread)
        .init();

    for way in Way::ALL {
        // The good answer, a refusal that names people, and being turned away.
        let done = way.done();
        let refusal = format!(
            r#"{{"error":"credit_exceeded","message":"Shopper {ACCOUNT}","field_errors":[{{"value":"{CARD}"}}],"url":"/{SESSION}"}}"#
        );
        let provider = Provider::answering(move |_, count| match count {
            0 => reply(200, &done),
            1 => reply(409, &refusal),
            _ => reply(401, &refusal),
        })
        .await;
        let client = client(&provider.url);
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Definite(Decision::Done(()))),
            "{way:?}: {outcome:?}"
        );
        let outcome = way.call(&client).await;
        let is_refused = matches!(
            outcome,
            Outcome::Definite(Decision::Refused(_)) | Outcome::Rejected(Cause::Refused)
        );
        assert!(is_refused, "{way:?}: {outcome:?}");
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Rejected(_)),
            "{way:?}: {outcome:?}"
        );
    }

    let logged = String::from_utf8(LOGGED.take()).unwrap();
    for said in [
        r#"operation="token""#,
        r#"operation="customer_token""#,
        r#"operation="authorize_online""#,
        r#"operation="return_capture""#,
        r#"outcome="definite""#,
        r#"outcome="rejected""#,
        r#"provider.code="credit_exceeded""#,
        "flexiti capture after",
        "TRACE",
    ] {
        assert!(logged.contains(said), "{said} is missing in:\n{logged}");
    }
    for secret in SECRETS
        .into_iter()
        .chain([CLIENT_ID, "redirection_url", "900002", "/accounts/"])
    {
        assert!(!logged.contains(secret), "{secret} is in the log");
    }
    assert!(
        text("calculate_interest_response.json").contains("13276"),
        "or nothing was hidden"
    );
}
