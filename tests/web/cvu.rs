//! Paying from a wallet or bank of one's own.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use serde_json::{Value, json};
use ventanilla::locale::LANGUAGES;
use ventanilla_core::api::AttemptView;
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::{CvuOffer, Presentation};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Element, HtmlElement, HtmlInputElement};

use crate::stage::{
    Answer, CODE, LINK, Seen, Stage, checkout, document, offer, ok, problem, send_event,
    wallet_attempt, wallet_checkout, window,
};

const SHOW: &str = "Ver cómo pagar $\u{a0}1.234,50";

fn issued(id: &str, presentation: Presentation) -> AttemptView {
    wallet_attempt(id, AttemptState::Issued, presentation)
}

/// A page that is loaded while something payable stands there, with every timer a hundred times as fast.
async fn standing(view: AttemptView) -> Stage {
    let stage = Stage::set("es-AR", Some(ok(&wallet_checkout(Some(view)))), 100);
    stage.answer_read(Answer::Silence);
    stage
        .until("the first screen", |stage| {
            stage.find(".vt-title").is_some()
        })
        .await;
    stage
}

async fn chooser() -> Stage {
    Stage::open_in("es-AR", Some(ok(&wallet_checkout(None)))).await
}

fn presentation_of(start: &Seen) -> Value {
    let body: Value = serde_json::from_str(&start.body).unwrap();
    assert_eq!(body["rail"], "cvu");
    body["cvu"]["presentation"].clone()
}

fn step_of(step: &Seen) -> String {
    let body: Value = serde_json::from_str(&step.body).unwrap();
    format!("{} {}", step.path, body["step"].as_str().unwrap())
}

/// Puts another property in the place of one of the browser's until it is dropped.
struct Replaced {
    target: Object,
    name: &'static str,
    before: JsValue,
}

impl Replaced {
    fn new(target: impl AsRef<JsValue>, name: &'static str, value: &JsValue) -> Self {
        let target: Object = target.as_ref().clone().unchecked_into();
        let before = Reflect::get_own_property_descriptor(&target, &name.into()).unwrap();
        let property = Object::new();
        Reflect::set(&property, &"value".into(), value).unwrap();
        Reflect::set(&property, &"configurable".into(), &true.into()).unwrap();
        Object::define_property(&target, &name.into(), &property);
        Self {
            target,
            name,
            before,
        }
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        if self.before.is_undefined() {
            Reflect::delete_property(&self.target, &self.name.into()).unwrap();
        } else {
            let before = self.before.unchecked_ref();
            Object::define_property(&self.target, &self.name.into(), before);
        }
    }
}

/// Makes the page's clock run a hundred times as fast, and what ticks by it.
fn hurry() -> [Replaced; 2] {
    let clock = window().performance().unwrap();
    let real: Function = Reflect::get(&clock, &"now".into())
        .unwrap()
        .unchecked_into();
    let of = clock.clone();
    let now = Closure::<dyn FnMut() -> f64>::new(move || {
        real.call0(&of).unwrap().as_f64().unwrap() * 100.0
    });
    let every: Function = Reflect::get(&window(), &"setInterval".into())
        .unwrap()
        .unchecked_into();
    let tick = Closure::<dyn FnMut(JsValue, i32) -> JsValue>::new(move |deed: JsValue, ms: i32| {
        every.call2(&window(), &deed, &(ms / 100).into()).unwrap()
    });
    [
        Replaced::new(clock, "now", &now.into_js_value()),
        Replaced::new(window(), "setInterval", &tick.into_js_value()),
    ]
}

/// A clipboard that keeps what it is given, or refuses it.
fn clipboard(refuses: bool) -> (Replaced, Rc<RefCell<Vec<String>>>) {
    let kept: Rc<RefCell<Vec<String>>> = Rc::default();
    let written = Rc::clone(&kept);
    let write = Closure::<dyn FnMut(String) -> Promise>::new(move |text| {
        if refuses {
            return Promise::reject(&"NotAllowedError".into());
        }
        written.borrow_mut().push(text);
        Promise::resolve(&JsValue::UNDEFINED)
    });
    let clipboard = Object::new();
    Reflect::set(&clipboard, &"writeText".into(), &write.into_js_value()).unwrap();
    let replaced = Replaced::new(window().navigator(), "clipboard", &clipboard);
    (replaced, kept)
}

