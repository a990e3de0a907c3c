//! Paying with a code that the buyer's wallet shows.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Object, Promise, Reflect};
use serde_json::Value;
use ventanilla::locale::{LANGUAGES, Texts};
use ventanilla_core::api::{AttemptView, CheckoutView, ReceiptView};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::flux::{FluxOffer, TipPolicy, WalletAdvice};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{HtmlElement, HtmlInputElement};

use crate::stage::{READER, Stage, attempt, checkout, document, offer, ok, send_event, window};

/// Made up, in the shape that wallets' codes have.
const CODE: &str = "Zm9vK2Jhci9iYXo5MDIxNDUyMzY3ODkw";

fn texts() -> &'static Texts {
    LANGUAGES.iter().find(|texts| texts.tag == "es-MX").unwrap()
}

fn pesos(centavos: u64) -> Money {
    Money::from_minor(centavos, Currency::MXN).unwrap()
}

fn view(tips: bool, attempt: Option<AttemptView>) -> CheckoutView {
    CheckoutView {
        total: pesos(25_000),
        rails: vec![Rail::Flux],
        card: None,
        flux: Some(FluxOffer {
            tip: tips.then(|| TipPolicy {
                percents: vec![10, 15, 20],
                cap_percent: 100,
                confirm_percent: 30,
            }),
        }),
        ..checkout(offer(), attempt)
    }
}

fn charge(state: AttemptState) -> AttemptView {
    AttemptView {
        rail: Rail::Flux,
        advice: None,
        wallet_advice: (state == AttemptState::Declined).then_some(WalletAdvice::InsufficientFunds),
        ..attempt("a", state)
    }
}

async fn stage(tips: bool) -> Stage {
    Stage::open_in("es-MX", Some(ok(&view(tips, None)))).await
}

fn pick(stage: &Stage, label: &str) {
    let rows = document().query_selector_all("label.vt-row").unwrap();
    let row = (0..rows.length())
        .map(|at| rows.get(at).unwrap().unchecked_into::<HtmlElement>())
        .find(|row| row.text_content().unwrap().starts_with(label))
        .unwrap_or_else(|| panic!("no row says {label}; the page reads: {}", stage.text()));
    row.click();
}

fn pay_button(stage: &Stage) -> String {
    stage
        .find(".vt-pay .vt-label")
        .unwrap()
        .text_content()
        .unwrap()
}

/// What was sent, as soon as it is.
async fn sent(stage: &Stage) -> Value {
    stage
        .until("the start", |stage| !stage.starts().is_empty())
        .await;
    let body: Value = serde_json::from_str(&stage.starts()[0].body).unwrap();
    assert_eq!(body["rail"], "flux");
    body["flux"].clone()
}

/// Something of the browser's, replaced until it is dropped.
struct Replaced(Object, &'static str);

impl Replaced {
    fn new(target: impl AsRef<JsValue>, name: &'static str, value: &JsValue) -> Self {
        let target: Object = target.as_ref().clone().unchecked_into();
        let property = Object::new();
        Reflect::set(&property, &"value".into(), value).unwrap();
        Reflect::set(&property, &"configurable".into(), &true.into()).unwrap();
        Object::define_property(&target, &name.into(), &property);
        Self(target, name)
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        Reflect::delete_property(&self.0, &self.1.into()).unwrap();
    }
}

/// A browser whose camera gives `answer`.
fn camera(answer: impl Fn() -> Promise + 'static) -> Replaced {
    let open = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |_| answer());
    let devices = Object::new();
    Reflect::set(&devices, &"getUserMedia".into(), &open.into_js_value()).unwrap();
    let none =
        Closure::<dyn FnMut() -> Promise>::new(|| Promise::resolve(&JsValue::from(Array::new())));
    Reflect::set(&devices, &"enumerateDevices".into(), &none.into_js_value()).unwrap();
    Replaced::new(window().navigator(), "mediaDevices", &devices)
}

fn refusing(name: &'static str) -> Replaced {
    camera(move || {
        let error = Object::new();
        Reflect::set(&error, &"name".into(), &name.into()).unwrap();
        Promise::reject(&error)
    })
}

/// A camera that films an empty canvas, and every stream that it gave.
fn filming() -> (Replaced, Rc<RefCell<Vec<JsValue>>>) {
    let streams: Rc<RefCell<Vec<JsValue>>> = Rc::default();
    let given = Rc::clone(&streams);
    let camera = camera(move || {
        let canvas = document().create_element("canvas").unwrap();
        let context: js_sys::Function = get(&canvas, "getContext").unchecked_into();
        let context = context.call1(&canvas, &"2d".into()).unwrap();
        let capture: js_sys::Function = get(&canvas, "captureStream").unchecked_into();
        let stream = capture.call1(&canvas, &30.into()).unwrap();
        // A stream begins with the first thing drawn.
        let draw: js_sys::Function = get(&context, "fillRect").unchecked_into();
        draw.call4(&context, &0.into(), &0.into(), &9.into(), &9.into())
            .unwrap();
        given.borrow_mut().push(stream.clone());
        Promise::resolve(&stream)
    });
    (camera, streams)
}

fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap()
}

fn lit(streams: &RefCell<Vec<JsValue>>) -> usize {
    let live = |stream: &JsValue| {
        let tracks: js_sys::Function = get(stream, "getTracks").unchecked_into();
        Array::from(&tracks.call0(stream).unwrap())
            .iter()
            .any(|track| get(&track, "readyState") == "live")
    };
    streams
        .borrow()
        .iter()
        .filter(|stream| live(stream))
        .count()
}

/// Something that finds `text` in every picture, or fails at each.
fn reader(text: Option<&'static str>) -> Replaced {
    let read = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |_| match text {
        Some(text) => Promise::resolve(&JsValue::from(text)),
        None => Promise::reject(&"broken".into()),
    });
    let close = Closure::<dyn FnMut()>::new(|| ());
    let reader = Object::new();
    Reflect::set(&reader, &"read".into(), &read.into_js_value()).unwrap();
    Reflect::set(&reader, &"close".into(), &close.into_js_value()).unwrap();
    Replaced::new(window(), READER, &reader)
}

#[wasm_bindgen_test]
async fn the_tip_comes_first_and_stands_in_the_total_before_anything_is_read() {
    let stage = stage(true).await;
    assert_eq!(pay_button(&stage), "Continuar con $250.00");
    assert!(stage.find("input:checked").is_none(), "nothing is chosen");
    stage.submit();
    stage.until_text(texts().flux_tip_missing).await;
    pick(&stage, "15");
    assert_eq!(pay_button(&stage), "Continuar con $287.50");
    let _camera = refusing("NotFoundError");
    stage.submit();
    stage
        .until("the code's turn", |stage| {
            pay_button(stage) == "Pagar $287.50"
        })
        .await;
    for shown in ["$250.00", "$37.50", "$287.50"] {
        assert!(
            stage
                .find(".vt-sums")
                .unwrap()
                .text_content()
                .unwrap()
                .contains(shown)
        );
    }
    stage.type_into(texts().flux_code, CODE);
    stage.submit();
    let flux = sent(&stage).await;
    assert_eq!(
        (flux["code"].as_str(), flux["tip_minor"].as_u64()),
        (Some(CODE), Some(3_750))
    );
    assert_eq!(
        stage.field(texts().flux_code).value(),
        "",
        "the field is empty"
    );
    assert!(!stage.told("change").is_empty());
    for event in stage.events.borrow().iter() {
        assert!(!event.1.to_string().contains(CODE), "no event has the code");
    }
}

#[wasm_bindgen_test]
async fn a_large_tip_is_asked_about_once() {
    let stage = stage(true).await;
    pick(&stage, texts().flux_tip_own);
    stage.type_into(texts().flux_tip_amount, "100");
    stage.submit();
    stage.until_text("$100.00 es más del 30").await;
    stage.press("Sí, dejar $100.00");
    stage
        .until("the code's turn", |stage| {
            pay_button(stage) == "Pagar $350.00"
        })
        .await;
    stage.press(texts().flux_tip_change);
    assert_eq!(pay_button(&stage), "Continuar con $350.00");
    stage.submit();
    stage
        .until("no second question", |stage| {
            pay_button(stage) == "Pagar $350.00"
        })
        .await;
}

#[wasm_bindgen_test]
async fn without_tips_the_code_is_the_first_step() {
    let stage = stage(false).await;
    assert_eq!(pay_button(&stage), "Pagar $250.00");
    stage.type_into(texts().flux_code, CODE);
    stage.submit();
    assert_eq!(sent(&stage).await["tip_minor"], 0);
}

#[wasm_bindgen_test]
async fn each_refusal_of_the_camera_says_what_to_do() {
    for (name, said) in [
        ("NotAllowedError", texts().flux_denied),
        ("NotFoundError", texts().flux_missing),
        ("NotReadableError", texts().flux_in_use),
        ("OverconstrainedError", texts().flux_missing),
        ("SomethingElse", texts().flux_broken),
    ] {
        let _camera = refusing(name);
        let stage = stage(false).await;
        stage.press(texts().flux_open_camera);
        stage.until_text(said).await;
        assert!(stage.announced().contains(said), "{name} is read aloud");
        assert!(
            !stage.field(texts().flux_code).read_only(),
            "{name}: the field is there"
        );
    }
    let _none = Replaced::new(window().navigator(), "mediaDevices", &JsValue::UNDEFINED);
    let stage = stage(false).await;
    stage.press(texts().flux_open_camera);
    stage.until_text(texts().flux_insecure).await;
}

#[wasm_bindgen_test]
async fn what_the_camera_sees_is_charged_at_once_and_the_camera_is_off() {
    let (_camera, streams) = filming();
    let _reader = reader(Some(CODE));
    let stage = stage(false).await;
    stage.press(texts().flux_open_camera);
    assert_eq!(sent(&stage).await["code"], CODE);
    assert_eq!((streams.borrow().len(), lit(&streams)), (1, 0));
    assert_eq!(stage.starts().len(), 1, "once");
}

