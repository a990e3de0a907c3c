//! Reads core's views out of what the browser's own `JSON.parse` made of an answer.
//!
//! By hand, because a general reader with its generated code would be 8 kB of the download. What core
//! writes and what is read here are compared in `tests/web`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use js_sys::{Array, JSON, Object, Reflect};
use ventanilla_core::api::{AttemptView, CheckoutView, ItemView, ReceiptView, StartAttempt, Step};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::card::Brand;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::{Fault, Problem};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardOffer, DeclineAdvice, SaveCardPolicy, SavedCardView};
use ventanilla_core::rails::cvu::{CvuOffer, PayableView, Presentation, TransferView};
use ventanilla_core::rails::flexiti::{
    Fee, FinancedCredit, FinancedPlan, FinancedView, FinancingAdvice, FinancingChoice,
    FinancingOffers, FinancingPlan, FlexitiOffer, HostedEvent, HostedPage, Identification,
    IdentificationKind, PostalAddress, Rate, RegularPurchase,
};
use ventanilla_core::rails::flux::{FluxOffer, TipPolicy, WalletAdvice};
use ventanilla_core::session::SessionState;
use wasm_bindgen::JsValue;

use crate::rails::has;

/// What is there for one rail alone: a build without that rail does not carry what reads it, and hands over to one
/// that does before it is missed.
fn of<T: Read>(rail: Rail, json: &JsValue, name: &str) -> Option<T> {
    if has(rail) {
        T::read(&get(json, name))
    } else {
        None
    }
}

/// Something that can be read from a parsed answer.
pub trait Read: Sized {
    /// Reads it; `None` when something that it cannot do without is missing or of another kind.
    fn read(json: &JsValue) -> Option<Self>;
}

impl Read for CheckoutView {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            session_id: text(json, "session_id")?,
            state: SessionState::from_name(&text(json, "state")?)?,
            payee: text(json, "payee")?,
            order_reference: text(json, "order_reference")?,
            total: Money::read(&get(json, "total"))?,
            items: list(json, "items"),
            // A rail that a newer proxy offers and this widget has not heard of is not shown.
            rails: list(json, "rails"),
            card: of(Rail::Card, json, "card"),
            cvu: of(Rail::Cvu, json, "cvu"),
            flux: of(Rail::Flux, json, "flux"),
            flexiti: of(Rail::Flexiti, json, "flexiti"),
            attempt: AttemptView::read(&get(json, "attempt")),
            expires_at: text(json, "expires_at")?,
            server_time: text(json, "server_time")?,
        })
    }
}

impl Read for AttemptView {
    fn read(json: &JsValue) -> Option<Self> {
        // A state of a newer proxy is not an end that this widget may report.
        let state = AttemptState::from_name(&text(json, "state")?).unwrap_or(AttemptState::Unknown);
        Some(Self {
            id: text(json, "id")?,
            rail: Rail::read(&get(json, "rail"))?,
            state,
            next_action: match text(json, "next_action")?.as_str() {
                "wait" => NextAction::Wait,
                "pay" => NextAction::Pay,
                "identify" => NextAction::Identify,
                "choose" => NextAction::Choose,
                "try_again" => NextAction::TryAgain,
                "ask_shop" => NextAction::AskShop,
                "finish" => NextAction::Finish,
                _ => NextAction::after(state),
            },
            poll_after_ms: number(json, "poll_after_ms").and_then(|ms| u32::try_from(ms).ok()),
            age_ms: number(json, "age_ms").unwrap_or_default(),
            reference: text(json, "reference")?,
            advice: text(json, "advice").map(|advice| match advice.as_str() {
                "call_bank" => DeclineAdvice::CallBank,
                "check_number" => DeclineAdvice::CheckNumber,
                "check_expiry" => DeclineAdvice::CheckExpiry,
                "insufficient_funds" => DeclineAdvice::InsufficientFunds,
                "try_again" => DeclineAdvice::TryAgain,
                "try_later" => DeclineAdvice::TryLater,
                "ask_shop" => DeclineAdvice::AskShop,
                _ => DeclineAdvice::OtherCard,
            }),
            wallet_advice: of(Rail::Flux, json, "wallet_advice"),
            financing_advice: of(Rail::Flexiti, json, "financing_advice"),
            hosted_page: of(Rail::Flexiti, json, "hosted_page"),
            offers: of(Rail::Flexiti, json, "offers"),
            tip: of(Rail::Flux, json, "tip"),
            payable: of(Rail::Cvu, json, "payable"),
            refused: flag(json, "refused"),
            receipt: ReceiptView::read(&get(json, "receipt")),
        })
    }
}

