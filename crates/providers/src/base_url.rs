//! Where a provider is reached.

use reqwest::Url;

/// Why a text is no base URL; each names the field it came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BaseUrlError {
    /// Not an absolute `http` or `https` URL without user, query and fragment.
    Url(&'static str),
    /// Plain `http` to a host that is not a loopback address.
    Plaintext(&'static str),
}

/// A base URL, from which the URL of each operation is made.
pub(crate) fn parse_base_url(text: &str, field: &'static str) -> Result<Url, BaseUrlError> {
    let mut url = Url::parse(text).map_err(|_| BaseUrlError::Url(field))?;
    let plain = match url.scheme() {
        "https" => false,
        "http" => true,
        _ => return Err(BaseUrlError::Url(field)),
    };
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if has_more || url.host_str().is_none_or(str::is_empty) {
        return Err(BaseUrlError::Url(field));
    }
    if plain && !is_loopback(&url) {
        return Err(BaseUrlError::Plaintext(field));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The URL of an operation: `path` starts with a slash.
pub(crate) fn operation_url(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_reaches_only_a_loopback_address() {
        for url in [
            "http://127.0.0.1:8791",
            "http://[::1]:8791/",
            "http://localhost:1",
            "https://merchant.greenpay.me",
        ] {
            assert!(parse_base_url(url, "merchant_url").is_ok(), "{url}");
        }
        for url in [
            "http://merchant.greenpay.me",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
        ] {
            assert_eq!(
                parse_base_url(url, "merchant_url"),
                Err(BaseUrlError::Plaintext("merchant_url")),
                "{url}"
            );
        }
    }

    #[test]
    fn a_base_url_holds_nothing_but_scheme_host_and_path() {
        for url in [
            "",
            "merchant.greenpay.me",
            "ftp://127.0.0.1",
            "https://u:p@h.example",
            "https://h.example/?a=1",
            "https://h.example/#a",
        ] {
            assert_eq!(
                parse_base_url(url, "checkout_url"),
                Err(BaseUrlError::Url("checkout_url")),
                "{url}"
            );
        }
    }

    #[test]
    fn operation_paths_are_appended_with_or_without_a_slash_at_the_end_of_the_base() {
        for base in ["https://h.example/v1", "https://h.example/v1/"] {
            let base = parse_base_url(base, "merchant_url").unwrap();
            assert_eq!(
                operation_url(&base, "/tokenize").as_str(),
                "https://h.example/v1/tokenize"
            );
        }
        let base = parse_base_url("https://h.example", "merchant_url").unwrap();
        assert_eq!(operation_url(&base, "/").as_str(), "https://h.example/");
    }
}
