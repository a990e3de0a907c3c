//! The tags of the standard that mean something here.

pub(super) const FORMAT: u8 = 0;
pub(super) const INITIATION: u8 = 1;
pub(super) const TAX_ID: u8 = 50;
pub(super) const ACCOUNT: u8 = 51;
pub(super) const CATEGORY: u8 = 52;
pub(super) const CURRENCY: u8 = 53;
pub(super) const AMOUNT: u8 = 54;
pub(super) const FEE: u8 = 55;
pub(super) const FIXED_FEE: u8 = 56;
pub(super) const PERCENTAGE_FEE: u8 = 57;
pub(super) const COUNTRY: u8 = 58;
pub(super) const NAME: u8 = 59;
pub(super) const CITY: u8 = 60;
pub(super) const POSTAL_CODE: u8 = 61;
pub(super) const ADDITIONAL: u8 = 62;
pub(super) const CRC: u8 = 63;
pub(super) const LANGUAGE: u8 = 64;

/// What every code has, besides 00, which its first place proves, and 63.
pub(super) const MANDATORY: [u8; 5] = [CATEGORY, CURRENCY, COUNTRY, NAME, CITY];

/// Whether the object says whose account is paid, in a template with a 00.
pub(super) const fn is_account(tag: u8) -> bool {
    matches!(tag, 26..=51)
}

/// Whether the value must be objects itself. Those of 80 to 99 may be anything.
pub(super) const fn is_template(tag: u8) -> bool {
    is_account(tag) || matches!(tag, ADDITIONAL | LANGUAGE)
}

/// Whether the value may be objects or anything else.
pub(super) const fn is_free(tag: u8) -> bool {
    matches!(tag, 80..=99)
}