impl Read for ReceiptView {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            paid: Money::read(&get(json, "paid"))?,
            tip: Money::read(&get(json, "tip")),
            paid_at: text(json, "paid_at")?,
            brand: brand(json),
            last4: text(json, "last4"),
            authorization: text(json, "authorization"),
            installments: small(json, "installments"),
            card_saved: flag(json, "card_saved"),
            financing: of(Rail::Flexiti, json, "financing"),
        })
    }
}

impl Read for FinancedView {
    fn read(json: &JsValue) -> Option<Self> {
        let credit = text(json, "credit")?;
        Some(Self {
            plan: FinancedPlan::read(&get(json, "plan")),
            // What a newer proxy calls otherwise is not known to be taken.
            credit: FinancedCredit::from_name(&credit).unwrap_or(FinancedCredit::Held),
        })
    }
}

impl Read for FinancedPlan {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            months: number(json, "months").and_then(|months| u32::try_from(months).ok())?,
            monthly: Money::read(&get(json, "monthly"))?,
        })
    }
}

impl Read for CardOffer {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            public_key: text(json, "public_key")?,
            key_pins: list(json, "key_pins"),
            accept_weak_key: flag(json, "accept_weak_key"),
            installments: list(json, "installments"),
            saved_cards: list(json, "saved_cards"),
            save_card: match text(json, "save_card").as_deref() {
                Some("ask") => SaveCardPolicy::Ask,
                _ => SaveCardPolicy::Never,
            },
        })
    }
}

impl Read for SavedCardView {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            id: text(json, "id")?,
            brand: brand(json),
            last4: text(json, "last4")?,
            expiry_month: small(json, "expiry_month"),
            expiry_year: number(json, "expiry_year").and_then(|year| u16::try_from(year).ok()),
        })
    }
}

impl Read for CvuOffer {
    fn read(json: &JsValue) -> Option<Self> {
        let presentations: Vec<_> = list(json, "presentations");
        (!presentations.is_empty()).then_some(Self { presentations })
    }
}

impl Read for FluxOffer {
    fn read(json: &JsValue) -> Option<Self> {
        json.is_object().then(|| Self {
            tip: TipPolicy::read(&get(json, "tip")),
        })
    }
}

impl Read for WalletAdvice {
    fn read(json: &JsValue) -> Option<Self> {
        let name = json.as_string()?;
        Some(Self::from_name(&name).unwrap_or(Self::OtherMethod))
    }
}

impl Read for TipPolicy {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            percents: list(json, "percents"),
            cap_percent: small(json, "cap_percent")?,
            confirm_percent: small(json, "confirm_percent")?,
        })
    }
}

impl Read for PayableView {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            presentation: Presentation::read(&get(json, "presentation"))?,
            link: text(json, "link"),
            code: text(json, "code"),
            transfer: TransferView::read(&get(json, "transfer")),
            expires_in_ms: number(json, "expires_in_ms")?,
            seen: flag(json, "seen"),
        })
    }
}

impl Read for TransferView {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            alias: text(json, "alias"),
            account: text(json, "account")?,
            holder: text(json, "holder")?,
            cuit: text(json, "cuit")?,
            link: text(json, "link"),
        })
    }
}

impl Read for Presentation {
    fn read(json: &JsValue) -> Option<Self> {
        Self::from_name(&json.as_string()?)
    }
}

impl Read for FlexitiOffer {
    fn read(json: &JsValue) -> Option<Self> {
        let identifications: Vec<_> = list(json, "identifications");
        (!identifications.is_empty()).then(|| Self {
            identifications,
            billing: PostalAddress::read(&get(json, "billing")),
            shipping: PostalAddress::read(&get(json, "shipping")),
        })
    }
}

impl Read for FinancingAdvice {
    fn read(json: &JsValue) -> Option<Self> {
        let name = json.as_string()?;
        Some(Self::from_name(&name).unwrap_or(Self::OtherMethod))
    }
}

impl Read for IdentificationKind {
    fn read(json: &JsValue) -> Option<Self> {
        Self::from_name(&json.as_string()?)
    }
}

impl Read for PostalAddress {
    fn read(json: &JsValue) -> Option<Self> {
        let line = |name| text(json, name).unwrap_or_default();
        json.is_object().then(|| Self {
            first_name: line("first_name"),
            last_name: line("last_name"),
            line1: line("line1"),
            line2: line("line2"),
            city: line("city"),
            province: line("province"),
            postal_code: line("postal_code"),
        })
    }
}

