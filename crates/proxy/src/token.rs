//! The client token: what lets one buyer's browser see and pay one session, for half an hour.
//!
//! ```text
//! v2 . <kid> . <rails> . base64url( nonce (12) ‖ ciphertext ‖ tag (16) )
//! ```
//!
//! AES-256-GCM under a random nonce. Version, key name, rails and audience (the proxy's public origin) are
//! authenticated but not sealed. The rails are the session's, by name, with `-` between them (`card-cvu`):
//! a hint by which the page fetches the right part of the widget before it has read the session, and never
//! anything that the proxy decides by. Sealed are: when it was issued and when it ends (milliseconds since
//! the epoch, 8 bytes each, big-endian), 16 random bytes that make every token unlike every other,
//! and the session's identifier. Nobody but the proxy can read them, so nothing about them is a promise to
//! anybody else.

use std::time::Duration;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// Longest life of a client token. It never outlives its session.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// How far ahead of this proxy's clock the clock of the proxy that issued a token may be.
pub const SKEW: Duration = Duration::from_secs(60);

const VERSION: &str = "v2";
const NONCE_BYTES: usize = 12;
const JTI_BYTES: usize = 16;
const FIXED_BYTES: usize = 8 + 8 + JTI_BYTES;
/// Several times the longest token issued; whatever is longer is not looked at.
const MAX_CHARS: usize = 512;

/// The keys that client tokens are sealed with, each 256 bits with a short name. The first seals;
/// every one opens, so that a new key can be put in front while tokens of the old one live on.
pub struct TokenKeys {
    keys: Vec<TokenKey>,
}

struct TokenKey {
    kid: String,
    cipher: Aes256Gcm,
}

/// Why a text holds no token keys. Never repeats the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenKeysError {
    /// No key at all.
    Empty,
    /// An entry, counted from 1, is not `kid:key`, or its kid is not 1 to 16 characters out of
    /// `A-Z a-z 0-9 _ -`.
    Kid {
        /// Which entry, from 1.
        entry: usize,
    },
    /// An entry's key is not base64 of 32 bytes.
    Key {
        /// Which entry, from 1.
        entry: usize,
    },
    /// Two entries have the same kid.
    Repeated {
        /// The kid.
        kid: String,
    },
}

impl std::fmt::Display for TokenKeysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("expected at least one kid:key, found none"),
            Self::Kid { entry } => write!(
                f,
                "entry {entry}: expected kid:key with a kid of 1 to 16 characters out of A-Z a-z 0-9 _ -"
            ),
            Self::Key { entry } => {
                write!(
                    f,
                    "entry {entry}: expected base64 of 32 bytes after the colon"
                )
            }
            Self::Repeated { kid } => write!(f, "kid {kid} occurs twice; each key needs its own"),
        }
    }
}

impl std::error::Error for TokenKeysError {}

impl TokenKeys {
    /// Reads `kid:base64 of 32 bytes`, several separated by commas, the one that seals first.
    ///
    /// # Errors
    ///
    /// Each [`TokenKeysError`], as its documentation says.
    pub fn parse(text: &SecretString) -> std::result::Result<Self, TokenKeysError> {
        let mut keys: Vec<TokenKey> = Vec::new();
        // EXPOSE: read once, into cipher states that are wiped when dropped.
        let entries = text.expose_secret().split(',').map(str::trim);
        for (index, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            let number = index + 1;
            let (kid, key) = entry
                .split_once(':')
                .filter(|(kid, _)| is_kid(kid))
                .ok_or(TokenKeysError::Kid { entry: number })?;
            let bytes = STANDARD
                .decode(key.trim())
                .map(Zeroizing::new)
                .map_err(|_| TokenKeysError::Key { entry: number })?;
            let cipher = Aes256Gcm::new_from_slice(&bytes)
                .map_err(|_| TokenKeysError::Key { entry: number })?;
            if keys.iter().any(|other| other.kid == kid) {
                return Err(TokenKeysError::Repeated {
                    kid: kid.to_owned(),
                });
            }
            keys.push(TokenKey {
                kid: kid.to_owned(),
                cipher,
            });
        }
        if keys.is_empty() {
            return Err(TokenKeysError::Empty);
        }
        Ok(Self { keys })
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| &key.kid))
            .finish()
    }
}

