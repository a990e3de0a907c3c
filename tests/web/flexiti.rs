//! Financing a purchase: who the buyer is, the provider's page, and a plan.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Function;
use serde_json::{Value, json};
use ventanilla::locale::LANGUAGES;
use ventanilla::rails::flexiti::{SANDBOX, dashed};
use ventanilla_core::api::{AttemptView, CheckoutView};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flexiti::{
    Fee, FinancedCredit, FinancedPlan, FinancedView, FinancingAdvice, FinancingOffers,
    FinancingPlan, FlexitiOffer, HostedPage, IdentificationKind, PostalAddress, Rate,
    RegularPurchase,
};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{
    Element, HtmlIFrameElement, HtmlInputElement, HtmlSelectElement, MessageEvent, MessageEventInit,
};

use crate::stage::{
    Answer, Seen, Stage, attempt, checkout, document, offer, ok, problem, send_event, window,
};

// A port on which nothing listens: the page need not be there, only its window.
const ORIGIN: &str = "http://127.0.0.1:1";
const SESSION: &str = "11111111-2222-4333-8444-555555555555";
const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";
const DISCLOSURE: &str = "<b>Taux annuel</b> & frais : voir « l’entente ».";

fn dollars(minor: u64) -> Money {
    Money::from_minor(minor, Currency::CAD).unwrap()
}

fn session(attempt: Option<AttemptView>) -> CheckoutView {
    CheckoutView {
        total: dollars(100_000),
        rails: vec![Rail::Flexiti],
        card: None,
        flexiti: Some(FlexitiOffer {
            identifications: IdentificationKind::ALL.to_vec(),
            billing: None,
            shipping: None,
        }),
        ..checkout(offer(), attempt)
    }
}

fn known() -> PostalAddress {
    PostalAddress {
        first_name: String::new(),
        last_name: String::new(),
        line1: "1 Example Street".into(),
        line2: "Unit 2".into(),
        city: "Toronto".into(),
        province: "ON".into(),
        postal_code: "M5V 3L9".into(),
    }
}

fn bare(state: AttemptState) -> AttemptView {
    AttemptView {
        rail: Rail::Flexiti,
        advice: None,
        ..attempt("at_1", state)
    }
}

fn at_the_page() -> AttemptView {
    AttemptView {
        next_action: NextAction::Identify,
        hosted_page: Some(HostedPage {
            address: format!("{ORIGIN}/#/widget/shop/{TOKEN}?lang=en&widget_session_id={SESSION}"),
            origin: ORIGIN.into(),
            expires_in_ms: 1_200_000,
        }),
        ..bare(AttemptState::Prepared)
    }
}

fn with_offers() -> AttemptView {
    let message = Some(String::from(DISCLOSURE));
    AttemptView {
        next_action: NextAction::Choose,
        offers: Some(FinancingOffers {
            regular: Some(RegularPurchase {
                amount: dollars(100_000),
                basis_points: Some(3_099),
                fees: vec![],
            }),
            plans: vec![FinancingPlan {
                plan: "4".into(),
                name: "Plan <i>Exemple</i>".into(),
                months: 6,
                monthly: dollars(17_156),
                fees: vec![Fee {
                    description: "Administrative fees:".into(),
                    amount: dollars(5_000),
                    message: message.clone(),
                }],
                rates: vec![Rate {
                    description: String::new(),
                    basis_points: 999,
                    message,
                }],
            }],
            expires_in_ms: 900_000,
        }),
        ..bare(AttemptState::Prepared)
    }
}

fn over(advice: FinancingAdvice) -> AttemptView {
    AttemptView {
        financing_advice: Some(advice),
        ..bare(AttemptState::NotExecuted)
    }
}

/// A checkout in Canadian English.
async fn open(view: &CheckoutView) -> Stage {
    Stage::open_in("en-CA", Some(ok(view))).await
}

/// A page that is loaded while an attempt waits for its buyer, with every timer a hundred times as fast.
async fn waiting(view: AttemptView) -> Stage {
    let stage = Stage::set("en-CA", Some(ok(&session(Some(view)))), 100);
    stage.answer_read(Answer::Silence);
    stage
        .until("the screen", |stage| stage.find(".vt-title").is_some())
        .await;
    stage
}

