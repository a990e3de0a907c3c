//! The code that a buyer's wallet shows, and that a checkout reads and charges.
//!
//! What stands in it is the wallet's own affair: it is passed on as it is, neither decoded nor held
//! against an alphabet: the provider's own sample is a JSON object (fluxqr.dev, "API"), codes seen in its
//! public clients resemble base64. Until it is used it is as good as cash, so it is handled like a card number.
//! What can be told are other codes that a camera meets in a shop, and those are named.

use alloc::string::String;

use zeroize::Zeroizing;

use crate::qr;

/// The most characters of a [`WalletCode`].
pub const MAX_CHARS: usize = 512;

/// How an EMVCo consumer-presented code begins: object 85 of five bytes, `CPV01`, in base64 (EMV QR
/// Code Specification for Payment Systems, Consumer-Presented Mode 1.1, section 4.3).
const CONSUMER_PRESENTED: &str = "hQVDUFYw";

/// How a merchant-presented code begins: object 00 with the value `01`.
const MERCHANT_PRESENTED: &str = "000201";

/// A code that a wallet showed: 1 to [`MAX_CHARS`] printable ASCII characters, exactly as it was read,
/// with spaces only where they are JSON's. Wiped when dropped; it has neither `Debug` nor `Serialize`.
///
/// ```
/// use ventanilla_core::wallet_code::{NotAWalletCode, WalletCode};
///
/// let code = WalletCode::parse(" QUJDREVGR0hJSktMTU5PUA+/8=\n").expect("a wallet's code");
/// assert_eq!(code.as_str(), "QUJDREVGR0hJSktMTU5PUA+/8=");
/// assert_eq!(
///     WalletCode::parse("https://shop.example/").err(),
///     Some(NotAWalletCode::WebAddress)
/// );
/// ```
#[derive(Clone)]
pub struct WalletCode(Zeroizing<String>);

/// Why a text is not a [`WalletCode`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NotAWalletCode {
    /// Nothing but white space.
    Empty,
    /// A web address: the code of a poster, or a payment link.
    WebAddress,
    /// A code that a merchant presents, to be scanned with a wallet: the wrong way round.
    MerchantCode,
    /// 22 digits: a CBU or CVU, the key of an Argentine account.
    Account,
    /// More than [`MAX_CHARS`] characters.
    TooLong,
    /// White space inside a text that is no JSON object. A `+` turned into a space has come by way of a form; it is never put back
    /// here, because a guess would be charged.
    Spaces,
    /// A character that is not printable ASCII.
    NotPrintable,
}

impl NotAWalletCode {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Empty,
        Self::WebAddress,
        Self::MerchantCode,
        Self::Account,
        Self::TooLong,
        Self::Spaces,
        Self::NotPrintable,
    ];

    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::WebAddress => "web-address",
            Self::MerchantCode => "merchant-code",
            Self::Account => "account",
            Self::TooLong => "too-long",
            Self::Spaces => "spaces",
            Self::NotPrintable => "not-printable",
        }
    }
}

impl core::fmt::Display for NotAWalletCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => f.write_str("expected a wallet's code, found nothing"),
            Self::WebAddress => f.write_str("expected a wallet's code, found a web address"),
            Self::MerchantCode => f.write_str("expected a wallet's code, found a merchant's own"),
            Self::Account => f.write_str("expected a wallet's code, found a CBU or CVU"),
            Self::TooLong => write!(f, "a wallet's code has at most {MAX_CHARS} characters"),
            Self::Spaces => f.write_str("a wallet's code has no white space inside"),
            Self::NotPrintable => f.write_str("a wallet's code is printable ASCII"),
        }
    }
}

impl core::error::Error for NotAWalletCode {}

impl WalletCode {
    /// Reads what a scanner, a paste or a keyboard gave. White space around it is dropped, nothing else
    /// is changed.
    ///
    /// # Errors
    ///
    /// Each [`NotAWalletCode`], as its documentation says, in their order.
    pub fn parse(text: &str) -> Result<Self, NotAWalletCode> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotAWalletCode::Empty);
        }
        if let Some(other) = other_code(text) {
            return Err(other);
        }
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(NotAWalletCode::TooLong);
        }
        let is_object = text.starts_with('{') && text.ends_with('}');
        if text.contains(|c: char| c.is_whitespace() && !(is_object && c == ' ')) {
            return Err(NotAWalletCode::Spaces);
        }
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(NotAWalletCode::NotPrintable);
        }
        Ok(Self(Zeroizing::new(String::from(text))))
    }

    /// The code. For the provider, and for the one message that carries it there.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it looks like an EMVCo consumer-presented code. A wallet may well use one, so it is
    /// accepted; a screen may mention it.
    #[must_use]
    pub fn is_consumer_presented(&self) -> bool {
        self.0.starts_with(CONSUMER_PRESENTED)
    }
}