fn is_kid(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// A sealed client token. Goes to the merchant's server, once; no `Debug`, no `Serialize`.
pub struct ClientToken {
    /// The token's text.
    pub text: SecretString,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What an opened client token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// The one session that it opens.
    pub session_id: String,
    /// When it was issued, by the clock of the proxy that issued it.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a client token was refused. For the metrics only: every caller gets the same answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// Past its end.
    Expired,
    /// The tag does not match: altered, or for another audience.
    Forged,
    /// No token, or not of a token's form.
    Malformed,
    /// Issued further in the future than [`SKEW`], or for longer than [`LIFETIME`].
    Premature,
    /// Sealed with a key that this proxy does not hold.
    UnknownKey,
}

impl Refusal {
    /// The reason's name in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Forged => "forged",
            Self::Malformed => "malformed",
            Self::Premature => "premature",
            Self::UnknownKey => "unknown_key",
        }
    }
}

impl From<Refusal> for Error {
    fn from(_: Refusal) -> Self {
        Self::new(ProblemCode::ClientTokenInvalid)
    }
}

/// Seals and opens the client tokens of one audience.
pub struct ClientTokens {
    keys: TokenKeys,
    audience: String,
}

impl ClientTokens {
    /// Tokens for `audience`, the proxy's public origin.
    #[must_use]
    pub fn new(keys: TokenKeys, audience: impl Into<String>) -> Self {
        Self {
            keys,
            audience: audience.into(),
        }
    }

    /// A token for a session with these rails, for [`LIFETIME`] from `now`. It may outlive the session, which knows for
    /// itself when nothing more may be started: the buyer of an attempt that is still in doubt then
    /// must be able to learn how it ended.
    ///
    /// # Errors
    ///
    /// `internal` when the operating system has no randomness.
    pub fn seal(&self, session_id: &str, rails: &[Rail], now: Timestamp) -> Result<ClientToken> {
        let expires_at = now + LIFETIME;
        let mut random = [0_u8; NONCE_BYTES + JTI_BYTES];
        getrandom::fill(&mut random).map_err(Error::internal)?;
        let (nonce, jti) = random.split_at(NONCE_BYTES);

        let mut content = Vec::with_capacity(FIXED_BYTES + session_id.len());
        content.extend_from_slice(&now.millis().to_be_bytes());
        content.extend_from_slice(&expires_at.millis().to_be_bytes());
        content.extend_from_slice(jti);
        content.extend_from_slice(session_id.as_bytes());

        let rails: Vec<&str> = rails.iter().map(|rail| rail.name()).collect();
        let rails = rails.join("-");
        let key = self
            .keys
            .keys
            .first()
            .ok_or_else(|| Error::internal("no token key"))?;
        let nonce_bytes =
            Nonce::try_from(nonce).map_err(|_| Error::internal("nonce of another length"))?;
        let sealed = key
            .cipher
            .encrypt(
                &nonce_bytes,
                Payload {
                    msg: &content,
                    aad: self.associated(&key.kid, &rails).as_bytes(),
                },
            )
            .map_err(|_| Error::internal("a client token could not be sealed"))?;
        let mut body = nonce.to_vec();
        body.extend_from_slice(&sealed);
        let body = URL_SAFE_NO_PAD.encode(body);
        let text = format!("{VERSION}.{}.{rails}.{body}", key.kid);
        Ok(ClientToken {
            text: text.into(),
            expires_at,
        })
    }

