//! How the Flexiti POS API behaves where its documents are silent or contradict each other.

use serde::{Deserialize, Serialize};

/// What the Flexiti host lets in. These open nothing but a sandbox.
#[derive(Clone, Debug)]
pub struct FlexitiCredentials {
    /// Up to 100 ASCII characters; part of every path.
    pub client_id: String,
    /// Any text.
    pub client_secret: String,
}

impl Default for FlexitiCredentials {
    fn default() -> Self {
        Self {
            client_id: String::from("demo-merchant"),
            client_secret: String::from("placeholder-secret"),
        }
    }
}

/// How the Flexiti POS API behaves. In JSON, what is not named is as by default.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlexitiOptions {
    /// For how long a token opens the door, in seconds of the sandbox's clock: 20 minutes by default, at
    /// least 1.
    pub token_lifetime_secs: u32,
    /// The form of the answer to `oauth/token`.
    pub token: FlexitiTokenForm,
    /// In which version of the path each operation is.
    pub versions: FlexitiVersions,
    /// A repeated `x-idempotency-key` is answered with the first answer, and refused with another body.
    /// Documented for deposits only; off by default.
    pub idempotency: bool,
    /// An authorization takes a widget session that was opened under another token.
    pub any_token: bool,
    /// A widget session that was authorized with may be used again.
    pub session_reuse: bool,
    /// An authorization that has run out may still be released.
    pub release_after_expiry: bool,
    /// For how many days a capture may be returned: 465 by default.
    pub return_window_days: u32,
    /// What that is counted from.
    pub return_from: FlexitiReturnFrom,
    /// The plans on offer.
    pub plans: Vec<FlexitiPlan>,
    /// The locations that in-store calls may name.
    pub external_location_ids: Vec<String>,
    /// The PIN that the identity page takes.
    pub pin: String,
    /// Numbers of authorizations, captures and so on, and their amounts, are text.
    pub numbers_as_text: bool,
    /// A status begins with a capital letter.
    pub capital_status: bool,
    /// The lists inside an authorization, and whether its customer was validated, are `null`.
    pub null_lists: bool,
    /// Answers hold a field that no document names.
    pub unknown_fields: bool,
    /// Reads say `merchant_id` 0.
    pub merchant_zero: bool,
    /// The form of `annual_rates`.
    pub rates: FlexitiRatesForm,
    /// The names of the links between pages.
    pub link_names: FlexitiLinkNames,
    /// How a list says that there is no further page.
    pub no_link: FlexitiNoLink,
    /// What `count` of a list counts.
    pub count: FlexitiCount,
    /// Every page has 100 rows, whatever `page_size` says.
    pub ignore_page_size: bool,
    /// `creation_date_to` is the first day left out, not the last one in.
    pub exclusive_date_to: bool,
    /// The form of the list of captures.
    pub captures: FlexitiCapturesForm,
    /// The form of an error.
    pub errors: FlexitiErrorForm,
    /// `general_error` is called `generic_error`.
    pub generic_error: bool,
    /// A deposit and a refund are answered with nothing instead of `{}`.
    pub empty_bodies: bool,
    /// `error` and `message` of `flx-failure` stand beside `eventType`, not in `eventData`.
    pub flat_failure: bool,
    /// For an account in bad standing `flx-success` says `action` `purchase` instead of `null`.
    pub bad_standing_purchase: bool,
    /// Which sites may frame the identity page: the sources of `frame-ancestors` in a CSP; any unless
    /// told.
    pub frame_ancestors: Option<String>,
    /// What the address of the identity page begins with, instead of the address of this host:
    /// `https://…` without a slash at the end.
    pub public_url: Option<String>,
}

impl Default for FlexitiOptions {
    fn default() -> Self {
        Self {
            token_lifetime_secs: 1_200,
            token: FlexitiTokenForm::Full,
            versions: FlexitiVersions::Documented,
            idempotency: false,
            any_token: false,
            session_reuse: false,
            release_after_expiry: false,
            return_window_days: 465,
            return_from: FlexitiReturnFrom::Purchase,
            plans: vec![FlexitiPlan::example()],
            external_location_ids: vec![String::from("00-00001")],
            pin: String::from("2222"),
            numbers_as_text: false,
            capital_status: false,
            null_lists: false,
            unknown_fields: false,
            merchant_zero: false,
            rates: FlexitiRatesForm::Object,
            link_names: FlexitiLinkNames::Url,
            no_link: FlexitiNoLink::Null,
            count: FlexitiCount::Page,
            ignore_page_size: false,
            exclusive_date_to: false,
            captures: FlexitiCapturesForm::Flat,
            errors: FlexitiErrorForm::FieldErrors,
            generic_error: false,
            empty_bodies: false,
            flat_failure: false,
            bad_standing_purchase: false,
            frame_ancestors: None,
            public_url: None,
        }
    }
}

/// An option that cannot be; says why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlexitiOptionsError(String);

