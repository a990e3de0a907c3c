//! What really happened at the Flexiti POS API.

use serde::{Deserialize, Serialize};

use crate::fault::Operation;

/// Everything that happened at the Flexiti POS API, oldest first. Entries are only ever added; what a
/// later one changes of an earlier one is said at the field.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct FlexitiLedger {
    /// Widget sessions opened.
    pub sessions: Vec<FlexitiSessionEntry>,
    /// Authorizations granted.
    pub authorizations: Vec<FlexitiAuthorizationEntry>,
    /// Captures, those of an authorization that captures at once included.
    pub captures: Vec<FlexitiCaptureEntry>,
    /// Releases.
    pub releases: Vec<FlexitiReleaseEntry>,
    /// Returns of captures.
    pub returns: Vec<FlexitiReturnEntry>,
    /// Refunds to accounts.
    pub refunds: Vec<FlexitiRefundEntry>,
    /// Deposits, in-store payments and trade-ins.
    pub deposits: Vec<FlexitiDepositEntry>,
    /// Calls that were turned away.
    pub refused: Vec<FlexitiRefusalEntry>,
}

impl FlexitiLedger {
    /// The authorizations of one reference.
    pub fn authorizations_of<'a>(
        &'a self,
        reference: &'a str,
    ) -> impl Iterator<Item = &'a FlexitiAuthorizationEntry> {
        self.authorizations
            .iter()
            .filter(move |one| one.reference.as_deref() == Some(reference))
    }

    /// The captures of one authorization.
    pub fn captures_of(&self, authorization_id: u64) -> impl Iterator<Item = &FlexitiCaptureEntry> {
        self.captures
            .iter()
            .filter(move |one| one.authorization_id == authorization_id)
    }
}

/// What became of a widget session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiSessionState {
    /// The shopper has not come to an end yet.
    Open,
    /// The shopper is who was named.
    Verified,
    /// The shopper came to another end.
    Declined,
    /// An authorization was granted for it.
    Used,
}

/// A widget session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiSessionEntry {
    /// The provider's UUID.
    pub widget_session_id: String,
    /// Who was named; none when nobody of that kind has an account.
    pub account_number: Option<u64>,
    /// `en` or `fr`.
    pub lang: String,
    /// How it stands now.
    pub state: FlexitiSessionState,
    /// RFC 3339 UTC.
    pub at: String,
    /// When it stops working, RFC 3339 UTC.
    pub expires_at: String,
}

/// An authorization.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiAuthorizationEntry {
    /// The provider's number.
    pub authorization_id: u64,
    /// Whose credit it holds.
    pub account_number: u64,
    /// The merchant's.
    pub reference: Option<String>,
    /// `promotional_purchase` or `regular_purchase`.
    pub transaction_type: String,
    /// Of a promotional purchase.
    pub plan_id: Option<u64>,
    /// Of a promotional purchase, in months.
    pub term: Option<u64>,
    /// In dollars with two decimals: `1250.50`.
    pub amount: String,
    /// Whether it was captured at once.
    pub auto_capture: bool,
    /// The widget session it was granted for; none in store.
    pub widget_session_id: Option<String>,
    /// RFC 3339 UTC.
    pub at: String,
    /// RFC 3339 UTC.
    pub expires_at: String,
    /// When nothing remained, RFC 3339 UTC; as of now.
    pub ended_at: Option<String>,
    /// In dollars with two decimals; as of now.
    pub remaining: String,
    /// In dollars with two decimals, returns not taken off; as of now.
    pub captured: String,
    /// In dollars with two decimals; as of now.
    pub released: String,
    /// In dollars with two decimals; as of now.
    pub returned: String,
    /// How many authorizations this reference got, this one included: more than 1 is a double hold.
    pub count: u32,
}

/// A capture.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiCaptureEntry {
    /// The provider's number.
    pub capture_id: u64,
    /// Of what.
    pub authorization_id: u64,
    /// The merchant's.
    pub reference: Option<String>,
    /// In dollars with two decimals.
    pub amount: String,
    /// Whether it carries the authorization's fee; as of now.
    pub carries_fee: bool,
    /// RFC 3339 UTC.
    pub at: String,
    /// How many captures of the authorization have this reference, this one included.
    pub count: u32,
}

/// A release.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiReleaseEntry {
    /// The provider's number.
    pub release_id: u64,
    /// Of what.
    pub authorization_id: u64,
    /// The merchant's.
    pub reference: Option<String>,
    /// In dollars with two decimals.
    pub amount: String,
    /// Whether everything was asked for.
    pub full: bool,
    /// RFC 3339 UTC.
    pub at: String,
}

/// A return of a capture.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiReturnEntry {
    /// The provider's number.
    pub return_id: u64,
    /// Of what.
    pub authorization_id: u64,
    /// Of which capture.
    pub capture_id: u64,
    /// The merchant's.
    pub reference: Option<String>,
    /// In dollars with two decimals.
    pub amount: String,
    /// Whether everything was asked for.
    pub full: bool,
    /// RFC 3339 UTC.
    pub at: String,
    /// How many returns of the capture have this reference, this one included.
    pub count: u32,
}

/// A refund to an account. No answer tells its number, for it has none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiRefundEntry {
    /// Whose.
    pub account_number: u64,
    /// The merchant's.
    pub reference: Option<String>,
    /// The capture that was named.
    pub capture_id: Option<u64>,
    /// In dollars with two decimals.
    pub amount: String,
    /// RFC 3339 UTC.
    pub at: String,
    /// How many refunds of the account have this reference, this one included.
    pub count: u32,
}

/// Money that a shopper brought to a store.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiDepositEntry {
    /// Whose.
    pub account_number: u64,
    /// `deposit`, `instore_payment` or `tradein`.
    pub transaction_type: String,
    /// The merchant's, from the verification.
    pub request_id: String,
    /// In dollars with two decimals.
    pub amount: String,
    /// RFC 3339 UTC.
    pub at: String,
}

/// A call that was turned away.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FlexitiRefusalEntry {
    /// Which operation.
    pub operation: Operation,
    /// The merchant's reference, or the number that the path names.
    pub reference: Option<String>,
    /// What `error` means; `insufficient_scope` for the sentence that says so.
    pub error: String,
    /// RFC 3339 UTC.
    pub at: String,
}