    /// Reads a token at `now`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; as an [`Error`] each is the same `client-token-invalid`.
    pub fn open(&self, text: &str, now: Timestamp) -> std::result::Result<Claims, Refusal> {
        if text.len() > MAX_CHARS {
            return Err(Refusal::Malformed);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [VERSION, kid, rails, body] = parts[..] else {
            return Err(Refusal::Malformed);
        };
        let body = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| Refusal::Malformed)?;
        let (nonce, sealed) = body
            .split_at_checked(NONCE_BYTES)
            .ok_or(Refusal::Malformed)?;
        let nonce = Nonce::try_from(nonce).map_err(|_| Refusal::Malformed)?;
        let key = self
            .keys
            .keys
            .iter()
            .find(|key| key.kid == kid)
            .ok_or(Refusal::UnknownKey)?;
        let content = key
            .cipher
            .decrypt(
                &nonce,
                Payload {
                    msg: sealed,
                    aad: self.associated(kid, rails).as_bytes(),
                },
            )
            .map_err(|_| Refusal::Forged)?;

        let claims = read_content(&content).ok_or(Refusal::Malformed)?;
        if claims.issued_at > now + SKEW || claims.expires_at > claims.issued_at + LIFETIME {
            return Err(Refusal::Premature);
        }
        if claims.expires_at <= now {
            return Err(Refusal::Expired);
        }
        Ok(claims)
    }

    fn associated(&self, kid: &str, rails: &str) -> String {
        // A key's name and an audience cannot hold a bar, so no two of these read the same.
        format!("{VERSION}|{kid}|{rails}|{}", self.audience)
    }
}

