//! What providers may tell us without being asked. Each is given an address with a secret in it:
//! GreenPay `<public origin>/hooks/greenpay/<secret>/`, to which it posts at four paths, the CVU wallet
//! `<public origin>/hooks/cvu/<secret>`.
//!
//! | call | what it causes |
//! |---|---|
//! | `POST /hooks/greenpay/{secret}` and with a slash | the payment is read back soon |
//! | `POST …/subscription/payment/results` | a payment of the subscription that was asked for here is |
//! | `POST …/bulkResume` | each of the payments is |
//! | `POST …/newCard` | nothing: there is nothing to read back |
//! | `POST /hooks/cvu/{secret}` | the credit that its `id` names is read; without one, the account is looked at soon |
//!
//! A notification is a hint and never evidence. Whatever it says, the answer is 200 without a body, and
//! what becomes of an attempt is decided by what a read shows. With a wrong secret there is nothing
//! here, as on any other path that does not exist.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `ventanilla_notifications_total` | `kind`: `payment`, `new_card`, `subscription_results`, `bulk_results`, `credit`; `verdict` as below | references, and notifications that named none |
//!
//! | verdict | |
//! |---|---|
//! | `noticed` | ours: it is read back |
//! | `foreign` | not in our form: somebody else's at the same merchant, or what a subscription pays by itself |
//! | `unknown` | in our form, and the store does not know it: a payment may be missing here |
//! | `ignored` | of a kind that there is nothing to do about |
//! | `wrong_signature`, `malformed`, `too_large`, `broken_off` | not read |
//! | `dropped` | too many at a time; the payments are read back by themselves |
//! | `failed` | the store did not answer |

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::seal::ProviderKey;
use ventanilla_providers::cvu::CashInId;
use ventanilla_providers::greenpay::notification::{self, Notice, NoticeError, Whole};

use crate::error::Error;
use crate::machine::Machine;
use crate::request;

/// What the paths of the hooks begin with.
pub const PREFIX: &str = "/hooks/";
/// Largest notification, in bytes: a bulk of a thousand payments.
const MAX_BYTES: usize = 256 * 1024;
/// So many notifications are worked on at a time.
const PARALLEL: usize = 16;
/// How long a provider waits for its answer while a notification is worked on.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The secret in the address that a provider sends notifications to, as a SHA-256 digest.
pub struct HookPath {
    digest: [u8; 32],
}

impl HookPath {
    /// Fewest characters.
    pub const MIN_CHARS: usize = 32;
    /// Most characters.
    pub const MAX_CHARS: usize = 128;

    /// Reads 32 to 128 characters of `A-Z a-z 0-9 _ -`, which mean themselves in a URL.
    ///
    /// # Errors
    ///
    /// A text that says what was expected and never repeats the secret.
    pub fn parse(text: &SecretString) -> Result<Self, String> {
        // EXPOSE: hashed at once.
        let text = text.expose_secret();
        let fits = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !fits {
            return Err(format!(
                "expected {} to {} characters of A-Z a-z 0-9 _ -; make one with `ventanilla keys`",
                Self::MIN_CHARS,
                Self::MAX_CHARS
            ));
        }
        Ok(Self {
            digest: Sha256::digest(text).into(),
        })
    }

    /// Whether `presented` is the secret. Takes the same time however much of it is right.
    #[must_use]
    pub fn accept(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        self.digest.ct_eq(&presented).into()
    }
}

/// What the hooks work with.
pub struct Hooks {
    /// Reads back.
    pub machine: Arc<Machine>,
    /// Where GreenPay sends to.
    pub path: HookPath,
    /// What GreenPay signs with; none when the card rail is off.
    pub greenpay_key: Option<ProviderKey>,
}

/// The routes, and room for what they work on.
struct Desk {
    hooks: Hooks,
    slots: Semaphore,
}

/// What a notification is about.
#[derive(Clone, Copy)]
enum Kind {
    GreenPay(notification::Path),
    /// A credit to the CVU account. Nothing is documented of its form; only a number is looked for.
    Credit,
}

