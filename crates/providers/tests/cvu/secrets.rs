//! Nothing that must stay secret, and nobody's name or account, is printed or logged.

use std::cell::RefCell;
use std::io::Write;

use ventanilla_providers::{Cause, Outcome};

use crate::given::{
    CUIT, CVU, PASSWORD, USERNAME, Way, account, answered, cash_in_id, cash_out, cash_out_id,
    client, config, cuit, today,
};
use crate::provider::{Provider, reply};

const NAME: &str = "PERSONA PRUEBA";

#[tokio::test]
async fn debug_shows_no_secret_and_nobody() {
    let provider = Provider::answering(|seen, _| {
        let (status, body) = match seen.line.as_str() {
            "GET /v2/account/transactions" => answered(Way::Transactions.file(), "ok-plain"),
            "GET /v2/payment/cashin/800001" => answered(Way::CashIn.file(), "ok-from-link"),
            _ => answered(Way::Voucher.file(), "ok-base64-pdf"),
        };
        reply(status, &body)
    })
    .await;
    let client = client(&provider.url);
    let shown = [
        format!("{:?}", config("https://api.ejemplo.test")),
        format!("{client:?}"),
        format!("{:?}", cash_out()),
        format!("{:?}", account(CVU)),
        format!("{:?}", cuit(CUIT)),
        format!("{:?}", client.transactions(&today()).await),
        format!("{:?}", client.cashin(&cash_in_id()).await),
        format!("{:?}", client.voucher(&cash_out_id()).await),
    ]
    .join("\n");
    for secret in [
        USERNAME,
        PASSWORD,
        CVU,
        CUIT,
        "20-99900001-1",
        NAME,
        "TOKEN-1",
        "JVBERi0",
    ] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    // Or the test would pass with nothing shown at all.
    for said in [
        "api.ejemplo.test",
        "pedido-0001-intento-1",
        "Credit",
        "CashIn",
        "Document",
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

// The runtime has one thread, so that the log of this thread is the log of everything, of the HTTP
// client's layers too.
#[tokio::test]
async fn a_log_at_its_most_talkative_has_operations_and_outcomes_and_no_secret() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| ThisThread)
        .init();

    for way in Way::ALL {
        // The good answer, with everything that may stand in one besides; then errors that name people.
        let error = format!(r#"{{"status":"error","message":"{NAME} {CUIT} {CVU}: saldo"}}"#);
        let done = way
            .done()
            .replacen('{', &format!(r#"{{"echo":"{PASSWORD} {NAME} {CVU}","#), 1);
        let provider = Provider::answering(move |_, count| match count {
            0 => reply(200, &done),
            1 => reply(200, &error),
            _ => reply(401, &error),
        })
        .await;
        let client = client(&provider.url);
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Definite(())),
            "{way:?}: {outcome:?}"
        );
        let outcome = way.call(&client).await;
        assert_eq!(outcome.cause(), Some(Cause::Refused), "{way:?}");
        let outcome = way.call(&client).await;
        assert_eq!(outcome.cause(), Some(Cause::Credentials), "{way:?}");
    }

    let text = String::from_utf8(LOGGED.take()).unwrap();
    for said in [
        r#"operation="token""#,
        r#"operation="cashout""#,
        r#"operation="transactions""#,
        r#"outcome="definite""#,
        r#"outcome="rejected""#,
        "duration_ms=",
        "cvu link after",
        "provider refused, without a code",
        "TRACE",
    ] {
        assert!(text.contains(said), "{said} is missing in:\n{text}");
    }
    for secret in [
        USERNAME,
        PASSWORD,
        "TOKEN-1",
        "TOKEN-2",
        CVU,
        CUIT,
        NAME,
        "0009099303141592653586",
        "30000000120",
        "saldo",
        "JVBERi0",
        "ejemplo.test",
        "Pedido 000",
    ] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