impl Read for HostedEvent {
    fn read(json: &JsValue) -> Option<Self> {
        let data = get(json, "eventData");
        // A browser's number has as many digits as an account at most.
        let number = number(&data, "accountNumber").map(|number| number.to_string());
        Some(Self {
            kind: text(json, "eventType")?,
            account_number: number.or_else(|| text(&data, "accountNumber")),
            verified: get(&data, "verified").as_bool(),
            action: text(&data, "action"),
            widget_session_id: text(&data, "widget_session_id"),
        })
    }
}

impl Read for HostedPage {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            address: text(json, "address")?,
            origin: text(json, "origin")?,
            expires_in_ms: number(json, "expires_in_ms")?,
        })
    }
}

impl Read for FinancingOffers {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            regular: RegularPurchase::read(&get(json, "regular")),
            plans: list(json, "plans"),
            expires_in_ms: number(json, "expires_in_ms")?,
        })
    }
}

impl Read for RegularPurchase {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            amount: Money::read(&get(json, "amount"))?,
            basis_points: points(json),
            fees: list(json, "fees"),
        })
    }
}

impl Read for FinancingPlan {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            plan: text(json, "plan")?,
            name: text(json, "name").unwrap_or_default(),
            months: number(json, "months").and_then(|months| u32::try_from(months).ok())?,
            monthly: Money::read(&get(json, "monthly"))?,
            fees: list(json, "fees"),
            rates: list(json, "rates"),
        })
    }
}

impl Read for Fee {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            description: text(json, "description").unwrap_or_default(),
            amount: Money::read(&get(json, "amount"))?,
            message: text(json, "message"),
        })
    }
}

impl Read for Rate {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            description: text(json, "description").unwrap_or_default(),
            basis_points: points(json)?,
            message: text(json, "message"),
        })
    }
}

impl Read for ItemView {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            description: text(json, "description")?,
            quantity: number(json, "quantity").and_then(|quantity| u32::try_from(quantity).ok())?,
            total: Money::read(&get(json, "total")),
        })
    }
}

impl Read for Money {
    fn read(json: &JsValue) -> Option<Self> {
        let currency = Currency::from_code(&text(json, "currency")?)?;
        Self::from_minor(number(json, "amount_minor")?, currency).ok()
    }
}

impl Read for Problem {
    fn read(json: &JsValue) -> Option<Self> {
        Some(Self {
            kind: text(json, "type")?,
            code: text(json, "code")?,
            status: number(json, "status").and_then(|status| u16::try_from(status).ok())?,
            fault: match text(json, "fault")?.as_str() {
                "integration" => Fault::Integration,
                "buyer" => Fault::Buyer,
                "network" => Fault::Network,
                "provider" => Fault::Provider,
                _ => Fault::Internal,
            },
            title: text(json, "title")?,
            detail: text(json, "detail"),
            attempt_id: text(json, "attempt_id"),
        })
    }
}

impl Read for Rail {
    fn read(json: &JsValue) -> Option<Self> {
        Self::from_name(&json.as_string()?)
    }
}

impl Read for String {
    fn read(json: &JsValue) -> Option<Self> {
        json.as_string()
    }
}

impl Read for u8 {
    fn read(json: &JsValue) -> Option<Self> {
        whole(json).and_then(|number| Self::try_from(number).ok())
    }
}

/// The JSON text of a start.
#[must_use]
pub fn start_text(start: &StartAttempt) -> Option<String> {
    let body = object(&[("rail", start.rail.name().into())]);
    if has(Rail::Card)
        && let Some(card) = &start.card
    {
        let part = object(&[("save_card", card.save_card.into())]);
        if let Some(sealed) = &card.sealed {
            let message = object(&[
                ("ld", sealed.ld.as_str().into()),
                ("lk", sealed.lk.as_str().into()),
            ]);
            put(&part, "sealed", &message);
        }
        if let Some(id) = &card.saved_card {
            put(&part, "saved_card", &id.as_str().into());
        }
        if let Some(count) = card.installments {
            put(&part, "installments", &count.into());
        }
        put(&body, "card", &part);
    }
    if has(Rail::Cvu)
        && let Some(cvu) = &start.cvu
    {
        let part = object(&[("presentation", cvu.presentation.name().into())]);
        put(&body, "cvu", &part);
    }
    if has(Rail::Flux)
        && let Some(flux) = &start.flux
    {
        // An amount is exact in a number of the browser: at most 10¹³.
        #[expect(clippy::cast_precision_loss, reason = "a tip is at most an amount")]
        let tip = flux.tip_minor as f64;
        let part = object(&[
            ("code", flux.code.as_str().into()),
            ("tip_minor", tip.into()),
        ]);
        put(&body, "flux", &part);
    }
    if has(Rail::Flexiti)
        && let Some(flexiti) = &start.flexiti
    {
        let who = match &flexiti.identification {
            Identification::Account { account_number } => object(&[
                ("by", "account".into()),
                ("account_number", account_number.as_str().into()),
            ]),
            Identification::Person(person) => object(&[
                ("by", "person".into()),
                ("first_name", person.first_name.as_str().into()),
                ("last_name", person.last_name.as_str().into()),
                ("birth_date", person.birth_date.as_str().into()),
                ("postal_code", person.postal_code.as_str().into()),
            ]),
        };
        let part = object(&[
            ("identification", who.into()),
            ("billing", address(&flexiti.billing).into()),
            ("language", flexiti.language.name().into()),
        ]);
        if let Some(shipping) = &flexiti.shipping {
            put(&part, "shipping", &address(shipping));
        }
        put(&body, "flexiti", &part);
    }
    written(&body)
}