type Shared = State<Arc<Desk>>;
/// What stands where the secret belongs; not even text, perhaps.
type Secret = Result<Path<String>, PathRejection>;

/// The routes.
pub fn routes(hooks: Hooks) -> Router {
    let desk = Arc::new(Desk {
        hooks,
        slots: Semaphore::new(PARALLEL),
    });
    // Every method comes here: which ones there are is nobody's business without the secret.
    let on = |kind: Kind| {
        any(
            move |State(desk): Shared, secret: Secret, request: Request| {
                receive(desk, secret, kind, request)
            },
        )
    };
    use notification::Path as P;
    let greenpay = |path| on(Kind::GreenPay(path));
    let mut routes = Router::new();
    if desk.hooks.greenpay_key.is_some() {
        routes = routes
            .route("/hooks/greenpay/{secret}", greenpay(P::Payment))
            .route("/hooks/greenpay/{secret}/", greenpay(P::Payment))
            .route("/hooks/greenpay/{secret}/newCard", greenpay(P::NewCard))
            .route(
                "/hooks/greenpay/{secret}/subscription/payment/results",
                greenpay(P::SubscriptionResults),
            )
            .route(
                "/hooks/greenpay/{secret}/bulkResume",
                greenpay(P::BulkResults),
            );
    }
    if desk.hooks.machine.watches_credits() {
        routes = routes.route("/hooks/cvu/{secret}", on(Kind::Credit));
    }
    routes.with_state(desk)
}

async fn receive(desk: Arc<Desk>, secret: Secret, kind: Kind, request: Request) -> Response {
    if !secret.is_ok_and(|Path(secret)| desk.hooks.path.accept(&secret)) {
        return Error::new(ProblemCode::NotFound).into_response();
    }
    if request.method() != Method::POST {
        return Error::new(ProblemCode::MethodNotAllowed).into_response();
    }
    match request::bytes(request, MAX_BYTES).await {
        Ok(body) => {
            // A task of its own: who hangs up early has still told us.
            let work = tokio::spawn(async move { desk.work(kind, body).await });
            let _ = tokio::time::timeout(ANSWER_WITHIN, work).await;
        }
        Err(error) if error.code() == ProblemCode::BodyTooLarge => count(kind, "too_large"),
        Err(_) => count(kind, "broken_off"),
    }
    StatusCode::OK.into_response()
}

impl Desk {
    async fn work(&self, kind: Kind, body: Bytes) {
        let Ok(_slot) = self.slots.try_acquire() else {
            return count(kind, "dropped");
        };
        match (kind, &self.hooks.greenpay_key) {
            (Kind::GreenPay(path), Some(key)) => self.greenpay(path, key, &body).await,
            (Kind::GreenPay(_), None) => {}
            (Kind::Credit, _) => count(kind, self.credit(&body).await),
        }
    }

    async fn credit(&self, body: &[u8]) -> &'static str {
        let Some(id) = credit_id(body) else {
            return "malformed";
        };
        match self.hooks.machine.noticed_credit(&id).await {
            Ok(true) => "noticed",
            Ok(false) => "unknown",
            Err(error) => {
                tracing::error!(
                    notification.kind = "credit",
                    "a notification was not followed: {error}"
                );
                "failed"
            }
        }
    }

    async fn greenpay(&self, path: notification::Path, key: &ProviderKey, body: &[u8]) {
        let kind = Kind::GreenPay(path);
        let notices = match notification::read(path, body, key) {
            Ok(notices) => notices,
            Err(error) => {
                let verdict = match error {
                    NoticeError::Signature => "wrong_signature",
                    NoticeError::NotJson | NoticeError::Shape(_) => "malformed",
                };
                tracing::warn!(notification.kind = name(kind), "{error}");
                return count(kind, verdict);
            }
        };
        for notice in notices {
            let verdict = match path {
                notification::Path::NewCard => "ignored",
                _ => self.notice(path, &notice).await,
            };
            count(kind, verdict);
        }
    }

    async fn notice(&self, path: notification::Path, notice: &Notice) -> &'static str {
        let kind = Kind::GreenPay(path);
        let reference = notice.reference.as_str();
        let noticed = match &notice.part_of {
            _ if is_ours(reference) => self.hooks.machine.noticed(reference).await,
            // Its payments have references of GreenPay's own.
            Some(Whole::Subscription(id)) => self.hooks.machine.noticed_subscription(id).await,
            Some(Whole::Bulk(_)) | None => return "foreign",
        };
        match noticed {
            Ok(true) => "noticed",
            // One that nobody here asked for.
            Ok(false) if !is_ours(reference) => "foreign",
            Ok(false) => {
                tracing::error!(
                    notification.kind = name(kind),
                    provider.reference = reference,
                    "GreenPay notified of {reference}, which has the form of our references and is not in the store: was the store restored or replaced?"
                );
                "unknown"
            }
            Err(error) => {
                tracing::error!(
                    notification.kind = name(kind),
                    "a notification was not followed: {error}"
                );
                "failed"
            }
        }
    }
}

