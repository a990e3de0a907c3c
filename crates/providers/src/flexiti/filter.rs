//! Which authorizations or captures to list.

use std::fmt;

use secrecy::SecretString;

use super::id::CaptureId;
use super::request::{PROMOTIONAL, REGULAR};
use super::secret::AccountNumber;
use super::wire::is_text;
use crate::moment::Day;
use crate::outcome::Cause;

/// What both lists can be narrowed to. In which time zone the provider's days begin, and whether the first
/// and the last count, is not documented: ask for a day more on either side. `Debug` shows no account.
#[derive(Clone)]
pub struct Common {
    /// One buyer's.
    pub account: Option<AccountNumber>,
    /// Of one kind.
    pub kind: Option<PurchaseKind>,
    /// The first day of creation.
    pub from: Day,
    /// The last day, not before the first.
    pub to: Day,
    /// How many rows a page has, at least 1; the provider's own number when `None`.
    pub page_size: Option<u16>,
    /// How many pages are read at most; 0 counts as 1.
    pub max_pages: u16,
}

/// The two kinds of purchases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PurchaseKind {
    /// By a plan.
    Promotional,
    /// By the account's own terms.
    Regular,
}

impl PurchaseKind {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Promotional => PROMOTIONAL,
            Self::Regular => REGULAR,
        }
    }
}

/// Which authorizations to list. There is no filter by reference.
#[derive(Clone, Debug)]
pub struct AuthorizationFilter {
    /// As for both lists.
    pub common: Common,
    /// With one status, such as `opened`: 1 to 20 characters. A row that loses it while pages are read may be
    /// missed.
    pub status: Option<String>,
}

/// Which captures to list. `Debug` shows no employee.
#[derive(Clone)]
pub struct CaptureFilter {
    /// As for both lists.
    pub common: Common,
    /// With one status, such as `active`: as [`AuthorizationFilter::status`].
    pub status: Option<String>,
    /// One capture.
    pub capture: Option<CaptureId>,
    /// Authorized for one corporation.
    pub corporation_id: Option<u64>,
    /// Authorized for one merchant.
    pub merchant_id: Option<u64>,
    /// Authorized at one location.
    pub location_id: Option<u64>,
    /// Authorized by one employee: 1 to 100 characters.
    pub authorization_employee: Option<SecretString>,
    /// Captured by one employee: 1 to 100 characters.
    pub capture_employee: Option<SecretString>,
}

impl Common {
    /// Everything of these days, up to 50 pages.
    #[must_use]
    pub const fn days(from: Day, to: Day) -> Self {
        Self {
            account: None,
            kind: None,
            from,
            to,
            page_size: None,
            max_pages: 50,
        }
    }

    fn check(&self) -> Result<(), Cause> {
        if self.from > self.to {
            return Err(Cause::Request("creation_date_from"));
        }
        if self.page_size == Some(0) {
            return Err(Cause::Request("page_size"));
        }
        Ok(())
    }
}

impl AuthorizationFilter {
    /// Everything of these days, up to 50 pages.
    #[must_use]
    pub const fn days(from: Day, to: Day) -> Self {
        Self {
            common: Common::days(from, to),
            status: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Cause> {
        self.common.check()?;
        check_text(self.status.as_deref(), 20, "authorization_status")
    }
}

impl CaptureFilter {
    /// Everything of these days, up to 50 pages.
    #[must_use]
    pub const fn days(from: Day, to: Day) -> Self {
        Self {
            common: Common::days(from, to),
            status: None,
            capture: None,
            corporation_id: None,
            merchant_id: None,
            location_id: None,
            authorization_employee: None,
            capture_employee: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Cause> {
        use secrecy::ExposeSecret;
        let exposed = |name: &'_ SecretString| is_text(name.expose_secret(), 100);
        self.common.check()?;
        check_text(self.status.as_deref(), 20, "capture_status")?;
        if !self.authorization_employee.as_ref().is_none_or(exposed) {
            return Err(Cause::Request("authorization_employee_username"));
        }
        if !self.capture_employee.as_ref().is_none_or(exposed) {
            return Err(Cause::Request("capture_employee_username"));
        }
        Ok(())
    }
}

fn check_text(text: Option<&str>, max: usize, name: &'static str) -> Result<(), Cause> {
    if text.is_none_or(|text| is_text(text, max)) {
        Ok(())
    } else {
        Err(Cause::Request(name))
    }
}

impl fmt::Debug for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Common")
            .field("kind", &self.kind)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("page_size", &self.page_size)
            .field("max_pages", &self.max_pages)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CaptureFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFilter")
            .field("common", &self.common)
            .field("status", &self.status)
            .field("capture", &self.capture)
            .finish_non_exhaustive()
    }
}
