//! Which pages may talk to the browser API, and on what terms.
//!
//! | who calls | how it is known | card attempts |
//! |---|---|---|
//! | the frame, from the proxy's own origin | `Origin` is the public origin, or `Sec-Fetch-Site: same-origin` | yes |
//! | a shop's page (inline mode) | `Origin` is in the merchant's list | only with `[card] inline = true` |
//! | anybody else, and whoever does not say | | refused |
//!
//! Browsers write both headers themselves and let no page forge them. A program can, but has no
//! buyer's browser to misuse: what guards against programs is the client token.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;

use crate::error::{Error, Result};

/// Seconds a browser may remember the answer to a preflight.
pub const PREFLIGHT_MAX_AGE_SECS: u32 = 300;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A web origin, written as browsers write it: scheme, host and, unless it is the scheme's own, port.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    text: String,
    https: bool,
    host: String,
    port: Option<u16>,
}

/// Why a text is not an [`Origin`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OriginError {
    /// `null`, `*` and whatever else has neither `http://` nor `https://` in front.
    Scheme,
    /// The host is missing or not a lower-case ASCII name or an address.
    Host,
    /// The port is not a number from 1 to 65535 without leading zeros, or is the scheme's own.
    Port,
    /// Something follows the port.
    Path,
}

impl std::fmt::Display for OriginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scheme => "expected https:// or http:// in front",
            Self::Host => {
                "expected a host name in lower case (international names in their xn-- form) or an address"
            }
            Self::Port => {
                "expected a port from 1 to 65535, and none where it is 443 for https or 80 for http"
            }
            Self::Path => "expected scheme, host and port only, without a path or a slash at the end",
        })
    }
}

impl std::error::Error for OriginError {}

impl Origin {
    /// Reads an origin as browsers write it, such as `https://shop.example`.
    ///
    /// # Errors
    ///
    /// Each [`OriginError`], as its documentation says.
    pub fn parse(text: &str) -> std::result::Result<Self, OriginError> {
        let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(OriginError::Scheme),
        };
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(OriginError::Path);
        }
        let (host, port) = split_port(rest)?;
        if !is_host(host) {
            return Err(OriginError::Host);
        }
        let default = if https { 443 } else { 80 };
        if port == Some(default) {
            return Err(OriginError::Port);
        }
        Ok(Self {
            text: text.to_owned(),
            https,
            host: host.to_owned(),
            port,
        })
    }

    /// The origin's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the scheme is https.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is this machine: `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }

    /// The port, when it is not the scheme's own.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same origin on another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        let scheme = if self.https { "https" } else { "http" };
        let (port, shown) = match (self.https, port) {
            (true, 443) | (false, 80) => (None, String::new()),
            _ => (Some(port), format!(":{port}")),
        };
        Self {
            text: format!("{scheme}://{}{shown}", self.host),
            https: self.https,
            host: self.host.clone(),
            port,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a URL's host (an IPv6 address in brackets) is this machine.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn split_port(rest: &str) -> std::result::Result<(&str, Option<u16>), OriginError> {
    // The colons inside [::1] are no port's.
    let colon = match rest.rfind(']') {
        Some(bracket) => rest
            .get(bracket + 1..)
            .and_then(|tail| tail.strip_prefix(':')),
        None => rest.split_once(':').map(|(_, port)| port),
    };
    let Some(digits) = colon else {
        return Ok((rest, None));
    };
    let plain = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let port = digits.parse::<u16>().ok().filter(|_| plain);
    let host = rest
        .strip_suffix(digits)
        .and_then(|host| host.strip_suffix(':'))
        .ok_or(OriginError::Host)?;
    Ok((host, Some(port.ok_or(OriginError::Port)?)))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return address
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|parsed| parsed.to_string() == address);
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let looks_numeric = host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    host.len() <= 253
        && host.split('.').all(label)
        && (!looks_numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}

/// Who sent a request to the browser API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Caller {
    /// Our own frame.
    Frame,
    /// A page of the merchant's.
    Shop(Origin),
}

/// Who may call the browser API.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    /// The proxy's own origin, where the frame lives.
    pub public: Origin,
    /// The merchant's pages.
    pub merchants: Vec<Origin>,
    /// Whether a card may be typed in a merchant's page.
    pub inline_cards: bool,
}

