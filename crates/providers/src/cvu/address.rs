//! Addresses that the provider makes and a buyer follows.

use std::fmt;

use reqwest::Url;

use crate::base_url::is_loopback;

/// The address of a payment page: `https`, with a host, without user and password, at most 2048 characters.
///
/// From a provider that is reached over plain `http` itself, which can only be on this machine, also `http`
/// to this machine.
#[derive(Clone, Eq, PartialEq)]
pub struct PayAddress(Url);

impl PayAddress {
    /// Reads what the provider at `base` made; `None` for what must not become a link on a page.
    pub(super) fn parse(text: &str, base: &Url) -> Option<Self> {
        let is_plain_text = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() > MAX_CHARS || !is_plain_text {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let is_local = base.scheme() == "http" && url.scheme() == "http" && is_loopback(&url);
        let has_user = !url.username().is_empty() || url.password().is_some();
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        let fits = (url.scheme() == "https" || is_local) && has_host && !has_user;
        fits.then_some(Self(url))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The host alone: whoever has the rest can see the payment.
impl fmt::Debug for PayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PayAddress")
            .field(&self.0.host_str().unwrap_or_default())
            .finish()
    }
}

const MAX_CHARS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, base: &str) -> Option<String> {
        let base = Url::parse(base).unwrap();
        PayAddress::parse(text, &base).map(|address| address.as_str().to_owned())
    }

    #[test]
    fn only_https_becomes_an_address() {
        let https = "https://ejemplo.test/pagar/xyz789?a=1#b";
        assert_eq!(
            parse(https, "https://api.ejemplo.test").as_deref(),
            Some(https)
        );
        let long = format!("https://ejemplo.test/{}", "a".repeat(2048));
        for text in [
            "",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,<script>",
            "http://ejemplo.test/pagar",
            "http://127.0.0.1/pagar",
            "//ejemplo.test/pagar",
            "/pagar",
            "https:",
            "https://",
            "https://persona:clave@ejemplo.test/",
            "https://ejemplo.test/a b",
            "https://ejemplo.test/\n",
            "java\tscript:alert(1)",
            "intent://ejemplo.test",
            &long,
        ] {
            assert_eq!(parse(text, "https://api.ejemplo.test"), None, "{text:?}");
        }
    }

    #[test]
    fn a_provider_on_this_machine_may_name_this_machine_without_tls() {
        let base = "http://127.0.0.1:8793";
        assert!(parse("http://127.0.0.1:8793/pay/1", base).is_some());
        assert!(parse("https://ejemplo.test/pay/1", base).is_some());
        assert_eq!(parse("http://ejemplo.test/pay/1", base), None);
        assert_eq!(parse("javascript:alert(1)", base), None);
    }

    #[test]
    fn debug_shows_the_host_alone() {
        let base = Url::parse("https://api.ejemplo.test").unwrap();
        let address = PayAddress::parse("https://ejemplo.test/pagar/xyz789", &base).unwrap();
        assert_eq!(format!("{address:?}"), r#"PayAddress("ejemplo.test")"#);
    }
}