fn address(from: &PostalAddress) -> Object {
    object(&[
        ("first_name", from.first_name.as_str().into()),
        ("last_name", from.last_name.as_str().into()),
        ("line1", from.line1.as_str().into()),
        ("line2", from.line2.as_str().into()),
        ("city", from.city.as_str().into()),
        ("province", from.province.as_str().into()),
        ("postal_code", from.postal_code.as_str().into()),
    ])
}

/// The JSON text of a step.
#[must_use]
pub fn step_text(step: &Step) -> Option<String> {
    let named = |name: &str| object(&[("step", name.into())]);
    let body = match step {
        Step::Supersede => named("supersede"),
        Step::Check => named("check"),
        Step::Identified(said) if has(Rail::Flexiti) => object(&[
            ("step", "identified".into()),
            ("widget_session_id", said.widget_session_id.as_str().into()),
            ("account_number", said.account_number.as_str().into()),
        ]),
        Step::NotIdentified(said) if has(Rail::Flexiti) => object(&[
            ("step", "not_identified".into()),
            ("end", said.end.advice().name().into()),
        ]),
        Step::Finance(choice) if has(Rail::Flexiti) => {
            let body = named("finance");
            match choice {
                FinancingChoice::Regular {} => put(&body, "by", &"regular".into()),
                FinancingChoice::Plan { plan, months } => {
                    put(&body, "by", &"plan".into());
                    put(&body, "plan", &plan.as_str().into());
                    put(&body, "months", &(*months).into());
                }
            }
            body
        }
        // Of a rail that this build has not.
        Step::Identified(_) | Step::NotIdentified(_) | Step::Finance(_) => return None,
    };
    written(&body)
}

fn written(body: &Object) -> Option<String> {
    JSON::stringify(body).ok()?.as_string()
}

/// A plain object.
#[must_use]
pub fn object(members: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in members {
        put(&object, name, value);
    }
    object
}

/// Sets a member of a plain object.
pub fn put(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

fn get(json: &JsValue, name: &str) -> JsValue {
    // Where it throws, as for anything but an object, the bindings lose a place in their table.
    if !json.is_object() {
        return JsValue::UNDEFINED;
    }
    Reflect::get(json, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

fn text(json: &JsValue, name: &str) -> Option<String> {
    get(json, name).as_string()
}

fn flag(json: &JsValue, name: &str) -> bool {
    get(json, name).is_truthy()
}

fn number(json: &JsValue, name: &str) -> Option<u64> {
    whole(&get(json, name))
}

fn small(json: &JsValue, name: &str) -> Option<u8> {
    u8::read(&get(json, name))
}

fn points(json: &JsValue) -> Option<u32> {
    number(json, "basis_points").and_then(|points| u32::try_from(points).ok())
}

fn brand(json: &JsValue) -> Option<Brand> {
    Brand::from_name(&text(json, "brand")?)
}

fn list<T: Read>(json: &JsValue, name: &str) -> Vec<T> {
    let items = get(json, name);
    if !Array::is_array(&items) {
        return Vec::new();
    }
    Array::from(&items)
        .iter()
        .filter_map(|item| T::read(&item))
        .collect()
}

fn whole(json: &JsValue) -> Option<u64> {
    let number = json.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "compared right after"
    )]
    let whole = number as u64;
    #[expect(clippy::cast_precision_loss, reason = "what was rounded is refused")]
    (whole as f64 == number && (0.0..=LARGEST_EXACT).contains(&number)).then_some(whole)
}

/// 2⁵³ − 1: above it a JSON number has lost digits in the browser.
const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;
