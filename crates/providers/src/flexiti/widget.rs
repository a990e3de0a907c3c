//! The hosted page on which a buyer proves who they are.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::secret::{CustomerToken, WidgetSessionId};
use super::status::not_an_object;
use super::wire::{self, WidgetFields, object};
use crate::base_url::is_loopback;
use crate::outcome::Cause;

/// An identity check that was opened for one checkout. `Debug` shows the origin alone.
pub struct WidgetSession {
    /// What the buyer's frame loads. An access token stands in it.
    pub address: WidgetAddress,
    /// Names the session; authorizing needs it.
    pub id: WidgetSessionId,
    /// With which the rest of this checkout is asked.
    pub token: CustomerToken,
}

impl fmt::Debug for WidgetSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WidgetSession")
            .field("origin", &self.address.origin)
            .finish_non_exhaustive()
    }
}

/// The address of the hosted page: `https`, with a host, without user and password, at most 8192 characters.
/// From a provider that is reached over plain `http` itself, which can only be on this machine, also `http`
/// to this machine.
///
/// Neither `Debug` nor `Display`: whoever has it has the buyer's access token. It goes to the buyer's frame,
/// and into no log, store or error.
#[derive(Clone)]
pub struct WidgetAddress {
    text: SecretString,
    origin: String,
}

impl WidgetAddress {
    /// The address.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The origin of the page, such as `https://flexiti.example`: what a message from it must come from.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// Reads what `widget/init` answers, for a provider at `base`.
pub(super) fn opened(body: &str, base: &Url) -> Result<(WidgetAddress, WidgetSessionId), Cause> {
    let fields: WidgetFields = object(body).ok_or_else(|| not_an_object(body))?;
    let text = wire::string(&fields.redirection_url).ok_or(Cause::Shape("redirection_url"))?;
    let url = address(&text, base).ok_or(Cause::Shape("redirection_url"))?;
    let id = session_id(&url).ok_or(Cause::Shape("widget_session_id"))?;
    let origin = url.origin().ascii_serialization();
    // As the URL parser writes it, so that nobody after it reads another host.
    let text = SecretString::from(String::from(url));
    Ok((WidgetAddress { text, origin }, id))
}

fn address(text: &str, base: &Url) -> Option<Url> {
    if text.len() > MAX_CHARS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_local = base.scheme() == "http" && url.scheme() == "http" && is_loopback(&url);
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    ((url.scheme() == "https" || is_local) && has_host && !has_user).then_some(url)
}

/// Looks behind the first `?` of the fragment, where the page has its query, and in an ordinary query. Two
/// that differ are none.
fn session_id(url: &Url) -> Option<WidgetSessionId> {
    let in_fragment = url.fragment().and_then(|fragment| fragment.split_once('?'));
    let queries = [in_fragment.map(|(_, query)| query), url.query()];
    let mut found: Option<String> = None;
    let mut scratch = url.clone();
    for query in queries.into_iter().flatten() {
        scratch.set_query(Some(query));
        for (name, value) in scratch.query_pairs() {
            if name != "widget_session_id" {
                continue;
            }
            if found.as_deref().is_some_and(|found| found != value) {
                return None;
            }
            found = Some(value.into_owned());
        }
    }
    WidgetSessionId::parse(&found?)
}

const MAX_CHARS: usize = 8192;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn read_from(text: &str, base: &str) -> Result<(String, String), Cause> {
        let body = serde_json::json!({ "redirection_url": text }).to_string();
        let (address, id) = opened(&body, &Url::parse(base).unwrap())?;
        Ok((address.origin().to_owned(), id.expose().to_owned()))
    }

    fn read(text: &str) -> Result<(String, String), Cause> {
        read_from(text, "https://api.flexiti.example")
    }

    #[test]
    fn the_session_is_found_in_the_query_of_the_fragment_and_in_an_ordinary_one() {
        let expected = Ok(("https://flexiti.example".to_owned(), ID.to_owned()));
        for text in [
            format!(
                "https://flexiti.example/#/widget/demo/T?lang=en&x-reference-id=R&widget_session_id={ID}"
            ),
            format!("https://flexiti.example/#/widget/demo/T?widget_session_id={ID}&a=?&b=1"),
            format!("https://flexiti.example/widget/demo/T?widget_session_id={ID}"),
            format!("https://flexiti.example/?lang=en&widget_session_id={ID}#/widget/demo/T"),
            format!("https://flexiti.example/?widget_session_id={ID}#/w?widget_session_id={ID}"),
            format!("https://FLEXITI.example:443/#/w?widget%5Fsession_id={ID}"),
        ] {
            assert_eq!(read(&text), expected, "{text}");
        }
    }

    #[test]
    fn without_one_clear_session_there_is_none() {
        for text in [
            "https://flexiti.example/".to_owned(),
            format!("https://flexiti.example/#/widget_session_id={ID}"),
            "https://flexiti.example/#/w?widget_session_id=".to_owned(),
            "https://flexiti.example/#/w?widget_session_id=a%20b".to_owned(),
            format!("https://flexiti.example/?widget_session_id=1#/w?widget_session_id={ID}"),
            format!("https://flexiti.example/#/w?widget_session_id=1&widget_session_id={ID}"),
        ] {
            assert_eq!(
                read(&text),
                Err(Cause::Shape("widget_session_id")),
                "{text}"
            );
        }
    }

    #[test]
    fn only_https_becomes_the_address_of_a_frame() {
        let long = "a".repeat(8192);
        for start in [
            "javascript:alert(1)//",
            "data:text/html,",
            "http://flexiti.example/",
            "http://127.0.0.1/",
            "//flexiti.example/",
            "https://user:word@flexiti.example/",
            "https://flexiti.example/a b",
            "https://flexiti.example/é",
            "https:",
            &long,
        ] {
            let text = format!("{start}#/w?widget_session_id={ID}");
            assert_eq!(read(&text), Err(Cause::Shape("redirection_url")), "{text}");
        }
        let local = format!("http://127.0.0.1:8795/#/w?widget_session_id={ID}");
        let (origin, _) = read_from(&local, "http://127.0.0.1:8794").unwrap();
        assert_eq!(origin, "http://127.0.0.1:8795");
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let base = Url::parse("https://api.flexiti.example").unwrap();
        for (body, cause) in [
            ("", Cause::NotJson),
            ("[]", Cause::Shape("body")),
            ("{}", Cause::Shape("redirection_url")),
            (
                r#"{"redirection_url":null}"#,
                Cause::Shape("redirection_url"),
            ),
            (r#"{"redirection_url":7}"#, Cause::Shape("redirection_url")),
        ] {
            assert_eq!(opened(body, &base).err(), Some(cause), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_address_makes_the_reader_panic(rest in "[#?&=/%a-z0-9:@\\PC]{0,48}") {
            let _ = read(&rest);
            let _ = read(&format!("https://flexiti.example/{rest}"));
        }
    }
}
