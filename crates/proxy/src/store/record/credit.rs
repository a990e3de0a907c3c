//! What buyers pay by themselves: something payable, and the credits that came in.

use serde::{Deserialize, Serialize};
use ventanilla_core::account::{Account, Cuit};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::Money;
use ventanilla_core::rails::cvu::Presentation;

use super::Change;
use crate::clock::Timestamp;

/// Something payable, as it is kept. Recorded before anybody sees it; never changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayableRow {
    /// The attempt that it belongs to; an attempt has one at most.
    pub attempt_id: String,
    /// That attempt's session.
    pub session_id: String,
    /// How it is put before the buyer.
    pub presentation: Presentation,
    /// The provider's own identifier of it, where it gave one: no two of a presentation have the same.
    pub provider_id: Option<String>,
    /// What is put before the buyer: an address, the text of a code, or a JSON text.
    pub content: String,
    /// What is to be paid: the attempt's total.
    pub total: Money,
    /// When it was recorded.
    pub issued_at: Timestamp,
    /// When it must not be paid any more.
    pub expires_at: Timestamp,
    /// Until when its money is looked for.
    pub watch_until: Timestamp,
}

/// Something payable and where its attempt stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watched {
    /// It.
    pub payable: PayableRow,
    /// The attempt's state.
    pub state: AttemptState,
}

/// What a credit was taken for.
///
/// Exhaustive on purpose: a verdict that a place has not heard of must not compile there.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreditState {
    /// The money of one attempt, for certain. It never changes.
    Matched,
    /// Somebody at the merchant must look.
    Review,
    /// Somebody looked, or it needs nobody: no attempt's money.
    Dismissed,
}

impl CreditState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Matched, Self::Review, Self::Dismissed];

    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Review => "review",
            Self::Dismissed => "dismissed",
        }
    }

    /// Reads a name as [`CreditState::name`] writes it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Who paid, as the provider told it. Kept sealed; without sealing keys it is not kept.
///
/// There is no `Debug`: it names a person.
#[derive(Clone, Eq, PartialEq)]
pub struct Payer {
    /// Their tax number.
    pub cuit: Option<Cuit>,
    /// Where the money came from.
    pub account: Option<Account>,
}

/// A credit to be recorded.
#[derive(Clone)]
pub struct NewCredit {
    /// What it is recognised by when it is seen again: SHA-256 over a row of the provider's list, 64
    /// lower-case hex digits. Of one that is known by its notification alone, a text of its own with a
    /// colon in it, which holds the place until
    /// [`Store::attach_fingerprint`](crate::store::Store::attach_fingerprint).
    pub fingerprint: String,
    /// The provider's identifier in a notification.
    pub cashin_id: Option<String>,
    /// What came; more than zero.
    pub amount: Money,
    /// When it came, by the provider.
    pub credited_at: Timestamp,
    /// When it was first seen here.
    pub seen_at: Timestamp,
    /// Who paid.
    pub payer: Option<Payer>,
}

/// A credit as it is kept, without its payer. What was credited never changes after it was recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreditRow {
    /// `crd_` and 26 characters.
    pub id: String,
    /// As [`NewCredit::fingerprint`].
    pub fingerprint: String,
    /// As [`NewCredit::cashin_id`].
    pub cashin_id: Option<String>,
    /// What came.
    pub amount: Money,
    /// When it came, by the provider.
    pub credited_at: Timestamp,
    /// When it was first seen here.
    pub seen_at: Timestamp,
    /// What it was taken for.
    pub state: CreditState,
    /// The attempt whose money it is, or that it was seen for.
    pub attempt_id: Option<String>,
    /// Why somebody must look, or nobody, in our own words.
    pub why: Option<String>,
    /// The attempts whose money it may be, where that is not certain.
    pub candidates: Vec<String>,
}

/// What a credit is taken for, and what becomes of the attempt that it was seen for.
pub struct CreditVerdict {
    /// What it is taken for. [`CreditState::Matched`] needs an attempt that, after this, took exactly
    /// this money; nothing else may pay one.
    pub state: CreditState,
    /// Why; needed unless it is matched.
    pub why: Option<String>,
    /// What becomes of the attempt; none leaves it as it is.
    pub change: Option<Change>,
}
