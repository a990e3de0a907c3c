//! Nothing that must stay secret is printed or logged.

use std::cell::RefCell;
use std::io::Write;

use ventanilla_providers::{Cause, Outcome};

use crate::given::{CODE, REFRESH_TOKEN, Way, charge, client, config};
use crate::provider::{Provider, reply};

#[tokio::test]
async fn debug_shows_no_secret() {
    let provider = Provider::answering(|_, _| reply(200, &Way::Pay.done())).await;
    let client = client(&provider.url);
    let shown = [
        format!("{:?}", config("https://api.ejemplo.test")),
        format!("{:?}", Way::Pay.call(&client).await),
        format!("{client:?}"),
        format!("{:?}", charge()),
    ]
    .join("\n");
    for secret in [REFRESH_TOKEN, "TOKEN-1", CODE] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    // Or the test would pass with nothing shown at all.
    for said in ["api.ejemplo.test", "mesa12-0001", "claropay", "Paid"] {
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

    let error = |code: &str| {
        format!(r#"{{"error":{{"error":{{"code":"{code}","message":"saldo de {CODE}"}}}}}}"#)
    };
    for way in Way::ALL {
        // The good answer, with everything that may stand in one besides; then errors that tell too much.
        let done = way
            .done()
            .replacen('{', &format!(r#"{{"echo":"{CODE} {REFRESH_TOKEN}","#), 1);
        let (refused, unlisted) = (error("ERR_BANK_REFUSAL"), error(CODE));
        let provider = Provider::answering(move |_, count| match count {
            0 => reply(200, &done),
            1 => reply(400, &refused),
            _ => reply(400, &unlisted),
        })
        .await;
        let client = client(&provider.url);
        let outcome = way.call(&client).await;
        assert!(
            matches!(outcome, Outcome::Definite(_)),
            "{way:?}: {outcome:?}"
        );
        let outcome = way.call(&client).await;
        assert_eq!(outcome.cause().is_some(), way.is_read(), "{way:?}");
        let outcome = way.call(&client).await;
        assert_eq!(outcome.cause(), Some(Cause::UnknownError), "{way:?}");
    }

    let text = String::from_utf8(LOGGED.take()).unwrap();
    for said in [
        r#"operation="token""#,
        r#"operation="pay""#,
        r#"operation="refund""#,
        r#"operation="transaction""#,
        r#"outcome="definite""#,
        r#"outcome="rejected""#,
        r#"provider.code="ERR_BANK_REFUSAL""#,
        "duration_ms=",
        "flux pay after",
        "TRACE",
    ] {
        assert!(text.contains(said), "{said} is missing in:\n{text}");
    }
    for secret in [
        REFRESH_TOKEN,
        "TOKEN-1",
        CODE,
        "saldo",
        "sucursal-centro",
        "Devolucion",
    ] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