fn choose_by(stage: &Stage, text: &str) {
    let rows = stage.root.query_selector_all(".vt-row").unwrap();
    let row: Element = (0..rows.length())
        .map(|index| rows.get(index).unwrap().unchecked_into::<Element>())
        .find(|row| row.text_content().unwrap().contains(text))
        .unwrap();
    let radio: HtmlInputElement = row
        .query_selector("input")
        .unwrap()
        .unwrap()
        .unchecked_into();
    radio.click();
}

fn choose_province(stage: &Stage, value: &str) {
    let select: HtmlSelectElement = stage.field("Province").unchecked_into();
    select.set_value(value);
    send_event(&select, "change");
}

fn fill_address(stage: &Stage) {
    stage.type_into("First name", "Test");
    stage.type_into("Last name", "Shopper");
    stage.type_into("Street and number", "1 Example Street");
    stage.type_into("City", "Toronto");
    stage.type_into("Postal code", "m5v3l9");
    choose_province(stage, "ON");
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

fn frame(stage: &Stage) -> HtmlIFrameElement {
    stage.find("iframe").unwrap().unchecked_into()
}

/// What arrives when the page, or somebody who would be it, posts a message.
fn arrives(data: &Value, origin: &str, source: Option<&JsValue>) {
    let init = MessageEventInit::new();
    let data = js_sys::JSON::parse(&data.to_string()).unwrap();
    init.set_data(&data);
    init.set_origin(origin);
    if let Some(source) = source {
        js_sys::Reflect::set(&init, &"source".into(), source).unwrap();
    }
    let event = MessageEvent::new_with_event_init_dict("message", &init).unwrap();
    window().dispatch_event(&event).unwrap();
}

fn success(account: &Value, verified: bool, action: &Value, session: &str) -> Value {
    json!({
        "eventType": "flx-success",
        "eventData": {
            "accountNumber": account, "verified": verified, "action": action,
            "mfaOptionSelected": "sms", "widget_session_id": session,
        },
    })
}

fn good() -> Value {
    success(&json!(10_000_001), true, &json!("purchase"), SESSION)
}

#[wasm_bindgen_test]
fn a_date_is_typed_with_and_without_its_hyphens() {
    for (typed, expected) in [
        ("19900131", "1990-01-31"),
        ("1990-01-31", "1990-01-31"),
        (" 1990/1/31 ", "1990-01-31"),
        ("1990 01 31", "1990-01-31"),
        ("1990.1.1", "1990-01-01"),
        ("31-01-1990", "31-01-1990"),
        ("1990-1", "1990-1"),
        ("199001", "199001"),
        ("1990-Jan-31", "1990-Jan-31"),
        ("1990-٠١-31", "1990-٠١-31"),
        ("", ""),
    ] {
        assert_eq!(dashed(typed), expected, "{typed:?}");
    }
}

#[wasm_bindgen_test]
async fn who_the_buyer_is_goes_into_the_start_and_out_of_the_fields() {
    let stage = open(&session(None)).await;
    choose_by(&stage, "date of birth");
    fill_address(&stage);
    stage.type_into("Date of birth", "19900131");
    stage.leave("Date of birth");
    assert_eq!(stage.field("Date of birth").value(), "1990-01-31");
    assert_eq!(stage.told("change").last().unwrap()["complete"], true);
    stage.answer_start(ok(&at_the_page()));
    stage.answer_read(Answer::Silence);
    stage.submit();
    stage.until_text("Confirm with Flexiti").await;
    let start = body(&stage.starts()[0]);
    assert_eq!(
        start,
        json!({
            "rail": "flexiti",
            "flexiti": {
                "identification": {
                    "by": "person", "first_name": "Test", "last_name": "Shopper",
                    "birth_date": "1990-01-31", "postal_code": "M5V 3L9",
                },
                "billing": {
                    "first_name": "Test", "last_name": "Shopper", "line1": "1 Example Street",
                    "line2": "", "city": "Toronto", "province": "ON", "postal_code": "M5V 3L9",
                },
                "language": "en",
            },
        })
    );
    for label in ["First name", "Last name", "Date of birth", "Postal code"] {
        assert_eq!(stage.field(label).value(), "", "{label}");
    }
    let markup = document().document_element().unwrap().outer_html();
    for typed in ["1990-01-31", "Shopper", "M5V 3L9"] {
        assert!(!markup.contains(typed), "{typed} stands in the markup");
    }
    let storage = window().session_storage().unwrap().unwrap();
    assert_eq!(storage.length().unwrap(), 0, "answered: nothing is kept");
}

#[wasm_bindgen_test]
async fn by_account_neither_a_date_of_birth_is_asked_for_nor_sent() {
    let stage = open(&session(None)).await;
    fill_address(&stage);
    assert!(
        stage
            .field("Date of birth")
            .closest("[hidden]")
            .unwrap()
            .is_some()
    );
    stage.type_into("Flexiti account number", "1000 0001");
    stage.answer_start(Answer::Silence);
    stage.submit();
    stage
        .until("the start", |stage| !stage.starts().is_empty())
        .await;
    let start = body(&stage.starts()[0]);
    assert_eq!(
        start["flexiti"]["identification"],
        json!({ "by": "account", "account_number": "10000001" })
    );
    // Held still, and visible, until it is answered.
    assert!(stage.field("Flexiti account number").read_only());
    stage.submit();
    assert_eq!(stage.starts().len(), 1);
}

#[wasm_bindgen_test]
async fn mistakes_are_said_where_they_are_and_counted() {
    let stage = open(&session(None)).await;
    choose_by(&stage, "date of birth");
    for (label, typed, said) in [
        (
            "Date of birth",
            "2010-01-31",
            "Financing is for people of 18 or older",
        ),
        (
            "Date of birth",
            "1990-02-30",
            "There is no such day: check month and day",
        ),
        (
            "Date of birth",
            "31.1.90",
            "Write year, month and day, as in 1990-01-31",
        ),
        ("Date of birth", "1890-01-31", "Check the year"),
        ("Postal code", "90210", "As in A1A 1A1"),
    ] {
        stage.field(label).set_value("");
        stage.type_into(label, typed);
        stage.leave(label);
        assert_eq!(stage.below(label), said, "{typed}");
    }
    stage.submit();
    assert_eq!(stage.announced(), "7 entries need correcting");
    let active = document().active_element().unwrap();
    assert_eq!(active.id(), stage.field("First name").id());
    assert!(stage.text().contains("Choose one"));
    // It turns right, and says so at once.
    choose_province(&stage, "QC");
    assert!(!stage.text().contains("Choose one"));
    assert!(stage.starts().is_empty());
}

#[wasm_bindgen_test]
async fn what_the_shop_knows_is_there_and_where_it_delivers_is_said_and_sent() {
    let mut elsewhere = known();
    elsewhere.line1 = "9 Other Street".into();
    elsewhere.line2.clear();
    let mut view = session(None);
    view.flexiti = Some(FlexitiOffer {
        identifications: vec![IdentificationKind::Person],
        billing: Some(known()),
        shipping: Some(elsewhere),
    });
    let stage = open(&view).await;
    assert!(
        stage.find("input[type=radio]").is_none(),
        "nothing to choose"
    );
    assert_eq!(stage.field("Street and number").value(), "1 Example Street");
    assert_eq!(stage.field("Postal code").value(), "M5V 3L9");
    assert!(
        stage
            .text()
            .contains("Delivered to: 9 Other Street, Toronto ON M5V 3L9")
    );
    stage.type_into("First name", "Test");
    stage.type_into("Last name", "Shopper");
    stage.type_into("Date of birth", "1990-01-31");
    stage.answer_start(Answer::Silence);
    stage.submit();
    stage
        .until("the start", |stage| !stage.starts().is_empty())
        .await;
    let start = &body(&stage.starts()[0])["flexiti"];
    assert_eq!(start["shipping"]["line1"], "9 Other Street");
    assert_eq!(start["shipping"]["first_name"], "Test");
    assert_eq!(start["billing"]["line2"], "Unit 2");
}

#[wasm_bindgen_test]
async fn the_page_stands_in_a_frame_at_its_address_and_may_not_move_the_shop() {
    let stage = waiting(at_the_page()).await;
    let frame = frame(&stage);
    let address = at_the_page().hosted_page.unwrap().address.clone();
    assert_eq!(frame.get_attribute("src"), Some(address));
    assert_eq!(frame.get_attribute("sandbox").as_deref(), Some(SANDBOX));
    assert!(!SANDBOX.contains("top-navigation"));
    assert_eq!(
        frame.get_attribute("title").as_deref(),
        Some("Flexiti: confirm your identity")
    );
    assert!(stage.text().contains("Expires in "));
    assert_eq!(stage.told("action")[0]["action"], "identify");
    assert!(!format!("{:?}", stage.events.borrow()).contains(TOKEN));
}

#[wasm_bindgen_test]
async fn only_the_frames_own_words_about_its_own_session_are_heard() {
    let stage = waiting(at_the_page()).await;
    stage.answer_step(ok(&with_offers()));
    let own: JsValue = frame(&stage).content_window().unwrap().into();
    let other = document().create_element("iframe").unwrap();
    document().body().unwrap().append_child(&other).unwrap();
    let other_frame: &HtmlIFrameElement = other.unchecked_ref();
    let stranger: JsValue = other_frame.content_window().unwrap().into();
    let shop: JsValue = window().into();
    // Each of another account, so that what is sent in the end tells which was believed.
    let forged = |account: u32| success(&json!(account), true, &json!("purchase"), SESSION);
    for (account, source) in [(66, None), (67, Some(&stranger)), (68, Some(&shop))] {
        arrives(&forged(account), ORIGIN, source);
    }
    for (account, origin) in [
        (71, "http://127.0.0.1:10"),
        (72, "https://127.0.0.1:1"),
        (73, "http://127.0.0.1:1/"),
        (74, "null"),
        (75, ""),
    ] {
        arrives(&forged(account), origin, Some(&own));
    }
    let elsewhere = success(
        &json!(10_000_001),
        true,
        &json!("purchase"),
        "99999999-2222-4333-8444-555555555555",
    );
    for said in [
        elsewhere,
        json!({ "eventType": "flx-resize", "eventData": { "height": 700 } }),
        json!({ "type": "flx-success" }),
        json!("flx-success"),
        json!(null),
        json!([1, 2]),
    ] {
        arrives(&said, ORIGIN, Some(&own));
    }
    arrives(&good(), ORIGIN, Some(&own));
    arrives(&forged(69), ORIGIN, Some(&own));
    arrives(&json!({ "eventType": "flx-cancel" }), ORIGIN, Some(&own));
    stage.until_text("Choose how to pay it off").await;
    let steps = stage.sent("step");
    assert_eq!(steps.len(), 1, "one word counts");
    assert_eq!(
        body(&steps[0]),
        json!({ "step": "identified", "widget_session_id": SESSION, "account_number": "10000001" })
    );
    other.remove();
}

#[wasm_bindgen_test]
async fn nobody_listens_when_the_checkout_is_gone() {
    let heard = Heard::start();
    let mut stage = waiting(at_the_page()).await;
    assert_eq!(heard.count(), 1);
    stage.handle.unmount();
    assert_eq!(heard.count(), 0);
    drop(stage);
    let stage = waiting(at_the_page()).await;
    let own: JsValue = frame(&stage).content_window().unwrap().into();
    stage.answer_step(ok(&with_offers()));
    arrives(&good(), ORIGIN, Some(&own));
    stage.until_text("Choose how to pay it off").await;
    assert_eq!(heard.count(), 0, "nor when another screen has come");
}

/// Counts who listens to the window's messages, until it is dropped.
struct Heard {
    count: Rc<Cell<i32>>,
    before: Vec<(&'static str, JsValue)>,
}

impl Heard {
    fn start() -> Self {
        let count: Rc<Cell<i32>> = Rc::default();
        let mut before = Vec::new();
        for (name, change) in [("addEventListener", 1), ("removeEventListener", -1)] {
            let real = js_sys::Reflect::get(&window(), &name.into()).unwrap();
            let (counted, deed): (_, Function) = (Rc::clone(&count), real.clone().unchecked_into());
            let counting =
                Closure::<dyn FnMut(JsValue, JsValue)>::new(move |kind: JsValue, listener| {
                    if kind.as_string().as_deref() == Some("message") {
                        counted.set(counted.get() + change);
                    }
                    deed.call2(&window(), &kind, &listener).unwrap();
                });
            js_sys::Reflect::set(&window(), &name.into(), &counting.into_js_value()).unwrap();
            before.push((name, real));
        }
        Self { count, before }
    }

    fn count(&self) -> i32 {
        self.count.get()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        for (name, real) in self.before.drain(..) {
            js_sys::Reflect::set(&window(), &name.into(), &real).unwrap();
        }
    }
}

#[wasm_bindgen_test]
async fn each_end_of_the_page_is_sent_as_what_it_is() {
    for (said, end) in [
        (
            success(&json!(10_000_001), false, &json!("purchase"), SESSION),
            "unverified",
        ),
        (
            success(&json!(null), false, &json!("activation"), SESSION),
            "activate",
        ),
        (
            success(&json!(null), false, &json!("apply"), SESSION),
            "apply",
        ),
        (
            success(&json!(null), false, &json!(null), SESSION),
            "bad_standing",
        ),
        (
            success(&json!(null), false, &json!("retry"), SESSION),
            "retry",
        ),
        // More digits than a number of the browser's holds.
        (
            success(&json!(1e30), true, &json!("purchase"), SESSION),
            "retry",
        ),
        (
            json!({ "eventType": "flx-failure", "eventData": { "error": 500, "message": "x" } }),
            "failure",
        ),
        (
            json!({ "eventType": "flx-failure", "error": 500 }),
            "failure",
        ),
        (json!({ "eventType": "flx-cancel" }), "cancelled"),
    ] {
        let stage = waiting(at_the_page()).await;
        let own: JsValue = frame(&stage).content_window().unwrap().into();
        stage.answer_step(Answer::Silence);
        arrives(&said, ORIGIN, Some(&own));
        stage
            .until("the step", |stage| !stage.sent("step").is_empty())
            .await;
        let step = body(&stage.sent("step")[0]);
        assert_eq!(step["end"].as_str().unwrap_or(""), end, "{said}");
    }
}

#[wasm_bindgen_test]
async fn offers_are_shown_with_their_costs_and_disclosures_as_they_came() {
    let stage = waiting(with_offers()).await;
    let text = stage.text();
    for expected in [
        "6 monthly payments of $171.56",
        "Plan <i>Exemple</i>",
        "Administrative fees:",
        "$50.00",
        "Annual interest rate",
        "9.99%",
        "30.99%",
        "Regular purchase",
        "Finance $1,000.00",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let shown = stage.root.query_selector_all(".vt-terms p").unwrap();
    let first: Element = shown.get(0).unwrap().unchecked_into();
    assert_eq!(first.text_content().unwrap(), DISCLOSURE);
    assert_eq!(first.get_attribute("lang").as_deref(), Some("en"));
    assert!(
        stage
            .root
            .query_selector(".vt-way i, .vt-way b")
            .unwrap()
            .is_none()
    );
    assert_eq!(stage.told("action")[0]["action"], "choose");
}

#[wasm_bindgen_test]
async fn a_pick_is_sent_once_and_frozen_while_it_is_on_its_way() {
    let stage = waiting(with_offers()).await;
    stage.press("Finance $1,000.00");
    assert!(stage.text().contains("Choose one of them first."));
    assert!(stage.sent("step").is_empty());
    choose_by(&stage, "6 monthly");
    assert!(!stage.text().contains("Choose one of them first."));
    stage.answer_step(Answer::Silence);
    // Before the first press has changed anything that can be seen.
    stage.press("Finance $1,000.00");
    stage.press("Finance $1,000.00");
    stage.until_text("Asking Flexiti…").await;
    stage.press("Asking Flexiti…");
    stage
        .until("the step", |stage| !stage.sent("step").is_empty())
        .await;
    let steps = stage.sent("step");
    assert_eq!(steps.len(), 1);
    assert_eq!(
        body(&steps[0]),
        json!({ "step": "finance", "by": "plan", "plan": "4", "months": 6 })
    );
    assert!(stage.find("input[type=radio]:not(:disabled)").is_none());
}

#[wasm_bindgen_test]
async fn a_pick_that_is_turned_away_says_why_and_keeps_the_choice() {
    let stage = waiting(with_offers()).await;
    stage.answer_step(problem(ProblemCode::ProviderUnavailable, None));
    choose_by(&stage, "Regular");
    stage.press("Finance $1,000.00");
    stage.until_text("is not answering at the moment").await;
    assert!(stage.find("input[type=radio]:checked").is_some());
    stage.script.borrow_mut().step.clear();
    stage.answer_step(ok(&bare(AttemptState::Succeeded)));
    stage.press("Finance $1,000.00");
    stage.until_text("Flexiti approved your purchase").await;
    assert_eq!(stage.told("complete")[0]["outcome"], "captured");
}

#[wasm_bindgen_test]
async fn every_end_has_its_words_in_every_language_and_a_way_on() {
    for language in LANGUAGES {
        for advice in FinancingAdvice::ALL {
            let stage = Stage::set(language.tag, Some(ok(&session(Some(at_the_page())))), 100);
            stage.answer_read(Answer::Silence);
            stage
                .until("the page", |stage| stage.find("iframe").is_some())
                .await;
            let own: JsValue = frame(&stage).content_window().unwrap().into();
            stage.answer_step(ok(&over(advice)));
            arrives(&json!({ "eventType": "flx-cancel" }), ORIGIN, Some(&own));
            stage.until_text(language.nothing_financed).await;
            assert!(stage.find("iframe").is_none());
            stage.press(language.begin_again);
            stage.until_text(language.look_up_by).await;
        }
    }
}

/// A purchase that was financed by a plan over 6 months, or by the account's own terms.
fn financed(credit: FinancedCredit, by_plan: bool) -> AttemptView {
    let mut view = bare(AttemptState::Succeeded);
    let plan = FinancedPlan {
        months: 6,
        monthly: dollars(17_156),
    };
    let receipt = view.receipt.as_mut().unwrap();
    receipt.paid = dollars(100_000);
    receipt.last4 = None;
    receipt.financing = Some(FinancedView {
        plan: by_plan.then_some(plan),
        credit,
    });
    view
}

#[wasm_bindgen_test]
async fn the_receipt_says_how_it_is_paid_off_and_what_has_become_of_the_credit_in_every_language() {
    for language in LANGUAGES {
        for (credit, says) in [
            (FinancedCredit::Held, language.financed_held),
            (FinancedCredit::Captured, language.financed_text),
            (FinancedCredit::Released, language.financed_released),
        ] {
            let view = session(Some(financed(credit, true)));
            let stage = Stage::open_in(language.tag, Some(ok(&view))).await;
            let text = stage.text();
            assert!(text.contains(language.financed_title), "{text}");
            assert!(
                text.contains(&says.replace("{payee}", "Tienda Ejemplo")),
                "{text}"
            );
            let plan = language.monthly.replace("{n}", "6");
            let (before, _) = plan.split_once("{amount}").unwrap();
            assert!(
                text.contains(language.row_plan) && text.contains(before),
                "{text}"
            );
            assert!(text.contains("171"), "{text}");
            assert!(!text.contains('{'), "{text}");
            let outcome = match credit {
                FinancedCredit::Held | FinancedCredit::Released => "authorized",
                FinancedCredit::Captured => "captured",
            };
            assert_eq!(stage.told("complete")[0]["outcome"], outcome);
        }
        let view = session(Some(financed(FinancedCredit::Captured, false)));
        let stage = Stage::open_in(language.tag, Some(ok(&view))).await;
        assert!(stage.text().contains(language.regular));
    }
}

#[wasm_bindgen_test]
async fn where_only_a_frame_will_do_the_buyer_reads_what_to_do_in_every_language() {
    for language in LANGUAGES {
        let refused = problem(ProblemCode::FrameOnly, None);
        let stage = Stage::open_in(language.tag, Some(refused)).await;
        let says = language.trouble_frame.replace("{code}", "frame-only");
        assert!(stage.text().contains(&says), "{}", stage.text());
        assert!(
            !stage.text().contains(language.retry),
            "nothing to try again"
        );
        assert_eq!(stage.told("error")[0]["code"], "frame-only");
    }
}