/// The screen of a phone, or of a desktop.
fn screen(phone: bool) -> Replaced {
    let answer = Function::new_with_args("query", &format!("return {{ matches: {phone} }}"));
    Replaced::new(window(), "matchMedia", &answer)
}

/// What a phone's camera reads off the drawing: module by module, enlarged, through a reader that
/// has nothing in common with what drew it.
fn scan(drawn: &Element) -> String {
    const SCALE: usize = 4;
    let view_box = drawn.get_attribute("viewBox").unwrap();
    let side: usize = view_box.rsplit(' ').next().unwrap().parse().unwrap();
    let path = drawn.query_selector("path").unwrap().unwrap();
    let mut dark = vec![false; side * side];
    for run in path.get_attribute("d").unwrap().split_terminator('z') {
        let numbers: Vec<usize> = run
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        let [x, y, len, 1, back] = numbers[..] else {
            panic!("not a run of modules: {run}");
        };
        assert_eq!(len, back);
        assert!(
            (4..side - 4).contains(&x) && x + len <= side - 4 && (4..side - 4).contains(&y),
            "the quiet zone is empty"
        );
        dark[y * side + x..y * side + x + len].fill(true);
    }
    let pixels = side * SCALE;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, |x, y| {
        if dark[y / SCALE * side + x / SCALE] {
            0
        } else {
            255
        }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    let (meta, text) = grids[0].decode().unwrap();
    assert_eq!(meta.ecc_level, 0, "M, as the format bits write it");
    text
}

#[wasm_bindgen_test]
async fn a_code_is_drawn_as_it_came_and_has_a_name() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/emv_qr.json")).unwrap();
    let valid = vectors["valid"].as_array().unwrap();
    let payloads = valid.iter().filter_map(|one| one["payload"].as_str());
    let longest = "9".repeat(512);
    for text in payloads.chain([CODE, longest.as_str()]) {
        let mut view = issued("att_1", Presentation::Qr);
        view.payable.as_mut().unwrap().code = Some(text.into());
        let stage = standing(view).await;
        let drawn = stage.find("svg[role=img]").unwrap();
        assert_eq!(scan(&drawn), text);
        assert_eq!(drawn.query_selector_all("path").unwrap().length(), 1);
        assert_eq!(
            drawn
                .get_attribute("aria-label")
                .unwrap()
                .replace('\u{a0}', " "),
            "Código QR para pagar $ 1.234,50 a Tienda Ejemplo"
        );
    }
}

#[wasm_bindgen_test]
async fn a_code_is_dark_on_light_under_every_colour_scheme() {
    for scheme in ["light", "dark"] {
        let stage = standing(issued("att_1", Presentation::Qr)).await;
        let style = document().create_element("style").unwrap();
        style.set_text_content(Some(ventanilla::STYLES));
        document().head().unwrap().append_child(&style).unwrap();
        stage
            .find(".vt")
            .unwrap()
            .set_attribute("data-scheme", scheme)
            .unwrap();
        let drawn = stage.find(".vt-qr").unwrap();
        let seen = window().get_computed_style(&drawn).unwrap().unwrap();
        let value = |name: &str| seen.get_property_value(name).unwrap();
        assert_eq!(value("background-color"), "rgb(255, 255, 255)", "{scheme}");
        assert_eq!(value("fill"), "rgb(0, 0, 0)", "{scheme}");
        assert_eq!(value("forced-color-adjust"), "none");
        style.remove();
    }
}

#[wasm_bindgen_test]
async fn a_desktop_is_offered_the_code_first_and_a_phone_the_link() {
    for (phone, first) in [(false, "qr"), (true, "link")] {
        let _screen = screen(phone);
        let stage = chooser().await;
        stage.answer_start(Answer::Silence);
        stage.press(SHOW);
        stage
            .until("the start", |stage| !stage.starts().is_empty())
            .await;
        assert_eq!(presentation_of(&stage.starts()[0]), first);
    }
}

