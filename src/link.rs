//! Addresses that others gave.

/// Whether it is a page's: `https`, and plain HTTP only where nothing leaves the machine: the sandbox.
#[must_use]
pub fn is_page(address: &str) -> bool {
    ["https://", "http://127.0.0.1:", "http://localhost:"]
        .iter()
        .any(|start| address.starts_with(start))
}

/// A parameter of a query, which may stand inside the fragment: `https://host/#/page?name=value`. As it
/// stands there; nothing is decoded.
#[must_use]
pub fn parameter<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = address.rsplit_once('?')?;
    let mut pairs = query
        .split(['&', '#'])
        .filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|pair| pair.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_encrypted_or_on_this_machine() {
        for page in [
            "https://pay.example/1",
            "http://127.0.0.1:8793/link/1",
            "http://localhost:8793/",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "http://pay.example/1",
            "http://127.0.0.1.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "//pay.example",
            "HTTPS",
            "",
        ] {
            assert!(!is_page(other), "{other}");
        }
    }

    #[test]
    fn a_parameter_is_found_in_the_fragment_and_in_an_ordinary_query() {
        for address in [
            "https://host/#/widget/shop/token?lang=en&session=s-1&x=y",
            "https://host/widget?session=s-1",
            "https://host/widget?lang=en&session=s-1#top",
        ] {
            assert_eq!(parameter(address, "session"), Some("s-1"), "{address}");
        }
        for address in [
            "https://host/",
            "https://host/?",
            "https://host/?Session=s-1",
            "https://host/session=s-1",
            "https://host/?xsession=s-1",
            "https://host/?session",
        ] {
            assert_eq!(parameter(address, "session"), None, "{address}");
        }
    }
}