/// What else a camera meets, when it can be told beyond doubt.
fn other_code(text: &str) -> Option<NotAWalletCode> {
    let scheme = |scheme: &str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if scheme("http://") || scheme("https://") {
        return Some(NotAWalletCode::WebAddress);
    }
    if text.starts_with(MERCHANT_PRESENTED) && qr::is_chain(text) {
        return Some(NotAWalletCode::MerchantCode);
    }
    (text.len() == 22 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(NotAWalletCode::Account)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use proptest::prelude::*;

    use super::*;

    // Invented; of the length and alphabet of one seen in public code, and no valid base64.
    const CODE: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5Kysv+/8=aB";

    fn refusal(text: &str) -> Option<NotAWalletCode> {
        WalletCode::parse(text).err()
    }

    #[test]
    fn a_code_is_taken_exactly_as_it_was_read() {
        for code in [CODE, "a", "0", "~!\"#", &"x".repeat(MAX_CHARS)] {
            let read = WalletCode::parse(&format!(" \t{code}\r\n")).ok().unwrap();
            assert_eq!(read.as_str(), code);
            assert!(!read.is_consumer_presented());
        }
    }

    // fluxqr.dev, "API", the sample of a payment; and the same as another writer would put it.
    #[test]
    fn a_json_object_is_a_code_and_may_have_spaces() {
        for code in [
            r#"{"CT":"487321429838","MT":"$203.50"}"#,
            r#"{ "CT": "487321429838", "MT": "$ 203.50" }"#,
        ] {
            assert_eq!(WalletCode::parse(code).ok().unwrap().as_str(), code);
        }
    }

    // Object 85 with the format indicator, and an application template with invented values.
    #[test]
    fn a_consumer_presented_code_is_accepted_and_marked() {
        let code = WalletCode::parse("hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MQ==").ok();
        assert!(code.unwrap().is_consumer_presented());
    }

    #[test]
    fn a_wrong_code_is_called_by_its_name() {
        use NotAWalletCode as N;
        let merchant = "0002010102125015001130000000120512600220009999001234567890126520458125303032540410.05802AR5915COMERCIO PRUEBA6004CABA630422A3";
        // An accent in the name, counted in characters and in bytes; a checksum that is wrong.
        let accent = "0002010102115204581253034845802MX5904Café6004CDMX63040000";
        for (text, expected) in [
            ("", N::Empty),
            (" \n\t\u{a0}", N::Empty),
            ("https://pay.example/x?y=1", N::WebAddress),
            ("HTTP://PAY.EXAMPLE", N::WebAddress),
            (merchant, N::MerchantCode),
            ("000201", N::MerchantCode),
            (accent, N::MerchantCode),
            (&accent.replace("5904", "5905"), N::MerchantCode),
            ("0009999001234567890126", N::Account),
            (&"x".repeat(MAX_CHARS + 1), N::TooLong),
            ("QUJDREVGR0hJ SktM/8=", N::Spaces),
            ("QUJDREVGR0hJ\nSktM/8=", N::Spaces),
            ("{QUJD REVG", N::Spaces),
            ("{\"CT\":\n1}", N::Spaces),
            ("QUJD\u{0}REVG", N::NotPrintable),
            ("códigodeprueba", N::NotPrintable),
            ("\u{feff}QUJDREVG", N::NotPrintable),
        ] {
            assert_eq!(refusal(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_only_resembles_another_code_is_a_wallets_own_affair() {
        for text in [
            "000201QUJDREVG",
            "https:QUJDREVG",
            "httpsQUJD",
            "{QUJD",
            "000999900123456789012",
            "00099990012345678901260",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn a_reason_reads_as_a_sentence_and_has_a_code_of_its_own() {
        for (index, reason) in NotAWalletCode::ALL.into_iter().enumerate() {
            assert!(!reason.to_string().is_empty());
            assert!(
                NotAWalletCode::ALL[index + 1..]
                    .iter()
                    .all(|other| other.code() != reason.code())
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_none_is_changed(text in "\\PC{0,80}|[ -~]{0,600}|000201[0-9]{0,40}.{0,4}") {
            if let Ok(code) = WalletCode::parse(&text) {
                prop_assert_eq!(code.as_str(), text.trim());
                prop_assert!((1..=MAX_CHARS).contains(&code.as_str().len()));
                prop_assert!(code.as_str().bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
                prop_assert!(WalletCode::parse(code.as_str()).is_ok());
            }
        }

        #[test]
        fn every_code_of_a_wallets_alphabet_is_taken(text in "[A-Za-z][A-Za-z0-9+/=_.:-]{0,511}") {
            prop_assume!(!text.to_ascii_lowercase().starts_with("http"));
            prop_assert!(WalletCode::parse(&text).is_ok());
        }
    }
}
