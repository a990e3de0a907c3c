//! Where webhooks go.

use std::net::IpAddr;

use reqwest::Url;

use super::address::Reach;
use crate::origin::is_loopback_host;

/// A receiver's URL: https, or http on this machine where that is allowed. Its host, when it is an
/// address, is within [`ReceiverUrl::reach`]; when it is a name, that is judged with every connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReceiverUrl {
    url: Url,
    reach: Reach,
}

impl ReceiverUrl {
    /// Reads `https://host[:port][/path][?query]`. With `allow_private` also private addresses, and
    /// http to this machine.
    ///
    /// # Errors
    ///
    /// A text that says what was expected.
    pub fn parse(text: &str, allow_private: bool) -> Result<Self, String> {
        const EXPECTED: &str =
            "expected a URL such as https://shop.example/webhooks, without user or fragment";
        let url = Url::parse(text).map_err(|_| EXPECTED.to_owned())?;
        let host = url.host_str().unwrap_or_default();
        if host.is_empty()
            || !url.username().is_empty()
            || url.password().is_some()
            || url.fragment().is_some()
        {
            return Err(EXPECTED.to_owned());
        }
        let reach = match (url.scheme(), allow_private) {
            ("https", false) => Reach::Public,
            ("https", true) => Reach::Anywhere,
            ("http", true) if is_loopback_host(host) => Reach::ThisMachine,
            ("http", _) => {
                return Err(
                    "expected https (http is for this machine only, with allow_private = true)"
                        .to_owned(),
                );
            }
            _ => return Err(EXPECTED.to_owned()),
        };
        // Names are resolved, and judged then; addresses never pass by a resolver.
        if literal(host).is_some_and(|address| !reach.covers(address)) {
            return Err(
                "expected a public address (private ones need allow_private = true)".to_owned(),
            );
        }
        Ok(Self { url, reach })
    }

    /// The URL's text, as it is kept: the host in lower case, an address in its usual form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The URL.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Which addresses may be connected to.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// The host's name; none when it is an address.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.url.host_str().filter(|host| literal(host).is_none())
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.url.host_str().is_some_and(is_loopback_host)
    }
}

/// The address that a URL's host is, in whatever form it was written: `127.1` and `0x7f000001` have
/// become `127.0.0.1` by now.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_public_is_taken_as_it_stands() {
        for text in [
            "https://shop.example/webhooks",
            "https://shop.example:8443/a/b?c=d",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
        ] {
            let url = ReceiverUrl::parse(text, false).unwrap();
            assert_eq!((url.as_str(), url.reach()), (text, Reach::Public));
        }
        let name = |text| {
            ReceiverUrl::parse(text, false)
                .unwrap()
                .name()
                .map(str::to_owned)
        };
        assert_eq!(
            name("https://Shop.example/").as_deref(),
            Some("shop.example")
        );
        assert_eq!(name("https://8.8.8.8/"), None);
        assert_eq!(name("https://[2606:4700:4700::1111]/"), None);
    }

    #[test]
    fn a_private_address_is_refused_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[fd00::1]",
            "[fe80::1]",
        ] {
            let url = format!("https://{host}/");
            let error = ReceiverUrl::parse(&url, false).unwrap_err();
            assert!(
                error.starts_with("expected a public address"),
                "{host}: {error}"
            );
            assert!(ReceiverUrl::parse(&url, true).is_ok(), "{host}");
        }
    }

    #[test]
    fn http_is_for_this_machine_and_only_where_private_is_allowed() {
        for host in ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"] {
            let url = format!("http://{host}/");
            assert_eq!(
                ReceiverUrl::parse(&url, true).unwrap().reach(),
                Reach::ThisMachine
            );
            assert!(
                ReceiverUrl::parse(&url, false)
                    .unwrap_err()
                    .contains("https")
            );
        }
        for url in ["http://shop.example/", "http://10.0.0.1/"] {
            for allow_private in [false, true] {
                let error = ReceiverUrl::parse(url, allow_private).unwrap_err();
                assert!(error.starts_with("expected https"), "{url}: {error}");
            }
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for text in [
            "",
            "shop.example",
            "ftp://shop.example/",
            "file:///etc/passwd",
            "https://u:p@shop.example/",
            "https://u@shop.example/",
            "https://shop.example/#x",
            "https://[::1",
        ] {
            let error = ReceiverUrl::parse(text, true).unwrap_err();
            assert!(error.starts_with("expected a URL"), "{text}: {error}");
        }
    }
}
