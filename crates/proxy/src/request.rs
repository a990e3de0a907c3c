//! What both APIs read of a request: headers that must occur once, and bodies of JSON that are small,
//! uncompressed and on time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request};
use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ventanilla_core::api::{IDEMPOTENCY_KEY, IdempotencyKey};
use ventanilla_core::problem::ProblemCode;

use crate::error::{Error, Result};

/// How long a body may take to arrive. Not extended by bytes that trickle in.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The one value of a header that may occur once; `None` without it, when it comes twice, or when it
/// is not ASCII text.
#[must_use]
pub fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// What follows `Bearer ` in the one `Authorization` header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = only(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| credentials.trim_start_matches(' '))
}

/// The idempotency key.
///
/// # Errors
///
/// `idempotency-key-invalid` unless there is exactly one, of the right form.
pub fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey> {
    const NAME: HeaderName = HeaderName::from_static("idempotency-key");
    debug_assert!(NAME.as_str().eq_ignore_ascii_case(IDEMPOTENCY_KEY));
    let invalid = || Error::new(ProblemCode::IdempotencyKeyInvalid);
    only(headers, &NAME)
        .ok_or_else(|| invalid().detail("expected one Idempotency-Key header"))?
        .parse()
        .map_err(|error: ventanilla_core::api::IdempotencyKeyError| {
            invalid().detail(error.to_string())
        })
}

/// A path segment that may be an identifier.
///
/// # Errors
///
/// `not-found`, the same as for an identifier that names nothing.
pub fn identifier(segment: &str) -> Result<&str> {
    let fits = (1..=64).contains(&segment.len())
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    fits.then_some(segment)
        .ok_or_else(|| Error::new(ProblemCode::NotFound))
}

/// The path's `{id}`: a text that may be an identifier ([`identifier`]).
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        let Path(segment) = segment.map_err(|_| Error::new(ProblemCode::NotFound))?;
        identifier(&segment)?;
        Ok(Self(segment))
    }
}

/// A part of the path, whatever is in it.
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        let Path(segment) = segment.map_err(|_| Error::new(ProblemCode::NotFound))?;
        Ok(Self(segment))
    }
}

/// A query as a struct whose fields are texts, words and [`Number`]s: each at most once, and no other.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let malformed = |detail: String| Error::new(ProblemCode::RequestMalformed).detail(detail);
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let axum::extract::Query(pairs) =
            pairs.map_err(|_| malformed("expected a query of names and values".to_owned()))?;
        let mut members = serde_json::Map::new();
        for (name, value) in pairs {
            if members.insert(name, value.into()).is_some() {
                return Err(malformed(
                    "expected each parameter of the query once".to_owned(),
                ));
            }
        }
        serde_path_to_error::deserialize(serde_json::Value::Object(members))
            .map(Self)
            .map_err(|error| malformed(of_query(&explain(error.path(), error.inner()))))
    }
}

/// Without the place in a text that there is none of.
fn of_query(explained: &str) -> String {
    let (explained, _) = explained
        .rsplit_once(", at line")
        .unwrap_or((explained, ""));
    format!("query: {explained}")
}

/// A whole number in a query.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Number(String);

impl Number {
    /// The number.
    ///
    /// # Errors
    ///
    /// `request-malformed` unless it is one from `least` to `most`.
    pub fn within(self, name: &str, least: u64, most: u64) -> Result<u64> {
        let digits = self.0.bytes().all(|b| b.is_ascii_digit());
        let number = self.0.parse().ok().filter(|_| digits);
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                Error::new(ProblemCode::RequestMalformed).detail(format!(
                    "{name}: expected a whole number from {least} to {most}"
                ))
            })
    }
}

/// How many rows an answer has unless told.
const LIMIT: usize = 100;
/// How many rows an answer has at most.
const LIMIT_MAX: u64 = 500;

/// How many rows are asked for.
///
/// # Errors
///
/// `request-malformed` unless it is 1 to 500.
pub fn limit(asked: Option<Number>) -> Result<usize> {
    match asked {
        None => Ok(LIMIT),
        Some(number) => {
            let limit = number.within("limit", 1, LIMIT_MAX)?;
            Ok(usize::try_from(limit).unwrap_or(LIMIT))
        }
    }
}

/// Unknown, somebody else's, never there: one answer for all, whatever the finder had to say.
#[must_use]
pub fn not_found_alike(error: Error) -> Error {
    if error.code() == ProblemCode::NotFound {
        Error::new(ProblemCode::NotFound)
    } else {
        error
    }
}

/// Reads a body of JSON of at most `limit` bytes.
///
/// # Errors
///
/// `unsupported-media-type` unless it is uncompressed `application/json` in UTF-8; `body-too-large`,
/// whether or not the length was announced; `request-timeout` after [`BODY_DEADLINE`];
/// `request-malformed`, which names the field and what was expected there and never repeats a value.
pub async fn json<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T> {
    check_media_type(request.headers())?;
    parse(&bytes(request, limit).await?)
}

