//! What the buyer reads: texts by language, amounts and dates by the browser's own `Intl`.
//!
//! One file per language, each a whole [`Texts`]: a text that is missing anywhere does not compile. The
//! words follow the country: usted in Costa Rica, vos in Argentina, tú in Mexico, vous in Canada.
//!
//! A buyer downloads one language: `scripts/package` builds the widget without the feature `languages`, which
//! has all of them inside, and writes each into a file of its own, one line for each text.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[cfg(any(feature = "languages", test))]
mod languages;

#[cfg(target_arch = "wasm32")]
mod intl;

#[cfg(target_arch = "wasm32")]
pub use intl::Locale;
#[cfg(any(feature = "languages", test))]
pub use languages::LANGUAGES;

use ventanilla_core::card::Brand;
use ventanilla_core::rails::card::DeclineAdvice;
use ventanilla_core::rails::flux::WalletAdvice;

/// Of some languages, the texts for the first of `wanted` language tags that is spoken, and that tag.
///
/// A tag is served by its own texts, else by the first of its language: `es-AR` by `es-AR`, `es-PA` by
/// `es-CR`, `fr` by `fr-CA`. When none is spoken: `en-CA`, or whatever there is; `None` where there is
/// nothing. `pkg/launch.js` has the same rule.
#[must_use]
pub fn choose<'a>(
    languages: &[&'static Texts],
    wanted: impl IntoIterator<Item = &'a str>,
) -> Option<(&'static Texts, &'a str)> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let find = |fits: &dyn Fn(&str) -> bool| languages.iter().find(|texts| fits(texts.tag));
    for tag in wanted {
        let kin = || find(&|known| same(language(known), language(tag)));
        if let Some(texts) = find(&|known| same(known, tag)).or_else(kin) {
            return Some((texts, tag));
        }
    }
    let texts = find(&|known| known == "en-CA").or(languages.first())?;
    Some((texts, texts.tag))
}

/// The tag by which the browser writes amounts and dates for somebody who reads `texts` and asked for
/// `tag`: `es-PA` keeps its country, and anything that is not plainly a country is left out, for a
/// malformed tag makes `Intl` throw.
#[must_use]
pub fn country_tag(texts: &Texts, tag: &str) -> String {
    let country = tag.split(['-', '_']).nth(1).unwrap_or_default();
    let letters = country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic());
    let digits = country.len() == 3 && country.bytes().all(|b| b.is_ascii_digit());
    if letters || digits {
        [language(texts.tag), "-", country].concat()
    } else {
        String::from(texts.tag)
    }
}

