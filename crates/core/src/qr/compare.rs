//! What must agree before a code is shown to a buyer.

use super::{Code, tag};
use crate::account::{Account, Cuit};
use crate::money::{Currency, Money};

/// Argentina, by ISO 3166-1.
const ARGENTINA: &str = "AR";

/// The Argentine peso, by ISO 4217's numbers.
pub(super) const PESO: &str = "032";

/// Who is to be paid, as the merchant configured it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Payee {
    /// The merchant's tax identifier.
    pub cuit: Option<Cuit>,
    /// The account that money must go to.
    pub account: Option<Account>,
}

/// Why a code must not be shown for a payment session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mismatch {
    /// The code is not in Argentine pesos, or the session is not.
    Currency,
    /// The merchant of the code is not in Argentina.
    Country,
    /// The code asks for another amount, or adds a fee to it.
    Amount,
    /// The code names another payee, or nothing by which the configured one could be known.
    Payee,
}

impl Mismatch {
    /// A stable code, in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Currency => "currency",
            Self::Country => "country",
            Self::Amount => "amount",
            Self::Payee => "payee",
        }
    }
}

impl core::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "QR code does not fit the session: {}", self.code())
    }
}

impl core::error::Error for Mismatch {}

impl Code {
    /// The amount that the code asks for. `None` when it leaves that to the buyer, or to the order that
    /// the acceptor keeps behind the code; an amount of 0 means the same.
    ///
    /// # Errors
    ///
    /// [`Mismatch::Currency`] when the code is not in pesos, [`Mismatch::Amount`] when it asks for more
    /// than [`crate::money::MAX_MINOR`].
    pub fn money(&self) -> Result<Option<Money>, Mismatch> {
        if self.currency() != PESO {
            return Err(Mismatch::Currency);
        }
        let Some(amount) = self.amount() else {
            return Ok(None);
        };
        // The standard lets an amount end in its point.
        let decimal = amount.strip_suffix('.').unwrap_or(amount);
        Money::parse_decimal(decimal, Currency::ARS)
            .map(|money| Some(money).filter(|money| money.minor() > 0))
            .map_err(|_| Mismatch::Amount)
    }

    /// Whether a buyer may be shown this code to pay `total` to `payee`.
    ///
    /// A code without an amount agrees with every total: what the buyer's wallet will ask for is known
    /// to the acceptor alone. Of a configured payee, whatever the code states must be equal, and it
    /// must state something; a tax identifier or account that cannot be read states nothing.
    ///
    /// # Errors
    ///
    /// The first [`Mismatch`], in their order.
    pub fn held_against(&self, total: Money, payee: Option<&Payee>) -> Result<(), Mismatch> {
        if total.currency() != Currency::ARS {
            return Err(Mismatch::Currency);
        }
        let asked = self.money()?;
        if self.country() != ARGENTINA {
            return Err(Mismatch::Country);
        }
        let adds_fee = matches!(self.object(tag::FEE), Some("02" | "03"));
        if adds_fee || asked.is_some_and(|asked| asked != total) {
            return Err(Mismatch::Amount);
        }
        match payee {
            Some(payee) if !self.pays(payee) => Err(Mismatch::Payee),
            _ => Ok(()),
        }
    }

    fn pays(&self, payee: &Payee) -> bool {
        let agreed = [
            agreement(payee.cuit.as_ref(), self.tax_id().as_ref()),
            agreement(payee.account.as_ref(), self.account().as_ref()),
        ];
        let nothing_configured = payee.cuit.is_none() && payee.account.is_none();
        !agreed.contains(&Some(false)) && (nothing_configured || agreed.contains(&Some(true)))
    }
}

/// Whether two values agree; `None` when one of them is not there.
fn agreement<T: Eq>(configured: Option<&T>, stated: Option<&T>) -> Option<bool> {
    Some(configured? == stated?)
}