/// As [`json`]; without a body and a media type, the value is the default.
///
/// # Errors
///
/// As [`json`].
pub async fn json_or_default<T: DeserializeOwned + Default>(
    request: Request,
    limit: usize,
) -> Result<T> {
    let headers = request.headers();
    if !headers.contains_key(header::CONTENT_TYPE) && request.body().is_end_stream() {
        return Ok(T::default());
    }
    json(request, limit).await
}

/// Reads a body of at most `limit` bytes, whatever is in it.
///
/// # Errors
///
/// `body-too-large`, whether or not the length was announced; `request-timeout` after
/// [`BODY_DEADLINE`]; `request-malformed` when it breaks off.
pub async fn bytes(request: Request, limit: usize) -> Result<bytes::Bytes> {
    let (parts, body) = request.into_parts();
    check_announced_length(&parts.headers, limit)?;
    tokio::time::timeout(BODY_DEADLINE, collect(body, limit))
        .await
        .map_err(|_| {
            Error::new(ProblemCode::RequestTimeout).detail(format!(
                "expected the whole body within {} s",
                BODY_DEADLINE.as_secs()
            ))
        })?
}

fn check_media_type(headers: &HeaderMap) -> Result<()> {
    let refused = |detail: &str| Error::new(ProblemCode::UnsupportedMediaType).detail(detail);
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(refused("expected a body without Content-Encoding"));
    }
    let fits = only(headers, &header::CONTENT_TYPE).is_some_and(|text| {
        let mut parts = text.split(';').map(str::trim);
        parts
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
            && parts.all(|parameter| {
                parameter
                    .to_ascii_lowercase()
                    .strip_prefix("charset=")
                    .is_some_and(|charset| charset.trim_matches('"') == "utf-8")
            })
    });
    if fits {
        Ok(())
    } else {
        Err(refused("expected Content-Type: application/json"))
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(ProblemCode::BodyTooLarge).detail(format!("expected at most {limit} bytes"))
}

fn check_announced_length(headers: &HeaderMap, limit: usize) -> Result<()> {
    let announced =
        only(headers, &header::CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    match announced {
        Some(length) if length > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

async fn collect(body: Body, limit: usize) -> Result<bytes::Bytes> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        // The connection broke: nobody reads this answer.
        Err(_) => Err(Error::new(ProblemCode::RequestMalformed).detail("the body broke off")),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let malformed = |detail: String| Error::new(ProblemCode::RequestMalformed).detail(detail);
    // Serde would also take an object's values as a list in the right order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(malformed("expected a JSON object, found a list".to_owned()));
    }
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| malformed(explain(error.path(), error.inner())))?;
    reader
        .end()
        .map_err(|_| malformed("expected nothing after the JSON value".to_owned()))?;
    Ok(value)
}

/// Field and expectation. What the caller wrote is left out: it may be a card number typed into the
/// wrong place.
fn explain(path: &serde_path_to_error::Path, error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    if error.is_syntax() || error.is_eof() {
        return format!("expected JSON, found a syntax error at {place}");
    }
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    let found = ["missing field", "duplicate field"];
    let found_unnamed = [
        "unknown field",
        "unknown variant",
        "invalid type",
        "invalid value",
        "invalid length",
    ];
    let said = if let Some(start) = found_unnamed
        .iter()
        .find(|start| message.starts_with(**start))
    {
        // Serde writes what was found before the last ", expected" and our own words behind it.
        match message.rsplit_once(", expected ") {
            // "struct" is Rust's word for it.
            Some((_, expected)) if expected.starts_with("struct ") => {
                format!("{start}, expected an object")
            }
            Some((_, expected)) => format!("{start}, expected {expected}"),
            None => (*start).to_owned(),
        }
    } else if found.iter().any(|start| message.starts_with(start)) {
        message.to_owned()
    } else {
        // A domain type's own words, which hold limits and no values.
        String::from_utf8_lossy(&crate::logging::mask_card_numbers(message.as_bytes())).into_owned()
    };
    match field(path) {
        Some(field) => format!("{field}: {said}, at {place}"),
        None => format!("{said}, at {place}"),
    }
}