fn language(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

/// A number with zeros in front, up to a width.
///
/// Texts are put together from parts: `format!` brings a machinery along that is 3 kB of the download.
#[must_use]
pub fn padded(number: u32, width: usize) -> String {
    let digits = number.to_string();
    let zeros = "0".repeat(width.saturating_sub(digits.len()));
    zeros + &digits
}

/// Puts `value` where `name` stands in braces: `fill("Pagar {amount}", "amount", "₡100")`.
#[must_use]
pub fn fill(text: &str, name: &str, value: &str) -> String {
    let mut filled = String::with_capacity(text.len() + value.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((found, behind)) if found == name => {
                filled.push_str(value);
                rest = behind;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// What is one list of names here is a struct, its reading, and the list that tests go through.
macro_rules! texts {
    ($($(#[$about:meta])* $name:ident)*) => {
        /// Everything a buyer can read. Braces hold what is filled in: `{amount}`, `{n}`.
        #[repr(C)]
        pub struct Texts {
            $($(#[$about])* pub $name: &'static str),*
        }

        impl Texts {
            const COUNT: usize = [$(stringify!($name)),*].len();

            /// A language out of its file: one line for each text, in the order of the fields. `None` when
            /// there are more lines or fewer. It is kept for as long as the page lives.
            #[must_use]
            pub fn read(file: &'static str) -> Option<&'static Self> {
                let lines: Vec<&'static str> = file.split('\n').collect();
                let lines: &'static [&str] = lines.leak();
                let lines: &[&str; Self::COUNT] = lines.try_into().ok()?;
                // SAFETY: in the C representation a struct with so many fields of one type is laid out as an
                // array of them. Moved one by one they would be 11 kB of code.
                Some(unsafe { &*core::ptr::from_ref(lines).cast::<Self>() })
            }

            #[cfg(test)]
            fn fields(&self) -> Vec<(&'static str, &'static str)> {
                alloc::vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

texts! {
    /// BCP 47 tag.
    tag

    loading
    order
    items
    item
    methods
    pay
    paying
    /// Said only where it holds: in the frame, on the proxy's own origin.
    privacy

    card
    card_line
    number
    number_empty
    number_not_digits
    number_one_missing
    number_missing
    number_too_long
    number_check
    expiry
    expiry_placeholder
    expiry_hint
    expiry_empty
    expiry_incomplete
    expiry_month
    expiry_past
    expiry_too_far
    cvc
    cvc_hint
    cvc_hint_front
    cvc_empty
    cvc_not_digits
    cvc_length
    holder
    holder_hint
    holder_empty
    holder_too_short
    holder_too_long
    holder_number
    holder_characters
    one_to_correct
    several_to_correct
    brand_found

    which_card
    card_ending
    brand_ending
    expires
    has_expired
    another_card
    installments
    installments_once
    installments_even
    installments_about
    installments_hint
    save_card
    save_card_hint

    wallet
    wallet_line
    which_way
    show_how
    getting
    qr
    qr_line
    qr_title
    qr_alt
    qr_first
    qr_second
    link
    link_line
    link_title
    link_first
    link_second
    transfer
    transfer_line
    transfer_title
    transfer_first
    transfer_second
    last_step
    how_to_pay
    time_left
    waiting_for_payment
    open_link
    share
    copy_code
    code_copied
    copy_link
    link_copied
    copy_alias
    alias_copied
    copy_account
    account_copied
    copy_amount
    amount_copied
    copy_by_hand
    row_amount
    row_holder
    already_paid
    not_seen_yet
    no_connection
    instead
    other_method
    seen_title
    seen_text
    over_title
    closing_text
    over_text
    get_new
    code_title
    code_text
    not_issued_title
    not_issued_text
    refused_title
    refused_text
    alert_wallet

    financing
    financing_line
    go_to_lender
    asking_lender
    look_up_by
    by_account
    by_person
    account_number
    account_number_hint
    account_number_empty
    account_number_odd
    first_name
    first_name_empty
    last_name
    last_name_empty
    odd_signs
    too_long
    birth_date
    birth_date_hint
    birth_date_empty
    birth_date_odd
    birth_date_no_day
    birth_date_too_young
    birth_date_too_old
    billing_address
    line1
    line1_empty
    line2
    city
    city_empty
    province
    province_empty
    postal_code
    postal_code_hint
    postal_code_empty
    postal_code_odd
    delivered_to
    identity_privacy
    identify_title
    identify_text
    page_name
    page_coming
    leave
    choose_title
    which_plan
    monthly
    regular
    regular_line
    annual_rate
    fee
    pick_first
    finance
    lender_title
    lender_text
    lender_late_title
    lender_late_text
    financed_title
    financed_text
    financed_held
    financed_released
    row_plan
    nothing_financed
    begin_again
    activate_title
    activate_text
    apply_title
    apply_text
    standing_title
    standing_text
    unverified_title
    unverified_text
    again_title
    again_text
    page_down_title
    page_down_text
    left_title
    left_text
    slow_text
    credit_title
    credit_text
    plan_gone_title
    plan_gone_text
    not_financed_title
    not_financed_text

    alert_network
    alert_provider
    alert_saved_card
    alert_shop

    bank_title
    bank_text
    connection_title
    connection_text
    confirming_title
    confirming_text
    asking
    check_now
    no_answer_yet
    reference

    declined_title
    declined_money
    advice_call_bank
    advice_check_number
    advice_check_expiry
    advice_insufficient_funds
    advice_other_card
    advice_try_again
    advice_try_later
    advice_ask_shop
    try_again
    use_other_card
    not_executed_title
    not_executed_text

    paid_title
    paid_before
    row_payee
    row_order
    row_card
    row_date
    row_installments
    row_authorization
    card_saved
    print
    copy_reference
    copied

    review_title
    review_text
    twice_title
    twice_text
    expired_title
    expired_text
    exhausted_title
    exhausted_text
    trouble_title
    trouble_network
    trouble_shop
    trouble_frame
    retry

    flux_method
    flux_method_line

    flux_tip
    flux_tip_none
    flux_tip_percent
    flux_tip_own
    flux_tip_amount
    flux_tip_amount_hint
    flux_tip_missing
    flux_tip_unreadable
    flux_tip_above
    flux_tip_sure
    flux_tip_keep
    flux_tip_change
    flux_bill
    flux_total
    flux_go_on

    flux_show_code
    flux_copy_code
    flux_open_camera
    flux_close_camera
    flux_next_camera
    flux_light_on
    flux_light_off
    flux_view
    flux_asking_camera
    flux_asking_long
    flux_looking
    flux_found

    flux_denied
    flux_policy
    flux_missing
    flux_in_use
    flux_insecure
    flux_ended
    flux_broken
    flux_no_decoder

    flux_other_ways
    flux_paste
    flux_paste_refused
    flux_choose_picture
    flux_picture_stays
    flux_reading_picture
    flux_picture_large
    flux_picture_unreadable
    flux_picture_empty
    flux_code
    flux_code_hint
    flux_code_missing
    flux_code_address
    flux_code_merchant
    flux_code_account
    flux_code_long
    flux_code_spaces
    flux_code_foreign
    flux_code_again

    flux_charge_title
    flux_charge_text
    flux_confirming_title
    flux_confirming_text
    flux_declined_title
    flux_declined_money
    flux_advice_new_code
    flux_advice_used_code
    flux_advice_funds
    flux_advice_limit
    flux_advice_other
    flux_new_code
    flux_not_executed_title
}

impl Texts {
    /// How many fields are to be corrected.
    #[must_use]
    pub fn to_correct(&self, count: usize) -> String {
        match count {
            1 => String::from(self.one_to_correct),
            _ => fill(self.several_to_correct, "n", &count.to_string()),
        }
    }

    /// What to do after a decline.
    #[must_use]
    pub const fn advice(&self, advice: DeclineAdvice) -> &'static str {
        match advice {
            DeclineAdvice::CallBank => self.advice_call_bank,
            DeclineAdvice::CheckNumber => self.advice_check_number,
            DeclineAdvice::CheckExpiry => self.advice_check_expiry,
            DeclineAdvice::InsufficientFunds => self.advice_insufficient_funds,
            DeclineAdvice::OtherCard => self.advice_other_card,
            DeclineAdvice::TryAgain => self.advice_try_again,
            DeclineAdvice::TryLater => self.advice_try_later,
            DeclineAdvice::AskShop => self.advice_ask_shop,
        }
    }

    /// What to do after a wallet said no.
    #[must_use]
    pub const fn wallet_advice(&self, advice: WalletAdvice) -> &'static str {
        match advice {
            WalletAdvice::NewCode => self.flux_advice_new_code,
            WalletAdvice::UsedCode => self.flux_advice_used_code,
            WalletAdvice::InsufficientFunds => self.flux_advice_funds,
            WalletAdvice::Limit => self.flux_advice_limit,
            WalletAdvice::OtherMethod => self.flux_advice_other,
        }
    }

    /// A card as people name it: "Visa terminada en 4242".
    #[must_use]
    pub fn named_card(&self, brand: Option<Brand>, last4: &str) -> String {
        let named = match brand {
            Some(brand) => fill(self.brand_ending, "brand", brand.display_name()),
            None => String::from(self.card_ending),
        };
        fill(&named, "last4", last4)
    }
}

/// One of `count` installments of `total` minor units, rounded to the nearest, and whether they are all
/// equal.
#[must_use]
pub const fn installment(total_minor: u64, count: u8) -> (u64, bool) {
    let count = if count == 0 { 1 } else { count as u64 };
    (
        (total_minor + count / 2) / count,
        total_minor.is_multiple_of(count),
    )
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use ventanilla_core::wallet_code::NotAWalletCode;

    use super::*;
    use crate::rails::flux::reading::Failure;

    #[test]
    fn a_tag_is_served_by_its_own_texts_then_by_its_language_then_by_the_next_tag() {
        let chosen = |wanted: &[&'static str]| {
            let (texts, tag) = choose(&LANGUAGES, wanted.iter().copied()).unwrap();
            (texts.tag, tag)
        };
        assert_eq!(chosen(&["es-AR"]), ("es-AR", "es-AR"));
        assert_eq!(chosen(&["ES-ar"]), ("es-AR", "ES-ar"));
        assert_eq!(chosen(&["es"]), ("es-CR", "es"));
        assert_eq!(chosen(&["es-PA", "fr-CA"]), ("es-CR", "es-PA"));
        assert_eq!(chosen(&["fr"]), ("fr-CA", "fr"));
        assert_eq!(chosen(&["en-US"]), ("en-CA", "en-US"));
        assert_eq!(chosen(&["de-DE", "fr-FR"]), ("fr-CA", "fr-FR"));
        assert_eq!(chosen(&["", "ja"]), ("en-CA", "en-CA"));
        assert_eq!(chosen(&[]), ("en-CA", "en-CA"));
    }

    #[test]
    fn one_language_alone_serves_everybody_and_none_serves_nobody() {
        let french = &LANGUAGES[2..3];
        let chosen = |wanted| choose(french, [wanted]).map(|(texts, tag)| (texts.tag, tag));
        assert_eq!(chosen("fr-BE"), Some(("fr-CA", "fr-BE")));
        assert_eq!(chosen("ja"), Some(("fr-CA", "fr-CA")));
        assert!(choose(&[], ["fr-CA"]).is_none());
    }

    #[test]
    fn a_language_reads_back_from_its_lines_and_from_no_more_or_fewer() {
        for texts in LANGUAGES {
            let lines: Vec<&str> = texts.fields().iter().map(|(_, text)| *text).collect();
            assert!(lines.iter().all(|line| !line.contains('\n')));
            let file: &'static str = lines.join("\n").leak();
            let read = Texts::read(file).unwrap();
            assert_eq!(read.fields(), texts.fields());
            assert!(Texts::read(file.rsplit_once('\n').unwrap().0).is_none());
            assert!(Texts::read(format!("{file}\n").leak()).is_none());
        }
    }

    #[test]
    fn amounts_follow_the_readers_country_when_the_tag_names_one() {
        let tag = |tag| country_tag(LANGUAGES[0], tag);
        assert_eq!(tag("es-PA"), "es-PA");
        assert_eq!(tag("es_PA"), "es-PA");
        assert_eq!(tag("es-419"), "es-419");
        for odd in ["es", "es-", "es-Latn-PA", "es-x-y", "es-ñá", ""] {
            assert_eq!(tag(odd), "es-CR", "{odd:?}");
        }
    }

    #[test]
    fn filling_in_leaves_every_other_brace_alone() {
        assert_eq!(fill("Pagar {amount}", "amount", "₡1"), "Pagar ₡1");
        assert_eq!(fill("{n} de {n}", "n", "2"), "2 de 2");
        assert_eq!(
            fill("{n} cuotas de {amount}", "amount", "{n}"),
            "{n} cuotas de {n}"
        );
        assert_eq!(fill("{amount", "amount", "x"), "{amount");
    }

    #[test]
    fn installments_are_rounded_without_fractions_and_say_when_they_are_equal() {
        assert_eq!(installment(1_250_000, 1), (1_250_000, true));
        assert_eq!(installment(1_250_000, 2), (625_000, true));
        assert_eq!(installment(1_250_000, 3), (416_667, false));
        assert_eq!(installment(100, 3), (33, false));
        assert_eq!(installment(9_999_999_999_999, 99), (101_010_101_010, false));
    }

    #[test]
    fn every_language_fills_in_the_same_things() {
        let braces = |text: &str| {
            let mut found: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}').map(|(name, _)| String::from(name)))
                .collect();
            found.sort();
            found
        };
        let reference = LANGUAGES[0].fields();
        for texts in LANGUAGES {
            for ((name, expected), (_, found)) in reference.iter().zip(texts.fields()) {
                assert_eq!(braces(expected), braces(found), "{name} in {}", texts.tag);
                assert!(!found.trim().is_empty(), "{name} in {}", texts.tag);
                assert!(
                    !found.contains(['!', '¡']),
                    "{name} in {} shouts",
                    texts.tag
                );
            }
        }
    }

    #[test]
    fn everything_that_can_go_wrong_with_a_wallets_code_says_something_of_its_own() {
        for texts in LANGUAGES {
            let mut said: Vec<&str> = Vec::new();
            said.extend(Failure::ALL.map(|failure| texts.camera_failure(failure)));
            said.extend(NotAWalletCode::ALL.map(|wrong| texts.wrong_code(wrong)));
            said.extend(WalletAdvice::ALL.map(|advice| texts.wallet_advice(advice)));
            let count = said.len();
            said.sort_unstable();
            said.dedup();
            assert_eq!(said.len(), count, "{}", texts.tag);
        }
    }

    // Expiry and CVC stand side by side on a phone; a second line would push everything below it down.
    #[test]
    fn what_is_said_below_the_half_width_fields_fits_on_one_line() {
        for texts in LANGUAGES {
            for (name, text) in texts.fields() {
                if name.starts_with("expiry") || name.starts_with("cvc") {
                    // An error has a sign in front.
                    let fits = if name.contains("hint") { 22 } else { 20 };
                    assert!(
                        text.chars().count() <= fits,
                        "{name} in {} is too long",
                        texts.tag
                    );
                }
            }
        }
    }

    // Unknown is not a failure, and a claim nobody can prove is no comfort.
    #[test]
    fn no_text_claims_a_failure_or_security() {
        for texts in LANGUAGES {
            for (name, text) in texts.fields() {
                let text = text.to_lowercase();
                for word in ["fall", "fail", "échou", "segur", "secur", "sécuri"] {
                    assert!(!text.contains(word), "{name} in {} says {word}", texts.tag);
                }
            }
        }
    }
}
