//! Who the proxy tells: a receiver that trusts nothing it cannot verify, and is not always at home.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use ventanilla_core::attempt::AttemptState;

use super::proxy::Secrets;
use crate::failure::{Failure, Result, Tried as _};
use crate::random::Dice;

/// A receiver that listens until it is dropped.
pub struct Receiver {
    url: String,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    secret: Vec<u8>,
    state: Mutex<Heard>,
}

struct Heard {
    trouble_percent: u64,
    dice: Dice,
    bodies: std::fs::File,
    told: HashMap<String, Vec<u8>>,
    refusals: HashMap<String, u32>,
    deliveries: Deliveries,
}

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    /// Each message once, in the order of its first verified delivery.
    pub messages: Vec<Message>,
    /// Deliveries, the repeated and the unanswered ones included.
    pub count: u64,
    /// Deliveries that were answered with an error on purpose, or not at all.
    pub turned_away: u64,
    /// Deliveries whose signature is not the shop's, or that cannot be read.
    pub unverified: u64,
    /// Messages that came again with another body.
    pub changed: u64,
}

/// A verified message.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// To what.
    pub data: Data,
}

/// What a message is about.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Data {
    /// The session.
    #[serde(default)]
    pub session: Option<Subject>,
    /// The attempt.
    #[serde(default)]
    pub attempt: Option<Standing>,
    /// The operation.
    #[serde(default)]
    pub operation: Option<Standing>,
    /// The credit.
    #[serde(default)]
    pub credit: Option<Subject>,
}

/// Something with a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Subject {
    /// Its identifier.
    pub id: String,
}

/// Something with a name and a state.
#[derive(Clone, Debug, Deserialize)]
pub struct Standing {
    /// Its identifier.
    pub id: String,
    /// Where it stands.
    pub state: AttemptState,
}

impl Deliveries {
    /// Whether an attempt or operation was told to be in this state.
    #[must_use]
    pub fn told(&self, id: &str, state: AttemptState) -> bool {
        self.messages.iter().any(|message| {
            let mut about = message.data.attempt.iter().chain(&message.data.operation);
            about.any(|standing| standing.id == id && standing.state == state)
        })
    }
}

impl Receiver {
    /// Listens on a free port of the loopback. Every body is appended to `bodies`.
    ///
    /// # Errors
    ///
    /// When no port is free or `bodies` cannot be written.
    pub async fn start(secrets: &Secrets, bodies: &Path, seed: u64) -> Result<Self> {
        let secret = secrets
            .webhook_secret
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(|| Failure::of("the webhook secret is not whsec_ and base64"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .tried("listen for webhooks")?;
        let address = listener.local_addr().tried("listen for webhooks")?;
        let shared = Arc::new(Shared {
            secret,
            state: Mutex::new(Heard {
                trouble_percent: 0,
                dice: Dice::new(seed),
                bodies: std::fs::File::create(bodies).tried("keep webhooks")?,
                told: HashMap::new(),
                refusals: HashMap::new(),
                deliveries: Deliveries::default(),
            }),
        });
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url: format!("http://{address}/hook"),
            shared,
            serving,
        })
    }

    /// Where messages are to be sent.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on `percent` of the deliveries are answered with an error or kept waiting.
    pub fn turn_away(&self, percent: u64) {
        self.shared.state().trouble_percent = percent;
    }

    /// What was heard so far.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.shared.state().deliveries.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Heard> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Reply {
    Now(StatusCode),
    Later(Duration),
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match shared.take(&headers, &body) {
        Reply::Now(status) => status,
        Reply::Later(pause) => {
            tokio::time::sleep(pause).await;
            StatusCode::NO_CONTENT
        }
    }
}

impl Shared {
    fn take(&self, headers: &HeaderMap, body: &Bytes) -> Reply {
        let mut state = self.state();
        state.deliveries.count += 1;
        let _ = state.bodies.write_all(body);
        let _ = state.bodies.write_all(b"\n");
        let verified = verify(&self.secret, headers, body)
            .and_then(|id| Some((id, serde_json::from_slice::<Message>(body).ok()?)));
        let Some((id, message)) = verified else {
            state.deliveries.unverified += 1;
            return Reply::Now(StatusCode::BAD_REQUEST);
        };
        let share = state.trouble_percent;
        // A message that was turned away was not heard: it must come again. Not for ever, because the
        // sender's pauses grow.
        if state.dice.percent(share) {
            let refusals = state.refusals.entry(id.clone()).or_default();
            *refusals += 1;
            if *refusals <= MOST_REFUSALS {
                state.deliveries.turned_away += 1;
                return Reply::Now(StatusCode::SERVICE_UNAVAILABLE);
            }
        }
        match state.told.get(&id) {
            Some(before) if before.as_slice() != body.as_ref() => state.deliveries.changed += 1,
            Some(_) => {}
            None => {
                state.told.insert(id, body.to_vec());
                state.deliveries.messages.push(message);
            }
        }
        if state.dice.percent(share / 2) {
            return Reply::Later(Duration::from_millis(state.dice.between(100, 1_500)));
        }
        Reply::Now(StatusCode::NO_CONTENT)
    }
}

/// So often the same message is turned away.
const MOST_REFUSALS: u32 = 2;

/// The message's identifier, if the signature is the shop's (Standard Webhooks 1.0, symmetric).
#[must_use]
pub fn verify(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id")?;
    let timestamp = header("webhook-timestamp")?;
    timestamp.parse::<u64>().ok()?;
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let expected = STANDARD.encode(hmac_sha256(secret, &signed));
    header("webhook-signature")?
        .split(' ')
        .any(|signature| signature.strip_prefix("v1,") == Some(expected.as_str()))
        .then(|| id.to_owned())
}

/// RFC 2104 over SHA-256.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut key = [0_u8; BLOCK];
    if secret.len() > BLOCK {
        for (place, byte) in key.iter_mut().zip(Sha256::digest(secret)) {
            *place = byte;
        }
    } else {
        for (place, byte) in key.iter_mut().zip(secret) {
            *place = *byte;
        }
    }
    let inner = Sha256::new()
        .chain_update(key.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(key.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4231, test cases 2 and 6.
    #[test]
    fn the_keyed_hash_is_the_one_of_the_rfc() {
        assert_eq!(
            hex::encode(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex::encode(hmac_sha256(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    // The example of the Standard Webhooks libraries.
    #[test]
    fn a_published_example_verifies_and_nothing_else_does() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = |signature: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                "webhook-id",
                "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap(),
            );
            headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
            headers.insert("webhook-signature", signature.parse().unwrap());
            headers
        };
        let body = br#"{"test": 2432232314}"#;
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let heard = |signature: &str, body: &[u8]| verify(&secret, &headers(signature), body);
        let id = Some(String::from("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(heard(right, body), id);
        assert_eq!(heard(&format!("v1,AAAA {right}"), body), id);
        assert_eq!(heard(right, br#"{"test": 2432232315}"#), None);
        assert_eq!(heard(&right.replace("v1,", "v2,"), body), None);
        assert_eq!(heard("", body), None);
        assert_eq!(verify(b"another", &headers(right), body), None);
    }
}