fn read_content(content: &[u8]) -> Option<Claims> {
    let (issued_at, rest) = content.split_first_chunk::<8>()?;
    let (expires_at, rest) = rest.split_first_chunk::<8>()?;
    let (_jti, session_id) = rest.split_first_chunk::<JTI_BYTES>()?;
    Some(Claims {
        session_id: std::str::from_utf8(session_id).ok()?.to_owned(),
        issued_at: Timestamp::from_millis(i64::from_be_bytes(*issued_at)),
        expires_at: Timestamp::from_millis(i64::from_be_bytes(*expires_at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const AUDIENCE: &str = "https://pay.example";
    const SESSION: &str = "ses_aaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn key(kid: &str, byte: u8) -> String {
        format!("{kid}:{}", STANDARD.encode([byte; 32]))
    }

    fn tokens(keys: &str) -> ClientTokens {
        ClientTokens::new(TokenKeys::parse(&keys.into()).unwrap(), AUDIENCE)
    }

    fn after(secs: u64) -> Timestamp {
        NOON + Duration::from_secs(secs)
    }

    fn sealed_by(tokens: &ClientTokens) -> String {
        let token = tokens.seal(SESSION, &[Rail::Card], NOON).unwrap();
        token.text.expose_secret().to_owned()
    }

    #[test]
    fn a_token_opens_to_its_session_until_it_ends() {
        let tokens = tokens(&key("k1", 1));
        let text = sealed_by(&tokens);
        let claims = tokens.open(&text, after(1799)).unwrap();
        assert_eq!(claims.session_id, SESSION);
        assert_eq!(claims.issued_at, NOON);
        assert_eq!(claims.expires_at, after(1800));
        assert_eq!(tokens.open(&text, after(1800)), Err(Refusal::Expired));
        assert_eq!(tokens.open(&text, after(1860)), Err(Refusal::Expired));
    }

    #[test]
    fn the_issuers_clock_may_be_a_minute_ahead_and_no_more() {
        let tokens = tokens(&key("k1", 1));
        let issued_ahead = |secs| {
            let token = tokens.seal(SESSION, &[Rail::Card], after(secs)).unwrap();
            tokens.open(token.text.expose_secret(), NOON)
        };
        assert!(issued_ahead(60).is_ok());
        assert_eq!(issued_ahead(61), Err(Refusal::Premature));
    }

    #[test]
    fn every_flipped_bit_of_a_token_makes_it_void() {
        let tokens = tokens(&format!("{},{}", key("k1", 1), key("k0", 2)));
        let text = sealed_by(&tokens);
        let mut tried = 0;
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[place] ^= 1 << bit;
                // A byte above 127 cannot be in the header's text at all.
                let Ok(altered) = String::from_utf8(bytes) else {
                    continue;
                };
                tried += 1;
                assert!(
                    tokens.open(&altered, NOON).is_err(),
                    "bit {bit} of byte {place}"
                );
            }
        }
        assert_eq!(tried, text.len() * 7);
    }

    #[test]
    fn every_refusal_is_the_same_answer() {
        let problem = |refusal: Refusal| {
            let error = Error::from(refusal);
            (error.problem(), error.to_string())
        };
        let first = problem(Refusal::Expired);
        assert_eq!(first.0.status, 401);
        for refusal in [
            Refusal::Forged,
            Refusal::Malformed,
            Refusal::Premature,
            Refusal::UnknownKey,
        ] {
            assert_eq!(problem(refusal), first);
        }
    }

    #[test]
    fn another_audience_another_key_and_another_kid_are_refused() {
        let ours = tokens(&key("k1", 1));
        let text = sealed_by(&ours);
        let other_audience = ClientTokens::new(
            TokenKeys::parse(&key("k1", 1).into()).unwrap(),
            "https://pay.example:444",
        );
        assert_eq!(other_audience.open(&text, NOON), Err(Refusal::Forged));
        assert_eq!(
            tokens(&key("k1", 2)).open(&text, NOON),
            Err(Refusal::Forged)
        );
        assert_eq!(
            tokens(&key("k2", 1)).open(&text, NOON),
            Err(Refusal::UnknownKey)
        );
        // The same key under another name: the name is authenticated.
        let renamed = text.replace(".k1.", ".k2.");
        let both = tokens(&format!("{},{}", key("k1", 1), key("k2", 1)));
        assert_eq!(both.open(&renamed, NOON), Err(Refusal::Forged));
    }

    #[test]
    fn a_token_names_its_sessions_rails_and_no_others_can_be_put_in_their_place() {
        let tokens = tokens(&key("k1", 1));
        let token = tokens.seal(SESSION, &Rail::ALL, NOON).unwrap();
        let text = token.text.expose_secret();
        assert!(text.starts_with("v2.k1.card-cvu-flux-flexiti."), "{text}");
        assert!(tokens.open(text, NOON).is_ok());
        let renamed = text.replace("card-cvu", "cvu-card");
        assert_eq!(tokens.open(&renamed, NOON), Err(Refusal::Forged));
        let none = tokens.seal(SESSION, &[], NOON).unwrap();
        assert!(tokens.open(none.text.expose_secret(), NOON).is_ok());
    }

    #[test]
    fn keys_rotate_with_an_overlap() {
        let before = tokens(&key("old", 1));
        let during = tokens(&format!("{}, {}", key("new", 2), key("old", 1)));
        let after = tokens(&key("new", 2));
        let (old, new) = (sealed_by(&before), sealed_by(&during));
        assert!(new.starts_with("v2.new.card."));
        assert!(during.open(&old, NOON).is_ok());
        assert!(during.open(&new, NOON).is_ok());
        assert!(after.open(&new, NOON).is_ok());
        assert_eq!(after.open(&old, NOON), Err(Refusal::UnknownKey));
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let tokens = tokens(&key("k1", 1));
        assert_ne!(sealed_by(&tokens), sealed_by(&tokens));
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused_with_the_entry_and_without_the_key() {
        let short = STANDARD.encode([7_u8; 16]);
        let good = key("k1", 1);
        let cases = [
            (String::new(), TokenKeysError::Empty),
            (" , ".to_owned(), TokenKeysError::Empty),
            (
                STANDARD.encode([7_u8; 32]),
                TokenKeysError::Kid { entry: 1 },
            ),
            (format!("{good},a.b:x"), TokenKeysError::Kid { entry: 2 }),
            (
                format!("{good},k2:{short}"),
                TokenKeysError::Key { entry: 2 },
            ),
            (format!("{good},k2:***"), TokenKeysError::Key { entry: 2 }),
            (
                format!("{good},{}", key("k1", 2)),
                TokenKeysError::Repeated {
                    kid: "k1".to_owned(),
                },
            ),
        ];
        for (text, expected) in cases {
            let error = TokenKeys::parse(&text.as_str().into()).unwrap_err();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains(&short));
        }
        let keys = TokenKeys::parse(&good.as_str().into()).unwrap();
        assert_eq!(format!("{keys:?}"), r#"["k1"]"#);
    }

    proptest! {
        #[test]
        fn no_text_opens_or_panics(text in "(v2\\.k1\\.card\\.)?\\PC{0,200}") {
            prop_assert!(tokens(&key("k1", 1)).open(&text, NOON).is_err());
        }
    }
}