impl OriginPolicy {
    /// Who sent a request with these headers.
    ///
    /// # Errors
    ///
    /// `origin-not-allowed` unless it is the frame or a page of the merchant's list, and the two
    /// headers do not contradict each other.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        let refused = || Error::new(ProblemCode::OriginNotAllowed);
        let origin = single(headers, &header::ORIGIN).map_err(|()| refused())?;
        let site = single(headers, &SEC_FETCH_SITE).map_err(|()| refused())?;
        match (origin, site) {
            (Some(origin), site) if origin == self.public.as_str() => match site {
                None | Some("same-origin") => Ok(Caller::Frame),
                Some(_) => Err(refused().detail("Sec-Fetch-Site contradicts Origin")),
            },
            (Some(origin), site) => match (self.merchant(origin), site) {
                (Some(shop), None | Some("same-site" | "cross-site")) => {
                    Ok(Caller::Shop(shop.clone()))
                }
                (Some(_), Some(_)) => Err(refused().detail("Sec-Fetch-Site contradicts Origin")),
                (None, _) => Err(match Origin::parse(origin) {
                    // What parses has no character that could carry anything but a name.
                    Ok(origin) => refused()
                        .detail(format!("{origin} is not in the proxy's origin allow-list")),
                    Err(_) => refused(),
                }),
            },
            (None, Some("same-origin")) => Ok(Caller::Frame),
            (None, _) => Err(refused().detail(
                "expected an Origin header from the allow-list, or Sec-Fetch-Site: same-origin",
            )),
        }
    }

    /// Whether `caller` may start an attempt on `rail`.
    ///
    /// # Errors
    ///
    /// `origin-not-allowed` for a card typed in a shop's page, unless inline cards are switched on;
    /// `frame-only` for a wallet's code read there, or for somebody who says there who they are.
    pub fn may_start(&self, caller: &Caller, rail: Rail) -> Result<()> {
        match (rail, caller) {
            // No secret of the buyer's is typed there.
            (Rail::Cvu, _) | (Rail::Card, Caller::Frame) => Ok(()),
            // A wallet's code is as good as cash; the frame's camera reads it.
            // Who the buyer is, and the address of a page that lets in whoever has it.
            (Rail::Flexiti, Caller::Frame) => Ok(()),
            (Rail::Flexiti, Caller::Shop(_)) => Err(Error::new(ProblemCode::FrameOnly)
                .detail("who the buyer is is told in the frame only")),
            (Rail::Flux, Caller::Frame) => Ok(()),
            (Rail::Flux, Caller::Shop(_)) => Err(Error::new(ProblemCode::FrameOnly)
                .detail("a wallet's code is taken in the frame only")),
            (Rail::Card, Caller::Shop(_)) if self.inline_cards => Ok(()),
            (Rail::Card, Caller::Shop(_)) => Err(Error::new(ProblemCode::OriginNotAllowed).detail(
                "cards are taken in the frame only; [card] inline = true lets a shop's page take them",
            )),
        }
    }

    /// The headers that let the browser hand an answer to the page that asked: exact for a page of
    /// the merchant's list, none for anybody else.
    #[must_use]
    pub fn cors(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = single(request, &header::ORIGIN).ok().flatten()?;
        let shop = self.merchant(origin)?;
        HeaderValue::from_str(shop.as_str()).ok()
    }

    fn merchant(&self, origin: &str) -> Option<&Origin> {
        self.merchants.iter().find(|shop| shop.as_str() == origin)
    }
}