#[wasm_bindgen_test]
async fn a_buyer_gets_the_presentation_they_chose_and_the_page_is_told() {
    let stage = chooser().await;
    let rows = stage.root.query_selector_all(".vt-rows .vt-row").unwrap();
    let rows: Vec<Element> = (0..rows.length())
        .map(|index| rows.get(index).unwrap().unchecked_into())
        .collect();
    let row = rows
        .iter()
        .find(|row| row.text_content().unwrap().contains("Transferencia"))
        .unwrap();
    row.clone().unchecked_into::<HtmlElement>().click();
    assert_eq!(
        stage.told("change"),
        [json!({ "rail": "cvu", "complete": true })]
    );
    stage.answer_start(ok(&issued("att_1", Presentation::Transfer)));
    stage.answer_read(Answer::Silence);
    stage.press(SHOW);
    stage.until_text("Transferí exactamente $ 1.234,50").await;
    assert_eq!(presentation_of(&stage.starts()[0]), "transfer");
    assert_eq!(
        stage.told("action"),
        [json!({ "rail": "cvu", "action": "pay" })]
    );
    let text = stage.text();
    for part in [
        "PRUEBA.DEMO.UNO",
        "0009999001234567890126",
        "CVU",
        "Tienda Ejemplo SRL",
        "30-00000012-0",
        "Vence en 15 min 0 s",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[wasm_bindgen_test]
async fn a_link_opens_in_a_tab_of_its_own_that_knows_nothing_of_this_one() {
    let stage = standing(issued("att_1", Presentation::Link)).await;
    let open = stage.find("a").unwrap();
    assert_eq!(open.get_attribute("href").as_deref(), Some(LINK));
    assert_eq!(open.get_attribute("target").as_deref(), Some("_blank"));
    assert!(open.get_attribute("rel").unwrap().contains("noopener"));
    assert!(stage.text().contains(LINK), "it can be copied by hand");
}

#[wasm_bindgen_test]
async fn what_is_no_page_is_never_a_link() {
    for odd in [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://pagos.example/l/1",
        "//pagos.example",
    ] {
        let mut view = issued("att_1", Presentation::Link);
        view.payable.as_mut().unwrap().link = Some(odd.into());
        let stage = standing(view).await;
        assert!(stage.find("a").is_none(), "{odd}");
    }
}

#[wasm_bindgen_test]
async fn another_presentation_gives_the_first_one_up_and_never_stands_beside_it() {
    let stage = standing(issued("att_1", Presentation::Qr)).await;
    stage.answer_step(ok(&wallet_attempt(
        "att_1",
        AttemptState::Superseded,
        Presentation::Qr,
    )));
    stage.answer_start(ok(&issued("att_2", Presentation::Link)));
    stage.press("Enlace de pago");
    stage
        .until("the code to go", |stage| stage.find(".vt-qr").is_none())
        .await;
    stage.until_text("Abrí el enlace de pago").await;
    assert!(stage.find(".vt-qr").is_none());
    let sent: Vec<_> = stage
        .seen
        .borrow()
        .iter()
        .filter(|seen| seen.what == "step" || seen.what == "start")
        .map(|seen| seen.what)
        .collect();
    assert_eq!(sent, ["step", "start"]);
    assert_eq!(
        step_of(&stage.sent("step")[0]),
        "/v1/checkout/attempts/att_1/steps supersede"
    );
    assert_eq!(presentation_of(&stage.starts()[0]), "link");
    assert_eq!(stage.starts()[0].key.as_ref().unwrap().len(), 32);
}

#[wasm_bindgen_test]
async fn a_code_that_could_not_be_given_up_stays_and_says_why() {
    let stage = standing(issued("att_1", Presentation::Qr)).await;
    stage.answer_step(Answer::Lost);
    stage.press("Enlace de pago");
    stage.until_text("No hay conexión").await;
    assert!(stage.find(".vt-qr").is_some());
    assert!(stage.starts().is_empty());
}

#[wasm_bindgen_test]
async fn every_value_is_copied_by_its_own_button_and_said_to_be() {
    let (_clipboard, kept) = clipboard(false);
    let stage = standing(issued("att_1", Presentation::Transfer)).await;
    for (button, copied, value) in [
        ("Copiar alias", "Alias copiado", "PRUEBA.DEMO.UNO"),
        ("Copiar CVU", "CVU copiado", "0009999001234567890126"),
        ("Copiar monto", "Monto copiado", "1234,50"),
    ] {
        stage.press(button);
        stage
            .until(copied, |stage| stage.announced().contains(copied))
            .await;
        assert_eq!(kept.borrow().last().unwrap(), value);
    }
    drop(stage);
    for (presentation, button, value) in [
        (Presentation::Link, "Copiar enlace", LINK),
        (Presentation::Qr, "Copiar código", CODE),
    ] {
        let stage = standing(issued("att_1", presentation)).await;
        stage.press(button);
        stage
            .until("the words", |stage| stage.announced().contains("copiado"))
            .await;
        assert_eq!(kept.borrow().last().unwrap(), value);
    }
}

#[wasm_bindgen_test]
async fn what_the_browser_does_not_copy_is_selected_for_the_buyer() {
    for (presentation, button, value) in [
        (Presentation::Transfer, "Copiar alias", "PRUEBA.DEMO.UNO"),
        (Presentation::Link, "Copiar enlace", LINK),
        (Presentation::Qr, "Copiar código", CODE),
    ] {
        let (_clipboard, _) = clipboard(true);
        let stage = standing(issued("att_1", presentation)).await;
        stage.press(button);
        stage
            .until("the words", |stage| {
                stage.announced().contains("Quedó seleccionado")
            })
            .await;
        let selection = window().get_selection().unwrap().unwrap();
        let selected: String = selection.to_string().into();
        assert_eq!(selected.trim(), value);
    }
}

#[wasm_bindgen_test]
async fn the_buyers_word_that_it_is_paid_has_the_provider_asked_and_success_needs_no_reload() {
    let stage = standing(issued("att_1", Presentation::Qr)).await;
    stage.answer_step(ok(&issued("att_1", Presentation::Qr)));
    stage.answer_step(ok(&wallet_attempt(
        "att_1",
        AttemptState::Succeeded,
        Presentation::Qr,
    )));
    stage.press("Ya pagué");
    stage.until_text("Todavía no vemos el pago").await;
    assert_eq!(
        step_of(&stage.sent("step")[0]),
        "/v1/checkout/attempts/att_1/steps check"
    );
    assert!(stage.find(".vt-qr").is_some());
    stage.press("Ya pagué");
    stage.until_text("Pago recibido").await;
    assert!(stage.find(".vt-qr").is_none());
    assert_eq!(
        stage.told("complete"),
        [
            json!({ "sessionId": "ses_stage", "attemptId": "att_1", "rail": "cvu", "outcome": "captured" })
        ]
    );
}

#[wasm_bindgen_test]
async fn a_payment_that_comes_in_is_shown_by_itself() {
    let view = issued("att_1", Presentation::Link);
    let stage = Stage::set("es-AR", Some(ok(&wallet_checkout(Some(view.clone())))), 100);
    stage.answer_read(ok(&view));
    stage.answer_read(ok(&view));
    stage.answer_read(ok(&wallet_attempt(
        "att_1",
        AttemptState::Succeeded,
        Presentation::Link,
    )));
    stage.until_text("Pago recibido").await;
    assert!(stage.text().contains("$ 1.234,50"));
}

#[wasm_bindgen_test]
async fn polling_leaves_the_screen_and_the_focus_alone() {
    let view = issued("att_1", Presentation::Link);
    let stage = Stage::set("es-AR", Some(ok(&wallet_checkout(Some(view.clone())))), 100);
    stage.answer_read(ok(&view));
    stage.until_text("Abrí el enlace").await;
    let open = stage.find("a").unwrap();
    open.clone()
        .unchecked_into::<HtmlElement>()
        .focus()
        .unwrap();
    stage
        .until("some questions", |stage| stage.sent("read").len() > 3)
        .await;
    assert_eq!(document().active_element(), Some(open));
}

#[wasm_bindgen_test]
async fn nothing_is_asked_while_nobody_looks_and_at_once_when_the_buyer_is_back() {
    let view = issued("att_1", Presentation::Qr);
    let hidden = Replaced::new(document(), "hidden", &true.into());
    let stage = Stage::set("es-AR", Some(ok(&wallet_checkout(Some(view.clone())))), 100);
    stage.answer_read(ok(&view));
    stage.until_text("Escaneá el código").await;
    gloo_timers::future::TimeoutFuture::new(20_000).await;
    assert!(stage.sent("read").is_empty());
    drop(hidden);
    let document: HtmlElement = document().unchecked_into();
    send_event(&document, "visibilitychange");
    stage
        .until("the question", |stage| !stage.sent("read").is_empty())
        .await;
    assert_eq!(
        stage.sent("read")[0].path,
        "/v1/checkout/attempts/att_1",
        "answered at once"
    );
}

#[wasm_bindgen_test]
async fn a_code_that_ran_out_goes_off_the_screen_and_a_new_one_comes_in_its_place() {
    let _hurry = hurry();
    let mut view = issued("att_1", Presentation::Qr);
    view.payable.as_mut().unwrap().expires_in_ms = 20_000;
    let stage = standing(view).await;
    stage.until_text("Vence en 1").await;
    stage.until_text("Se terminó el tiempo").await;
    assert!(stage.find(".vt-qr").is_none());
    assert!(stage.text().contains("No pagues ahora"));
    stage.answer_step(ok(&wallet_attempt(
        "att_1",
        AttemptState::Expired,
        Presentation::Qr,
    )));
    stage.press("Consultar ahora");
    stage.until_text("Si ya pagaste, no pagues de nuevo").await;
    stage.answer_start(ok(&issued("att_2", Presentation::Qr)));
    stage.press("Generar uno nuevo");
    stage.until_text("Escaneá el código").await;
    assert_eq!(presentation_of(&stage.starts()[0]), "qr");
    assert!(
        stage
            .sent("step")
            .iter()
            .all(|step| !step.body.contains("supersede"))
    );
}

#[wasm_bindgen_test]
async fn the_time_left_is_told_to_the_ear_at_the_start_and_then_now_and_then() {
    let _hurry = hurry();
    for (left_ms, later, times) in [
        (905_000, "14 min 4", 1),
        (310_000, "4 min 4", 2),
        (70_000, "4", 2),
    ] {
        let mut view = issued("att_1", Presentation::Qr);
        view.payable.as_mut().unwrap().expires_in_ms = left_ms;
        let stage = standing(view).await;
        let heard: RefCell<Vec<String>> = RefCell::default();
        stage
            .until(later, |stage| {
                let text = stage.announced();
                let mut heard = heard.borrow_mut();
                if text.starts_with("Vence") && heard.last() != Some(&text) {
                    heard.push(text);
                }
                stage.text().contains(&format!("Vence en {later}"))
            })
            .await;
        assert_eq!(heard.borrow().len(), times, "{heard:?}");
        let clock = stage.find("[role=timer]").unwrap();
        assert!(!clock.has_attribute("aria-live"), "not every second");
    }
}

#[wasm_bindgen_test]
async fn money_that_was_seen_asks_the_buyer_to_pay_no_more() {
    let mut view = issued("att_1", Presentation::Transfer);
    view.payable.as_mut().unwrap().seen = true;
    let stage = standing(view).await;
    let text = stage.text();
    assert!(text.contains("No pagues de nuevo"), "{text}");
    assert!(text.contains("VT-7F3K-29QX"), "{text}");
    assert!(!text.contains("PRUEBA.DEMO.UNO"), "{text}");
}

#[wasm_bindgen_test]
async fn a_code_that_does_not_fit_the_order_is_the_shops_fault() {
    let stage = chooser().await;
    let mut view = wallet_attempt("att_1", AttemptState::NotExecuted, Presentation::Qr);
    view.refused = true;
    stage.answer_start(ok(&view));
    stage.press(SHOW);
    stage
        .until_text("El código no coincide con tu pedido")
        .await;
    let text = stage.text();
    assert!(
        text.contains("No se pagó nada") && text.contains("VT-7F3K-29QX"),
        "{text}"
    );
    stage.press("Elegir otro medio de pago");
    stage.until_text("Ver cómo pagar").await;
}

#[wasm_bindgen_test]
async fn a_provider_that_does_not_answer_is_named_by_its_rail() {
    let stage = chooser().await;
    stage.answer_start(problem(ProblemCode::ProviderUnavailable, None));
    stage.press(SHOW);
    stage.until_text("El servicio de pagos no responde").await;
}

#[wasm_bindgen_test]
async fn two_methods_stand_as_rows_and_what_was_typed_in_one_outlives_the_other() {
    let mut view = checkout(offer(), None);
    view.rails = vec![Rail::Card, Rail::Cvu];
    view.cvu = Some(CvuOffer {
        presentations: vec![Presentation::Qr],
    });
    let stage = Stage::open_in("es-CR", Some(ok(&view))).await;
    let radios = stage
        .root
        .query_selector_all(".vt-method-row input")
        .unwrap();
    let radio = |index| -> HtmlInputElement { radios.get(index).unwrap().unchecked_into() };
    assert_eq!(radios.length(), 2);
    assert!(radio(0).checked() && !radio(1).checked());
    stage.type_into("Número de tarjeta", "4242");
    assert!(stage.text().contains("se cifra en este dispositivo"));
    radio(1).click();
    let text = stage.text();
    assert!(text.contains("Ver cómo pagar ₡12 500,00"), "{text}");
    assert!(!text.contains("se cifra en este dispositivo"), "{text}");
    assert!(!text.contains("Número de tarjeta"), "{text}");
    stage.answer_start(ok(&issued("att_1", Presentation::Qr)));
    stage.answer_read(Answer::Silence);
    stage.submit();
    stage.until_text("Escanee el código").await;
    stage.answer_step(ok(&wallet_attempt(
        "att_1",
        AttemptState::Superseded,
        Presentation::Qr,
    )));
    stage.press("Elegir otro medio de pago");
    stage
        .until("the form", |stage| stage.find(".vt-pay").is_some())
        .await;
    radio(0).click();
    assert!(stage.text().contains("Pagar ₡12 500,00"));
}

#[wasm_bindgen_test]
async fn every_language_has_its_own_words_for_every_way_to_pay() {
    for texts in LANGUAGES {
        for (presentation, title) in [
            (Presentation::Qr, texts.qr_title),
            (Presentation::Link, texts.link_title),
            (Presentation::Transfer, texts.copy_alias),
        ] {
            let view = wallet_checkout(Some(issued("att_1", presentation)));
            let stage = Stage::open_in(texts.tag, Some(ok(&view))).await;
            let text = stage.text();
            for part in [
                title,
                texts.waiting_for_payment,
                texts.already_paid,
                texts.how_to_pay,
            ] {
                assert!(text.contains(part), "{part} is missing in {text}");
            }
            assert!(!text.contains('{'), "{text}");
        }
        let over = wallet_attempt("att_1", AttemptState::Expired, Presentation::Qr);
        let stage = Stage::open_in(texts.tag, Some(ok(&wallet_checkout(Some(over))))).await;
        let text = stage.text();
        for part in [texts.over_title, texts.over_text, texts.get_new] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let waiting = wallet_attempt("att_1", AttemptState::Sent, Presentation::Qr);
        let stage = Stage::open_in(texts.tag, Some(ok(&wallet_checkout(Some(waiting))))).await;
        assert!(stage.text().contains(texts.code_title));
    }
}

#[wasm_bindgen_test]
async fn nothing_is_wider_than_a_small_phone() {
    let style = document().create_element("style").unwrap();
    style.set_text_content(Some(ventanilla::STYLES));
    document().head().unwrap().append_child(&style).unwrap();
    for presentation in Presentation::ALL {
        let stage = standing(issued("att_1", presentation)).await;
        stage.root.set_attribute("style", "width: 320px").unwrap();
        assert!(
            stage.root.scroll_width() <= 320,
            "{presentation:?}: {}",
            stage.root.scroll_width()
        );
        let buttons = stage.root.query_selector_all("button, a").unwrap();
        for index in 0..buttons.length() {
            let button: Element = buttons.get(index).unwrap().unchecked_into();
            let height = button.get_bounding_client_rect().height();
            assert!(height == 0.0 || height >= 44.0, "{height}");
        }
    }
    style.remove();
}