impl std::fmt::Display for FlexitiOptionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FlexitiOptionsError {}

const MOST_MONTHS: u16 = 120;
const MOST_RATE: u32 = 10_000;

impl FlexitiOptions {
    pub(crate) fn check(&self) -> Result<(), FlexitiOptionsError> {
        let refused = |text: String| Err(FlexitiOptionsError(text));
        if self.token_lifetime_secs == 0 {
            return refused(String::from(
                "token_lifetime_secs must be at least 1, found 0",
            ));
        }
        if self.pin.is_empty() || !self.pin.bytes().all(|byte| byte.is_ascii_digit()) {
            return refused(format!("pin must be digits, found {:?}", self.pin));
        }
        if let Some(sources) = &self.frame_ancestors {
            let fits = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b';' && byte != b',';
            if sources.trim().is_empty() || !sources.bytes().all(fits) {
                return refused(format!(
                    "frame_ancestors must be sources of a CSP, found {sources:?}"
                ));
            }
        }
        for plan in &self.plans {
            for term in &plan.terms {
                if term.term == 0 || term.term > MOST_MONTHS {
                    return refused(format!(
                        "term must be from 1 to {MOST_MONTHS}, found {}",
                        term.term
                    ));
                }
                if term.rate > MOST_RATE {
                    return refused(format!(
                        "rate must be at most {MOST_RATE}, found {}",
                        term.rate
                    ));
                }
            }
        }
        Ok(())
    }

    /// The term of a plan.
    pub(super) fn term(&self, plan_id: u64, term: u64) -> Option<(&FlexitiPlan, &FlexitiTerm)> {
        let plan = self.plans.iter().find(|plan| plan.plan_id == plan_id)?;
        let mut terms = plan.terms.iter();
        let term = terms.find(|one| u64::from(one.term) == term)?;
        Some((plan, term))
    }
}

/// A plan of promotional purchases.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlexitiPlan {
    /// The provider's number.
    pub plan_id: u64,
    /// For people.
    pub plan_name: String,
    /// The least purchase, in cents: 0 unless told.
    #[serde(default)]
    pub minimum_minor: u64,
    /// The terms to choose from.
    pub terms: Vec<FlexitiTerm>,
}

/// A term of a plan.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlexitiTerm {
    /// Months, 1 to 120.
    pub term: u16,
    /// The yearly rate in ten-thousandths: 999 is 9.99 %. At most 10 000.
    pub rate: u32,
    /// The admin fee, in cents; 0 is none.
    #[serde(default)]
    pub fee_minor: u64,
}

impl FlexitiPlan {
    /// The plan of the samples.
    fn example() -> Self {
        let term = |term, fee_minor| FlexitiTerm {
            term,
            rate: 999,
            fee_minor,
        };
        Self {
            plan_id: 4,
            plan_name: String::from("Example plan"),
            minimum_minor: 0,
            terms: vec![term(6, 5_000), term(12, 0)],
        }
    }
}

/// The form of the answer to `oauth/token`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiTokenForm {
    /// `token_type` `bearer`, `access_token`, `expires_in`, `refresh_token`, `scope`.
    Full,
    /// The same with `Bearer`, and without `scope`.
    Capital,
    /// `access_token`, and an `expires_in` that is one second short.
    Minimal,
}

/// In which version of the path each operation is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiVersions {
    /// Token, widget, release, capture, return and refund are in v2.5, everything else in v2.5.1.
    Documented,
    /// Token and widget are in v2.5, everything else in v2.5.1.
    Newest,
    /// Every operation is in both.
    Any,
}

/// What the days within which a capture may be returned are counted from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiReturnFrom {
    /// The authorization.
    Purchase,
    /// The capture.
    Capture,
}

/// The form of `annual_rates`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiRatesForm {
    /// An object.
    Object,
    /// A list of one object.
    List,
    /// The field is not there.
    LeftOut,
}

/// The names of the links between pages.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiLinkNames {
    /// `next_url` and `previous_url`, as in the samples.
    Url,
    /// `next_page_url` and `previous_page_url`, as in the tables.
    PageUrl,
}

/// How a list says that there is no further page.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiNoLink {
    /// The link is `null`.
    Null,
    /// The link is an empty text.
    Empty,
    /// The link is not there.
    LeftOut,
}

/// What `count` of a list counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiCount {
    /// The rows of the page.
    Page,
    /// The rows of all pages.
    Whole,
}

/// The form of the list of captures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiCapturesForm {
    /// Captures, as in the sample.
    Flat,
    /// Each capture inside an object of its own and with longer names, as in the table.
    Wrapped,
}

/// The form of an error.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiErrorForm {
    /// `message` and `error`; for wrong inputs `wrong_input` with `field_errors` and `url`.
    FieldErrors,
    /// `message` and `error`; for wrong inputs `wrong_inputs` with `error_fields`.
    ErrorFields,
    /// `code`, `error` and `error_description`.
    CodeDescription,
}