/// The one value of a header; `None` without it, an error when it comes twice or is not ASCII text.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> std::result::Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Origins that no shop of the list has, though they look like one.
    pub(crate) const HOSTILE: [&str; 34] = [
        "null",
        "*",
        "",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://evil-shop.example",
        "https://shop.example.",
        "https://shop.example:443",
        "https://shop.example:8443",
        "https://shop.example/",
        "https://shop.example/path",
        "https://shop.example?",
        "https://shop.example#",
        "https://shop.example@evil.example",
        "https://user@shop.example",
        "https://SHOP.example",
        "HTTPS://shop.example",
        "http://shop.example",
        "https:shop.example",
        "//shop.example",
        "shop.example",
        "https://shop.example, https://evil.example",
        "https://shop.example https://evil.example",
        "https://sub.shop.example",
        "https://shop.exampl",
        "https://shop.example.com",
        "https://shop-example",
        "https://xn--shp-pna.example",
        "https://sh0p.example",
        "https://shop.example%00.evil.example",
        "https://shop.example\\.evil.example",
        "file://",
        "chrome-extension://abcdefghijklmnop",
        "http://localhost:8081",
    ];

    fn policy() -> OriginPolicy {
        OriginPolicy {
            public: Origin::parse("https://pay.example").unwrap(),
            merchants: ["https://shop.example", "http://localhost:8080"]
                .map(|text| Origin::parse(text).unwrap())
                .to_vec(),
            inline_cards: false,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn caller(pairs: &[(&'static str, &str)]) -> Result<Caller> {
        policy().caller(&headers(pairs))
    }

    fn shop(text: &str) -> Caller {
        Caller::Shop(Origin::parse(text).unwrap())
    }

    #[test]
    fn the_frame_is_known_by_either_header() {
        let own = ("origin", "https://pay.example");
        let same = ("sec-fetch-site", "same-origin");
        assert_eq!(caller(&[own]).unwrap(), Caller::Frame);
        assert_eq!(caller(&[same]).unwrap(), Caller::Frame);
        assert_eq!(caller(&[own, same]).unwrap(), Caller::Frame);
    }

    #[test]
    fn a_listed_shop_is_known_by_its_exact_origin() {
        for text in ["https://shop.example", "http://localhost:8080"] {
            assert_eq!(caller(&[("origin", text)]).unwrap(), shop(text));
            let pairs = [("origin", text), ("sec-fetch-site", "cross-site")];
            assert_eq!(caller(&pairs).unwrap(), shop(text));
        }
    }

    #[test]
    fn hostile_origins_are_refused_and_never_allowed_to_read() {
        for origin in HOSTILE {
            for site in [
                None,
                Some("cross-site"),
                Some("same-site"),
                Some("same-origin"),
                Some("none"),
            ] {
                let mut pairs = vec![("origin", origin)];
                pairs.extend(site.map(|site| ("sec-fetch-site", site)));
                let error = caller(&pairs).unwrap_err();
                assert_eq!(
                    error.code(),
                    ProblemCode::OriginNotAllowed,
                    "{origin} {site:?}"
                );
                assert_eq!(policy().cors(&headers(&pairs)), None, "{origin} {site:?}");
            }
        }
    }

    #[test]
    fn silence_contradiction_and_repetition_are_refused() {
        let cases: [&[(&'static str, &str)]; 9] = [
            &[],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[
                ("origin", "https://pay.example"),
                ("sec-fetch-site", "cross-site"),
            ],
            &[
                ("origin", "https://shop.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[
                ("origin", "https://shop.example"),
                ("sec-fetch-site", "none"),
            ],
            &[
                ("origin", "https://shop.example"),
                ("origin", "https://shop.example"),
            ],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
        ];
        for pairs in cases {
            let error = caller(pairs).unwrap_err();
            assert_eq!(error.code(), ProblemCode::OriginNotAllowed, "{pairs:?}");
        }
    }

    #[test]
    fn only_a_listed_shop_gets_its_own_origin_back() {
        let cors = |origin: &str| policy().cors(&headers(&[("origin", origin)]));
        assert_eq!(
            cors("https://shop.example").unwrap(),
            "https://shop.example"
        );
        // The frame needs no permission to read its own origin.
        assert_eq!(cors("https://pay.example"), None);
    }

    #[test]
    fn a_card_is_taken_in_a_shops_page_only_where_the_merchant_asked_for_it() {
        let mut policy = policy();
        assert!(policy.may_start(&Caller::Frame, Rail::Card).is_ok());
        let error = policy
            .may_start(&shop("https://shop.example"), Rail::Card)
            .unwrap_err();
        assert_eq!(error.code(), ProblemCode::OriginNotAllowed);
        policy.inline_cards = true;
        assert!(
            policy
                .may_start(&shop("https://shop.example"), Rail::Card)
                .is_ok()
        );
    }

    #[test]
    fn a_code_and_who_the_buyer_is_are_taken_in_the_frame_whatever_the_merchant_asked_for() {
        let mut policy = policy();
        policy.inline_cards = true;
        for rail in [Rail::Flux, Rail::Flexiti] {
            assert!(policy.may_start(&Caller::Frame, rail).is_ok());
            let shop = shop("https://shop.example");
            let error = policy.may_start(&shop, rail).unwrap_err();
            assert_eq!(error.code(), ProblemCode::FrameOnly);
        }
    }

    #[test]
    fn an_origin_is_read_only_as_browsers_write_it() {
        for text in [
            "https://shop.example",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "https://xn--tienda-9za.example:8443",
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
        for (text, error) in [
            ("null", OriginError::Scheme),
            ("*", OriginError::Scheme),
            ("ftp://shop.example", OriginError::Scheme),
            ("https://Shop.example", OriginError::Host),
            ("https://tiendá.example", OriginError::Host),
            ("https://", OriginError::Host),
            ("https://shop..example", OriginError::Host),
            ("https://1.2.3", OriginError::Host),
            ("https://[::0001]", OriginError::Host),
            ("https://a@b", OriginError::Host),
            ("https://shop.example:443", OriginError::Port),
            ("http://shop.example:80", OriginError::Port),
            ("https://shop.example:", OriginError::Port),
            ("https://shop.example:08", OriginError::Port),
            ("https://shop.example:65536", OriginError::Port),
            ("https://shop.example:1:2", OriginError::Port),
            ("https://shop.example/", OriginError::Path),
        ] {
            assert_eq!(Origin::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn loopback_is_told_from_lookalikes() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "localhost.example",
            "127.0.0.1.example",
            "0.0.0.0",
            "10.0.0.1",
            "[::2]",
            "",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn a_port_is_left_out_where_it_is_the_schemes_own() {
        let origin = Origin::parse("http://127.0.0.1:0").unwrap();
        assert_eq!(origin.with_port(8787).as_str(), "http://127.0.0.1:8787");
        assert_eq!(
            origin.with_port(80),
            Origin::parse("http://127.0.0.1").unwrap()
        );
    }
}
