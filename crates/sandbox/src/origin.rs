//! Whose page a request comes from.

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether a request comes from a page of this host, or from no page at all: a page of another site may
/// not press the buttons.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    headers.get(header::ORIGIN).is_none_or(|origin| {
        let origin = origin.as_bytes();
        let named = origin
            .strip_prefix(b"http://")
            .or_else(|| origin.strip_prefix(b"https://"));
        named.is_some() && named == host
    })
}
