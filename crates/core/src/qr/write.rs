//! From what a code shall say to a [`Code`].

use alloc::string::String;
use alloc::vec::Vec;

use super::compare::PESO;
use super::crc::crc;
use super::{Code, Kind, QrError, tag};
use crate::account::{Account, Cuit};
use crate::money::Money;

/// The merchant category of the scheme for anything at all.
const ANY_CATEGORY: &str = "9700";

/// Writes a code of the Argentine scheme, object by object.
///
/// The order of calls does not matter: objects go out by their tags. Category 9700, currency 032 and
/// country AR are added unless they were given.
///
/// ```
/// use ventanilla_core::qr::{Kind, QrError, Writer};
///
/// let code = Writer::new(Kind::Static)
///     .template(43, &[(0, "com.ejemplo.psp"), (1, "https://ejemplo.test/pos/1001")])
///     .merchant("COMERCIO PRUEBA", "CABA")
///     .finish()?;
/// assert_eq!(code.name(), "COMERCIO PRUEBA");
/// assert!(code.text().starts_with("000201010211"));
/// # Ok::<(), QrError>(())
/// ```
pub struct Writer {
    objects: Vec<(u8, String)>,
    fault: Option<QrError>,
}

impl Writer {
    /// A code of this kind that says nothing else yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let writer = Self {
            objects: Vec::new(),
            fault: None,
        }
        .object(tag::FORMAT, "01");
        match kind {
            Kind::Static => writer.object(tag::INITIATION, "11"),
            Kind::Dynamic => writer.object(tag::INITIATION, "12"),
            Kind::Unstated => writer,
        }
    }

    /// Any object: its tag, 0 to 99, and its value, 1 to 99 characters.
    #[must_use]
    pub fn object(mut self, tag: u8, value: &str) -> Self {
        self.objects.push((tag, String::from(value)));
        self
    }

    /// A template of inner tags and values. An acceptor's is one of 26 to 49, with its reversed domain
    /// as 0; the additional labels are 62.
    #[must_use]
    pub fn template(mut self, tag: u8, objects: &[(u8, &str)]) -> Self {
        let mut value = String::new();
        for (inner, text) in objects {
            if let Err(fault) = push(&mut value, *inner, text) {
                self.fault = self.fault.or(Some(fault));
            }
        }
        self.object(tag, &value)
    }

    /// The payee's tax identifier.
    #[must_use]
    pub fn tax_id(self, cuit: &Cuit) -> Self {
        self.template(tag::TAX_ID, &[(0, cuit.digits())])
    }

    /// The payee's account.
    #[must_use]
    pub fn account(self, account: &Account) -> Self {
        self.template(tag::ACCOUNT, &[(0, account.as_str())])
    }

    /// The amount to pay, `1500.00`. Leave it out of a code whose amount the buyer types or the acceptor
    /// keeps.
    #[must_use]
    pub fn amount(self, amount: Money) -> Self {
        self.object(tag::AMOUNT, &amount.decimal_text())
    }

    /// The payee's name, up to 25 characters, and city.
    #[must_use]
    pub fn merchant(self, name: &str, city: &str) -> Self {
        self.object(tag::NAME, name).object(tag::CITY, city)
    }

    /// Closes the code with its checksum and reads it.
    ///
    /// # Errors
    ///
    /// [`QrError::Value`] for a tag above 99 and for a value that is empty or longer than 99 characters,
    /// inner ones by their inner tag; otherwise whatever [`Code::read`] finds wrong with the text.
    pub fn finish(mut self) -> Result<Code, QrError> {
        for (tag, value) in [
            (tag::CATEGORY, ANY_CATEGORY),
            (tag::CURRENCY, PESO),
            (tag::COUNTRY, "AR"),
        ] {
            if !self.objects.iter().any(|(given, _)| *given == tag) {
                self.objects.push((tag, String::from(value)));
            }
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.objects.sort_by_key(|(tag, _)| *tag);
        let mut text = String::new();
        for (tag, value) in &self.objects {
            push(&mut text, *tag, value)?;
        }
        text.push_str("6304");
        let crc = crc(text.as_bytes());
        text.push_str(&alloc::format!("{crc:04X}"));
        Code::read(&text)
    }
}

fn push(text: &mut String, tag: u8, value: &str) -> Result<(), QrError> {
    let length = value.chars().count();
    if tag > 99 || !(1..=99).contains(&length) {
        return Err(QrError::Value { tag });
    }
    text.push_str(&alloc::format!("{tag:02}{length:02}{value}"));
    Ok(())
}