#[wasm_bindgen_test]
async fn a_wrong_code_is_named_and_the_camera_stays_on_until_the_checkout_goes() {
    let (_camera, streams) = filming();
    let _reader = reader(Some("https://example.mx/menu"));
    let stage = stage(false).await;
    stage.press(texts().flux_open_camera);
    stage.until_text(texts().flux_code_address).await;
    assert_eq!(lit(&streams), 1);
    assert!(stage.starts().is_empty());
    drop(stage);
    assert_eq!(lit(&streams), 0);
}

#[wasm_bindgen_test]
async fn where_nothing_can_read_pictures_the_camera_goes_off_and_the_code_can_be_typed() {
    let (_camera, streams) = filming();
    for broken in [None, Some(reader(None))] {
        let stage = stage(false).await;
        stage.press(texts().flux_open_camera);
        stage.until_text(texts().flux_no_decoder).await;
        assert_eq!(lit(&streams), 0);
        stage.type_into(texts().flux_code, CODE);
        stage.submit();
        sent(&stage).await;
        drop(broken);
    }
}

#[wasm_bindgen_test]
async fn what_is_no_code_stays_in_the_page() {
    let stage = stage(false).await;
    for (typed, said) in [
        ("", texts().flux_code_missing),
        ("https://example.mx", texts().flux_code_address),
        ("abc def", texts().flux_code_spaces),
        ("0000003100012345678901", texts().flux_code_account),
        ("código", texts().flux_code_foreign),
    ] {
        stage.field(texts().flux_code).set_value("");
        stage.type_into(texts().flux_code, typed);
        stage.submit();
        assert_eq!(stage.below(texts().flux_code), said, "{typed:?}");
    }
    assert!(stage.starts().is_empty());
}

#[wasm_bindgen_test]
async fn after_a_refusal_the_wallet_is_to_show_a_new_code() {
    let stage = stage(false).await;
    stage.answer_start(ok(&charge(AttemptState::Declined)));
    stage.type_into(texts().flux_code, CODE);
    stage.submit();
    stage.until_text(texts().flux_advice_funds).await;
    stage.press(texts().flux_new_code);
    stage
        .until("the form", |stage| stage.find(".vt-reader").is_some())
        .await;
    stage.type_into(texts().flux_code, CODE);
    stage.submit();
    assert_eq!(stage.below(texts().flux_code), texts().flux_code_again);
    assert_eq!(stage.starts().len(), 1);
}

#[wasm_bindgen_test]
async fn a_shop_that_stops_the_payment_has_not_used_the_code() {
    let stage = stage(false).await;
    stage.verdict.set(false);
    stage.type_into(texts().flux_code, CODE);
    stage.submit();
    stage
        .until("the shop's word", |stage| !stage.told("submit").is_empty())
        .await;
    stage
        .until("the form", |stage| {
            !stage.field(texts().flux_code).read_only()
        })
        .await;
    stage.verdict.set(true);
    stage.submit();
    assert_eq!(sent(&stage).await["code"], CODE);
}

#[wasm_bindgen_test]
async fn a_receipt_has_bill_tip_and_total() {
    let stage = stage(true).await;
    pick(&stage, "10");
    let _camera = refusing("NotFoundError");
    stage.submit();
    stage.answer_start(ok(&AttemptView {
        receipt: Some(ReceiptView {
            paid: pesos(27_500),
            tip: Some(pesos(2_500)),
            brand: None,
            last4: None,
            installments: None,
            card_saved: false,
            ..attempt("a", AttemptState::Succeeded).receipt.unwrap()
        }),
        ..charge(AttemptState::Succeeded)
    }));
    stage.type_into(texts().flux_code, CODE);
    stage.submit();
    stage
        .until("the receipt", |stage| stage.find(".vt-done").is_some())
        .await;
    let text = stage.text();
    for shown in ["Cuenta", "$250.00", "Propina", "$25.00", "Total", "$275.00"] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
}

#[wasm_bindgen_test]
async fn the_field_has_no_name_and_nothing_is_filled_in_or_kept() {
    let stage = stage(false).await;
    let field: HtmlInputElement = stage.field(texts().flux_code);
    for (attribute, value) in [
        ("name", None),
        ("autocomplete", Some("off")),
        ("spellcheck", Some("false")),
        ("autocapitalize", Some("off")),
    ] {
        assert_eq!(
            field.get_attribute(attribute).as_deref(),
            value,
            "{attribute}"
        );
    }
    let file = document()
        .query_selector("input[type=file]")
        .unwrap()
        .unwrap();
    assert_eq!(file.get_attribute("accept").as_deref(), Some("image/*"));
    assert!(!file.has_attribute("capture"), "it would hide the gallery");
    stage.type_into(texts().flux_code, CODE);
    send_event(&document().body().unwrap(), "nothing");
    assert!(
        !document()
            .document_element()
            .unwrap()
            .outer_html()
            .contains(CODE)
    );
}
