//! What is kept of an identity check: sealed by the store, read by nobody else.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use ventanilla_core::rails::flexiti::PostalAddress;
use ventanilla_providers::flexiti::{
    AccountNumber, Address, CustomerToken, Flow, FlowId, Lang, Moment, WidgetSession,
    WidgetSessionId,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, Result};

/// It. Wiped when dropped; no `Debug`.
#[derive(Clone, Default, Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct Kept {
    flow: String,
    french: bool,
    /// The buyer's account, once it is known.
    pub account: Option<String>,
    /// The widget's session.
    pub session: Option<String>,
    token: Option<String>,
    /// Unix seconds.
    good_until: i64,
    /// The provider's page, until the buyer is through with it.
    pub page: Option<Page>,
    pub billing: Option<PostalAddress>,
    pub shipping: Option<PostalAddress>,
}

/// The provider's page.
#[derive(Clone, Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct Page {
    pub address: String,
    pub origin: String,
}

impl Kept {
    pub fn opened(
        flow: Flow,
        session: &WidgetSession,
        account: Option<AccountNumber>,
        billing: &PostalAddress,
        shipping: &PostalAddress,
    ) -> Self {
        Self {
            flow: flow.id.text(false),
            french: flow.lang == Lang::Fr,
            // EXPOSE: into what is sealed.
            account: account.map(|number| number.expose().to_owned()),
            session: Some(session.id.expose().to_owned()),
            token: Some(session.token.expose().to_owned()),
            good_until: session.token.good_until().unix_secs(),
            page: Some(Page {
                address: session.address.expose().to_owned(),
                origin: session.address.origin().to_owned(),
            }),
            billing: Some(billing.clone()),
            shipping: Some(shipping.clone()),
        }
    }

    /// What is left of it once the call is on its way.
    pub fn rest(&self) -> Self {
        let mut rest = Self::default();
        rest.flow.clone_from(&self.flow);
        rest.french = self.french;
        rest.account.clone_from(&self.account);
        rest
    }

    pub fn write(&self) -> Result<SecretString> {
        let text = serde_json::to_string(self).map_err(|_| damaged())?;
        Ok(SecretString::from(text))
    }

    pub fn read(text: &SecretString) -> Result<Self> {
        // EXPOSE: into a type that is wiped.
        serde_json::from_str(text.expose_secret()).map_err(|_| damaged())
    }

    pub fn flow(&self) -> Result<Flow> {
        Ok(Flow {
            id: FlowId::parse(&self.flow).ok_or_else(damaged)?,
            lang: if self.french { Lang::Fr } else { Lang::En },
        })
    }

    pub fn token(&self) -> Result<CustomerToken> {
        let token = Zeroizing::new(self.token.clone().ok_or_else(damaged)?);
        let good_until = Moment::from_unix_secs(self.good_until);
        CustomerToken::from_parts(&token, good_until).ok_or_else(damaged)
    }

    pub fn widget_session(&self) -> Result<WidgetSessionId> {
        let session = self.session.as_deref().and_then(WidgetSessionId::parse);
        session.ok_or_else(damaged)
    }
}

/// An address as the provider takes it: its samples have postal codes without the space.
pub(super) fn address(from: Option<&PostalAddress>) -> Result<Address> {
    let from = from.ok_or_else(damaged)?;
    Ok(Address {
        first_name: from.first_name.clone(),
        last_name: from.last_name.clone(),
        address_1: from.line1.clone(),
        address_2: from.line2.clone(),
        city: from.city.clone(),
        province: from.province.clone(),
        postal_code: from.postal_code.replace(' ', ""),
    })
}

/// Never with the words of the reader, which quote.
pub(super) fn damaged() -> Error {
    Error::internal("what was kept of an identity check is damaged")
}
