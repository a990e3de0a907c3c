//! The people who can be identified. None of them lives, and no number of theirs is assigned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The status of an account with which its holder may buy.
const NORMAL: &str = "NNOR";
const FIRST: u64 = 10_000_001;
/// Ten times what any document shows, and sums of them stay exact.
const MOST_MINOR: u64 = 9_999_999_999_999;

/// An account, and the person whose it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FlexitiAccount {
    /// Up to 14 digits.
    pub account_number: u64,
    /// 16 digits that are no card's.
    pub vcc_number: String,
    /// `1000001-10001`.
    pub customer_id: String,
    /// Whose it is.
    pub account_type: FlexitiAccountType,
    /// Up to 80 characters.
    pub first_name: String,
    /// Up to 80 characters.
    pub last_name: String,
    /// `YYYY-MM-DD`.
    pub dob: String,
    /// `A1A1A1`.
    pub postal_code: String,
    /// `NNOR` is in order; with any other nothing can be bought or captured.
    pub status: String,
    /// `preferred`, `premium` or `standard`.
    pub category_type: String,
    /// The yearly rate of regular purchases in ten-thousandths.
    pub air: u32,
    /// What may still be bought for, in cents.
    pub available_credit_minor: u64,
    /// What regular purchases left to pay, in cents: a refund takes no more.
    pub balance_minor: u64,
    /// The codes that in-store calls may show.
    pub verification_codes: Vec<String>,
}

/// Whose an account is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiAccountType {
    /// A person's.
    Consumer,
    /// A business's.
    Business,
}

impl FlexitiAccountType {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Business => "business",
        }
    }
}

/// What an account is to have; what is not named stays, or is as the first account has it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlexitiAccountChange {
    /// See [`FlexitiAccount::first_name`].
    pub first_name: Option<String>,
    /// See [`FlexitiAccount::last_name`].
    pub last_name: Option<String>,
    /// See [`FlexitiAccount::dob`].
    pub dob: Option<String>,
    /// See [`FlexitiAccount::postal_code`].
    pub postal_code: Option<String>,
    /// See [`FlexitiAccount::account_type`].
    pub account_type: Option<FlexitiAccountType>,
    /// See [`FlexitiAccount::status`].
    pub status: Option<String>,
    /// See [`FlexitiAccount::available_credit_minor`]; at most 9 999 999 999 999.
    pub available_credit_minor: Option<u64>,
    /// See [`FlexitiAccount::balance_minor`]; at most 9 999 999 999 999.
    pub balance_minor: Option<u64>,
    /// See [`FlexitiAccount::verification_codes`].
    pub verification_codes: Option<Vec<String>>,
}

/// Why an account cannot be opened or changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FlexitiAccountError {
    /// There is none with this number.
    Unknown(u64),
    /// A value cannot be; says why.
    Unfit(String),
}

impl std::fmt::Display for FlexitiAccountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "there is no account {number}"),
            Self::Unfit(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for FlexitiAccountError {}

impl FlexitiAccount {
    fn numbered(account_number: u64) -> Self {
        let nth = account_number.saturating_sub(FIRST) + 1;
        Self {
            account_number,
            vcc_number: format!("{nth:016}"),
            customer_id: format!("{}-{}", 1_000_000 + nth, 10_000 + nth),
            account_type: FlexitiAccountType::Consumer,
            first_name: String::from("Test"),
            last_name: match nth {
                1 => String::from("Shopper"),
                nth => format!("Shopper-{nth}"),
            },
            dob: String::from("1990-01-01"),
            postal_code: String::from("A1A1A1"),
            status: String::from(NORMAL),
            category_type: String::from("preferred"),
            air: 3_099,
            available_credit_minor: 1_327_640,
            balance_minor: 0,
            verification_codes: vec![String::from("9999"), String::from("1234")],
        }
    }

    /// Whether its holder may buy.
    pub(super) fn is_normal(&self) -> bool {
        self.status == NORMAL
    }

    /// Of the name only what somebody else may see.
    pub(super) fn discreet_name(&self) -> String {
        let initial: String = self.last_name.chars().take(1).collect();
        format!("{} {initial}.", self.first_name)
    }

    fn with(mut self, change: &FlexitiAccountChange) -> Result<Self, FlexitiAccountError> {
        let change = change.clone();
        for (name, minor) in [
            ("available_credit_minor", change.available_credit_minor),
            ("balance_minor", change.balance_minor),
        ] {
            if let Some(minor) = minor.filter(|minor| *minor > MOST_MINOR) {
                return Err(FlexitiAccountError::Unfit(format!(
                    "{name} must be at most {MOST_MINOR}, found {minor}"
                )));
            }
        }
        set(&mut self.first_name, change.first_name);
        set(&mut self.last_name, change.last_name);
        set(&mut self.dob, change.dob);
        set(&mut self.postal_code, change.postal_code);
        set(&mut self.account_type, change.account_type);
        set(&mut self.status, change.status);
        set(
            &mut self.available_credit_minor,
            change.available_credit_minor,
        );
        set(&mut self.balance_minor, change.balance_minor);
        set(&mut self.verification_codes, change.verification_codes);
        Ok(self)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Every account.
#[derive(Debug)]
pub(crate) struct Accounts(BTreeMap<u64, FlexitiAccount>);

impl Default for Accounts {
    /// One in order, one that is not, one with next to no credit, and a business's.
    fn default() -> Self {
        let mut accounts: Vec<FlexitiAccount> =
            (FIRST..FIRST + 4).map(FlexitiAccount::numbered).collect();
        if let [_, frozen, poor, business] = accounts.as_mut_slice() {
            frozen.status = String::from("NFRZ");
            poor.available_credit_minor = 5_000;
            business.account_type = FlexitiAccountType::Business;
        }
        Self(
            accounts
                .into_iter()
                .map(|it| (it.account_number, it))
                .collect(),
        )
    }
}

impl Accounts {
    /// By number.
    pub(crate) fn all(&self) -> Vec<FlexitiAccount> {
        self.0.values().cloned().collect()
    }

    /// Opens one more.
    pub(crate) fn open(
        &mut self,
        change: &FlexitiAccountChange,
    ) -> Result<FlexitiAccount, FlexitiAccountError> {
        let number = self.0.last_key_value().map_or(FIRST, |(last, _)| last + 1);
        let account = FlexitiAccount::numbered(number).with(change)?;
        self.0.insert(number, account.clone());
        Ok(account)
    }

    pub(crate) fn change(
        &mut self,
        account_number: u64,
        change: &FlexitiAccountChange,
    ) -> Result<FlexitiAccount, FlexitiAccountError> {
        let found = self.0.get_mut(&account_number);
        let account = found.ok_or(FlexitiAccountError::Unknown(account_number))?;
        *account = account.clone().with(change)?;
        Ok(account.clone())
    }

    pub(super) fn get(&self, account_number: u64) -> Option<&FlexitiAccount> {
        self.0.get(&account_number)
    }

    pub(super) fn get_mut(&mut self, account_number: u64) -> Option<&mut FlexitiAccount> {
        self.0.get_mut(&account_number)
    }

    pub(super) fn find(&self, wanted: impl Fn(&FlexitiAccount) -> bool) -> Option<&FlexitiAccount> {
        self.0.values().find(|account| wanted(account))
    }
}