/// Whether a reference has the form of ours: 26 characters of base32 in lower case.
fn is_ours(reference: &str) -> bool {
    reference.len() == 26
        && reference
            .bytes()
            .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
}

/// The number of a credit: `id`, a number or text.
fn credit_id(body: &[u8]) -> Option<CashInId> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    match body.get("id")? {
        serde_json::Value::String(text) => CashInId::parse(text),
        serde_json::Value::Number(number) => CashInId::parse(&number.to_string()),
        _ => None,
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::GreenPay(notification::Path::Payment) => "payment",
        Kind::GreenPay(notification::Path::NewCard) => "new_card",
        Kind::GreenPay(notification::Path::SubscriptionResults) => "subscription_results",
        Kind::GreenPay(notification::Path::BulkResults) => "bulk_results",
        Kind::Credit => "credit",
    }
}

fn count(kind: Kind, verdict: &'static str) {
    metrics::counter!("ventanilla_notifications_total", "kind" => name(kind), "verdict" => verdict)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789_abcdefghijklmnop-QRSTUV";

    #[test]
    fn nothing_but_the_whole_secret_is_accepted() {
        let path = HookPath::parse(&SECRET.into()).unwrap();
        assert!(path.accept(SECRET));
        let longer = format!("{SECRET}x");
        for presented in ["", "0", &longer, &SECRET.to_lowercase()] {
            assert!(!path.accept(presented), "{presented:?}");
        }
    }

    #[test]
    fn a_secret_that_is_short_or_needs_escaping_is_refused_without_being_repeated() {
        let short = "a".repeat(31);
        let long = "a".repeat(129);
        for text in [
            "",
            &short,
            &long,
            &format!("{short}/a"),
            &format!("{short}%41a"),
        ] {
            let error = HookPath::parse(&text.into()).err().unwrap();
            assert!(
                error.starts_with("expected 32 to 128 characters"),
                "{error}"
            );
            assert!(text.is_empty() || !error.contains(text));
        }
        for text in ["a".repeat(32), "a".repeat(128)] {
            assert!(HookPath::parse(&text.as_str().into()).is_ok());
        }
    }

    #[test]
    fn a_credit_is_named_by_a_number_or_by_text_and_by_nothing_else() {
        for (body, expected) in [
            (r#"{"id":1042}"#, Some("1042")),
            (r#"{"id":"1042","amount":1}"#, Some("1042")),
            (r#"{"id":null}"#, None),
            (r#"{"id":{"id":1}}"#, None),
            (r#"{"id":""}"#, None),
            ("[]", None),
            ("id=1042", None),
        ] {
            let id = credit_id(body.as_bytes());
            assert_eq!(id.as_ref().map(CashInId::as_str), expected, "{body}");
        }
    }

    #[test]
    fn our_references_are_told_from_those_of_others() {
        assert!(is_ours(&crate::id::make().unwrap()));
        for reference in [
            "",
            "ORDER-1001",
            "abcdefghijklmnopqrstuvwxy",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "abcdefghijklmnopqrstuvwx01",
        ] {
            assert!(!is_ours(reference), "{reference}");
        }
    }
}