/// The path to the field, without segments that the caller made up.
fn field(path: &serde_path_to_error::Path) -> Option<String> {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                let ours = key.len() <= 32
                    && key
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
                    && !key.bytes().all(|b| b.is_ascii_digit());
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(if ours { key } else { "?" });
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    (!text.is_empty() && text != "?").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ventanilla_core::api::StartAttempt;

    use crate::machine::NewSession;

    fn detail<T: DeserializeOwned>(text: &str) -> String {
        let error = parse::<T>(text.as_bytes()).err().unwrap();
        assert_eq!(error.code(), ProblemCode::RequestMalformed);
        error.problem().detail.unwrap()
    }

    #[test]
    fn a_malformed_body_is_told_by_field_and_expectation() {
        for (text, expected) in [
            (
                r#"{"order_reference":"A1","total":{"amount_minor":"12","currency":"CRC"}}"#,
                "total.amount_minor: invalid type, expected u64",
            ),
            (
                r#"{"order_reference":"A1","total":{"amount_minor":12.5,"currency":"CRC"}}"#,
                "total.amount_minor: invalid type, expected u64",
            ),
            (
                r#"{"order_reference":"A1","total":{"amount_minor":12,"currency":"EUR"}}"#,
                "total.currency: unknown variant, expected one of `ARS`, `CAD`, `CRC`, `MXN`, `USD`",
            ),
            (r#"{"order_reference":"A1"}"#, "missing field `total`"),
            (
                r#"{"order_reference":"A1","order_reference":"A2"}"#,
                "duplicate field `order_reference`",
            ),
            (
                "{",
                "expected JSON, found a syntax error at line 1 column 1",
            ),
            ("", "expected JSON, found a syntax error at line 1 column 0"),
            ("[]", "expected a JSON object"),
            (r#"["A1"]"#, "expected a JSON object"),
            (
                r#"{"order_reference":"A1","total":"12"}"#,
                "total: invalid type, expected an object",
            ),
        ] {
            let found = detail::<NewSession>(text);
            assert!(found.starts_with(expected), "{text}: {found}");
        }
        let found = detail::<StartAttempt>(r#"{"rail":"card"} {}"#);
        assert_eq!(found, "expected nothing after the JSON value");
    }

    #[test]
    fn a_field_that_is_not_ours_is_refused_with_those_that_are() {
        let found = detail::<StartAttempt>(r#"{"rail":"card","amount":1}"#);
        assert!(
            found.contains(
                "unknown field, expected one of `rail`, `card`, `cvu`, `flux`, `flexiti`"
            ),
            "{found}"
        );
        let found = detail::<StartAttempt>(r#"{"rail":"card","card":{"amount":1}}"#);
        assert!(
            found.contains("card.amount: unknown field, expected one of `sealed`"),
            "{found}"
        );
    }

    #[test]
    fn nothing_the_caller_wrote_comes_back() {
        let pan = "4242424242424242";
        for text in [
            format!(r#"{{"rail":"{pan}"}}"#),
            format!(r#"{{"rail":{pan}}}"#),
            format!(r#"{{"{pan}":1}}"#),
            format!(r#"{{"rail":"card","card":{{"{pan}":1}}}}"#),
            format!(r#"{{"rail":"card","card":"{pan}"}}"#),
            format!(r#"{{"rail":"card","card":{{"installments":{pan}}}}}"#),
            format!(r#"{{"rail":"x, expected {pan}"}}"#),
            format!(r#"{{"rail":"card","card":{{"x at line {pan}":1}}}}"#),
        ] {
            let found = detail::<StartAttempt>(&text);
            assert!(!found.contains("4242"), "{text}: {found}");
        }
    }

    #[test]
    fn a_header_that_must_occur_once_is_not_read_when_it_occurs_twice() {
        let mut headers = HeaderMap::new();
        headers.append("authorization", "bearer  abc".parse().unwrap());
        assert_eq!(bearer(&headers), Some("abc"));
        headers.append("authorization", "Bearer def".parse().unwrap());
        assert_eq!(bearer(&headers), None);

        headers.append("idempotency-key", "0123456789abcdef".parse().unwrap());
        assert!(idempotency_key(&headers).is_ok());
        headers.append("idempotency-key", "0123456789abcdef".parse().unwrap());
        let error = idempotency_key(&headers).unwrap_err();
        assert_eq!(error.code(), ProblemCode::IdempotencyKeyInvalid);
    }

    /// A body that sends one byte a second and never ends.
    struct Trickle(std::pin::Pin<Box<tokio::time::Sleep>>);

    impl hyper::body::Body for Trickle {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<
            Option<std::result::Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>,
        > {
            std::task::ready!(self.0.as_mut().poll(cx));
            self.0 = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(
                bytes::Bytes::from_static(b" "),
            ))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_in_is_given_up_at_the_deadline() {
        let started = tokio::time::Instant::now();
        let body = Trickle(Box::pin(tokio::time::sleep(Duration::ZERO)));
        let request = Request::post("/")
            .header("content-type", "application/json")
            .body(Body::new(body))
            .unwrap();
        let error = json::<StartAttempt>(request, 1024).await.err().unwrap();
        assert_eq!(error.code(), ProblemCode::RequestTimeout);
        assert_eq!(started.elapsed(), BODY_DEADLINE);
    }

    #[test]
    fn only_uncompressed_json_in_utf_8_is_read() {
        let check = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            check_media_type(&headers).is_ok()
        };
        assert!(check(&[("content-type", "application/json")]));
        assert!(check(&[(
            "content-type",
            "Application/JSON; charset=UTF-8"
        )]));
        assert!(!check(&[]));
        assert!(!check(&[("content-type", "text/plain")]));
        assert!(!check(&[(
            "content-type",
            "application/json; charset=latin1"
        )]));
        assert!(!check(&[("content-type", "application/jsonp")]));
        assert!(!check(&[
            ("content-type", "application/json"),
            ("content-type", "text/plain")
        ]));
        for encoding in ["gzip", "br", "identity"] {
            assert!(!check(&[
                ("content-type", "application/json"),
                ("content-encoding", encoding)
            ]));
        }
    }
}
