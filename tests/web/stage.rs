//! A page with a checkout in it, a door that notes what is told, and a proxy that answers from a script.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use serde::Serialize;
use serde_json::{Value, json};
use ventanilla::element::JsDoor;
use ventanilla::{Handle, mount};
use ventanilla_core::api::{AttemptView, CheckoutView, ReceiptView};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::card::Brand;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::{Problem, ProblemCode};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::card::{CardOffer, DeclineAdvice, SaveCardPolicy, SavedCardView};
use ventanilla_core::rails::cvu::{CvuOffer, PayableView, Presentation, TransferView};
use ventanilla_core::seal::ProviderKey;
use ventanilla_core::session::SessionState;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{
    Document, Element, Event, EventInit, HtmlElement, HtmlFormElement, HtmlInputElement,
    InputEvent, InputEventInit, Request, Response, ResponseInit, Window,
};

/// A 2048-bit test key, public and worthless.
pub fn key_text() -> String {
    let vectors: Value =
        serde_json::from_str(include_str!("../vectors/greenpay_ld_lk.json")).unwrap();
    vectors["rsa_keys"]["rsa2048"]["public_spki_base64_one_line"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub fn total() -> Money {
    Money::from_minor(1_250_000, Currency::CRC).unwrap()
}

pub fn offer() -> CardOffer {
    let public_key = key_text();
    CardOffer {
        key_pins: vec![ProviderKey::parse(&public_key).unwrap().fingerprint()],
        public_key,
        accept_weak_key: false,
        installments: vec![],
        saved_cards: vec![],
        save_card: SaveCardPolicy::Never,
    }
}

pub fn saved(id: &str, last4: &str, year: u16) -> SavedCardView {
    SavedCardView {
        id: id.into(),
        brand: Some(Brand::Visa),
        last4: last4.into(),
        expiry_month: Some(8),
        expiry_year: Some(year),
    }
}

/// Under which a test leaves what reads pictures.
pub const READER: &str = "readerOfThisTest";

pub fn checkout(card: CardOffer, attempt: Option<AttemptView>) -> CheckoutView {
    CheckoutView {
        session_id: "ses_stage".into(),
        state: SessionState::Open,
        payee: "Tienda Ejemplo".into(),
        order_reference: "A-1042".into(),
        total: total(),
        items: vec![],
        rails: vec![Rail::Card],
        card: Some(card),
        cvu: None,
        flux: None,
        flexiti: None,
        attempt,
        expires_at: "2026-11-20T20:00:00Z".into(),
        server_time: "2026-11-20T19:30:00Z".into(),
    }
}

pub fn attempt(id: &str, state: AttemptState) -> AttemptView {
    AttemptView {
        id: id.into(),
        rail: Rail::Card,
        state,
        next_action: NextAction::after(state),
        poll_after_ms: Some(2_000),
        age_ms: 1_000,
        reference: "VT-7F3K-29QX".into(),
        advice: (state == AttemptState::Declined).then_some(DeclineAdvice::OtherCard),
        wallet_advice: None,
        financing_advice: None,
        hosted_page: None,
        offers: None,
        tip: None,
        payable: None,
        refused: false,
        receipt: (state == AttemptState::Succeeded).then(|| ReceiptView {
            paid: total(),
            tip: None,
            paid_at: "2026-11-20T19:31:00Z".into(),
            brand: Some(Brand::Visa),
            last4: Some("4242".into()),
            authorization: Some("480215".into()),
            installments: Some(3),
            card_saved: true,
            financing: None,
        }),
    }
}

pub fn pesos() -> Money {
    Money::from_minor(123_450, Currency::ARS).unwrap()
}

/// A session to be paid in pesos from any wallet.
pub fn wallet_checkout(attempt: Option<AttemptView>) -> CheckoutView {
    CheckoutView {
        total: pesos(),
        rails: vec![Rail::Cvu],
        card: None,
        cvu: Some(CvuOffer {
            presentations: Presentation::ALL.to_vec(),
        }),
        ..checkout(offer(), attempt)
    }
}

pub const LINK: &str = "https://pagos.example/l/7F3K29QX?a=1&b=2";
/// A made-up code of the length that wallets print.
pub const CODE: &str = "00020101021243520016com.example.pagos0128order-7F3K29QX-000000000000015015001120999000011520497005303032540712345.05802AR5914Tienda Ejemplo6012Buenos Aires6304ABCD";

pub fn payable(presentation: Presentation) -> PayableView {
    let is = |wanted| presentation == wanted;
    PayableView {
        presentation,
        link: is(Presentation::Link).then(|| LINK.into()),
        code: is(Presentation::Qr).then(|| CODE.into()),
        transfer: is(Presentation::Transfer).then(|| TransferView {
            alias: Some("PRUEBA.DEMO.UNO".into()),
            account: "0009999001234567890126".into(),
            holder: "Tienda Ejemplo SRL".into(),
            cuit: "30-00000012-0".into(),
            link: None,
        }),
        expires_in_ms: 900_000,
        seen: false,
    }
}

/// An attempt on the CVU rail, with something payable where its state has it.
pub fn wallet_attempt(id: &str, state: AttemptState, presentation: Presentation) -> AttemptView {
    let shown = matches!(state, AttemptState::Issued | AttemptState::Expired);
    AttemptView {
        rail: Rail::Cvu,
        payable: shown.then(|| PayableView {
            expires_in_ms: if state == AttemptState::Issued {
                900_000
            } else {
                0
            },
            ..payable(presentation)
        }),
        advice: None,
        wallet_advice: None,
        financing_advice: None,
        hosted_page: None,
        offers: None,
        tip: None,
        receipt: (state == AttemptState::Succeeded).then(|| ReceiptView {
            paid: pesos(),
            tip: None,
            paid_at: "2026-11-20T19:31:00Z".into(),
            brand: None,
            last4: None,
            authorization: None,
            installments: None,
            card_saved: false,
            financing: None,
        }),
        ..attempt(id, state)
    }
}

/// What the proxy does with a request.
#[derive(Clone)]
pub enum Answer {
    Json(u16, String),
    /// The connection breaks.
    Lost,
    /// Nothing comes.
    Silence,
}

pub fn ok(body: &impl Serialize) -> Answer {
    Answer::Json(200, serde_json::to_string(body).unwrap())
}

pub fn problem(code: ProblemCode, attempt_id: Option<&str>) -> Answer {
    let mut problem = Problem::new(code, None);
    problem.attempt_id = attempt_id.map(String::from);
    Answer::Json(code.status(), serde_json::to_string(&problem).unwrap())
}

/// A request as the proxy saw it.
#[derive(Clone)]
pub struct Seen {
    pub what: &'static str,
    pub path: String,
    pub key: Option<String>,
    pub authorization: Option<String>,
    pub body: String,
}

/// The answers to each kind of request, in their order; the last one stays.
#[derive(Default)]
pub struct Script {
    pub checkout: VecDeque<Answer>,
    pub start: VecDeque<Answer>,
    pub step: VecDeque<Answer>,
    pub read: VecDeque<Answer>,
}

pub struct Stage {
    pub root: HtmlElement,
    pub handle: Handle,
    pub script: Rc<RefCell<Script>>,
    pub seen: Rc<RefCell<Vec<Seen>>>,
    pub events: Rc<RefCell<Vec<(String, Value)>>>,
    pub verdict: Rc<Cell<bool>>,
    pub tokens: Rc<RefCell<Vec<bool>>>,
    undo: Vec<(&'static str, JsValue)>,
}

impl Stage {
    /// A checkout in Costa Rican Spanish, once its first screen is there.
    pub async fn open(view: CheckoutView) -> Self {
        Self::open_in("es-CR", Some(ok(&view))).await
    }

    pub async fn open_in(locale: &str, checkout: Option<Answer>) -> Self {
        let stage = Self::set(locale, checkout, 1);
        stage
            .until("the first screen", |stage| {
                stage.find(".vt-pay, .vt-title").is_some()
            })
            .await;
        stage
    }

    /// With every timer of the page running `haste` times as fast.
    pub fn set(locale: &str, checkout: Option<Answer>, haste: i32) -> Self {
        let _ = window().session_storage().unwrap().unwrap().clear();
        let root: HtmlElement = document().create_element("div").unwrap().unchecked_into();
        document().body().unwrap().append_child(&root).unwrap();
        let script = Rc::new(RefCell::new(Script {
            checkout: checkout.into_iter().collect(),
            ..Script::default()
        }));
        let seen: Rc<RefCell<Vec<Seen>>> = Rc::default();
        let undo = vec![replace_fetch(&script, &seen), replace_timers(haste)];
        let events: Rc<RefCell<Vec<(String, Value)>>> = Rc::default();
        let verdict = Rc::new(Cell::new(true));
        let tokens: Rc<RefCell<Vec<bool>>> = Rc::default();
        let door = door(&events, &verdict, &tokens);
        let options = Object::new();
        for (name, value) in [
            ("proxy", "https://pay.example"),
            ("locale", locale),
            ("mode", "frame"),
        ] {
            Reflect::set(&options, &name.into(), &value.into()).unwrap();
        }
        let handle = mount(root.clone(), door, &options).unwrap();
        Self {
            root,
            handle,
            script,
            seen,
            events,
            verdict,
            tokens,
            undo,
        }
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..400 {
            if is_so(self) {
                return;
            }
            TimeoutFuture::new(5).await;
        }
        panic!("waited in vain for {what}; the page reads: {}", self.text());
    }

    pub async fn until_text(&self, text: &str) {
        self.until(text, |stage| stage.text().contains(text)).await;
    }

    pub fn find(&self, selector: &str) -> Option<Element> {
        let all = self.root.query_selector_all(selector).unwrap();
        (0..all.length())
            .map(|index| all.get(index).unwrap().unchecked_into::<Element>())
            .find(is_shown)
    }

    /// What can be read on the page.
    pub fn text(&self) -> String {
        self.root.inner_text().replace(['\u{a0}', '\u{202f}'], " ")
    }

    /// What a screen reader was told without asking.
    pub fn announced(&self) -> String {
        let live = self.root.query_selector("[role=status]").unwrap().unwrap();
        live.text_content().unwrap()
    }

    pub fn field(&self, label: &str) -> HtmlInputElement {
        let labels = self.root.query_selector_all("label").unwrap();
        (0..labels.length())
            .map(|index| labels.get(index).unwrap().unchecked_into::<Element>())
            .find(|element| element.text_content().unwrap() == label)
            .and_then(|element| {
                self.root
                    .query_selector(&format!("#{}", element.get_attribute("for").unwrap()))
                    .unwrap()
            })
            .unwrap_or_else(|| panic!("no field is labelled {label}"))
            .unchecked_into()
    }

    /// The text that describes a field.
    pub fn below(&self, label: &str) -> String {
        let id = self.field(label).get_attribute("aria-describedby").unwrap();
        let below: HtmlElement = self
            .root
            .query_selector(&format!("#{id}"))
            .unwrap()
            .unwrap()
            .unchecked_into();
        below.inner_text().trim().to_owned()
    }

    /// Types as a person does, one character at the caret after the other.
    pub fn type_into(&self, label: &str, text: &str) {
        let field = self.field(label);
        field.focus().unwrap();
        for c in text.chars() {
            insert(&field, &c.to_string());
        }
    }

    /// Puts a text in at the caret at once.
    pub fn paste(&self, label: &str, text: &str) {
        let field = self.field(label);
        field.focus().unwrap();
        insert(&field, text);
    }

    pub fn leave(&self, label: &str) {
        self.field(label).blur().unwrap();
    }

    pub fn fill_card(&self) {
        self.type_into("Número de tarjeta", "4242424242424242");
        self.type_into("Vencimiento", "1229");
        self.type_into("CVC", "123");
        self.type_into("Nombre en la tarjeta", "Ana Rojas");
    }

    pub fn submit(&self) {
        let form: HtmlFormElement = self
            .root
            .query_selector("form")
            .unwrap()
            .unwrap()
            .unchecked_into();
        form.request_submit().unwrap();
    }

    pub fn press(&self, text: &str) {
        let buttons = self.root.query_selector_all("button").unwrap();
        let button: HtmlElement = (0..buttons.length())
            .map(|index| buttons.get(index).unwrap().unchecked_into::<Element>())
            .find(|button| is_shown(button) && button.text_content().unwrap() == text)
            .unwrap_or_else(|| panic!("no button says {text}; the page reads: {}", self.text()))
            .unchecked_into();
        button.click();
    }

    pub fn answer_start(&self, answer: Answer) {
        self.script.borrow_mut().start.push_back(answer);
    }

    pub fn answer_read(&self, answer: Answer) {
        self.script.borrow_mut().read.push_back(answer);
    }

    pub fn answer_step(&self, answer: Answer) {
        self.script.borrow_mut().step.push_back(answer);
    }

    pub fn starts(&self) -> Vec<Seen> {
        self.sent("start")
    }

    /// The requests of a kind.
    pub fn sent(&self, what: &str) -> Vec<Seen> {
        self.seen
            .borrow()
            .iter()
            .filter(|seen| seen.what == what)
            .cloned()
            .collect()
    }

    /// The events of a name, without their prefix.
    pub fn told(&self, name: &str) -> Vec<Value> {
        let name = format!("ventanilla-{name}");
        self.events
            .borrow()
            .iter()
            .filter(|(told, _)| *told == name)
            .map(|(_, detail)| detail.clone())
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.handle.unmount();
        self.root.remove();
        for (name, value) in self.undo.drain(..) {
            Reflect::set(&window(), &name.into(), &value).unwrap();
        }
    }
}

pub fn window() -> Window {
    web_sys::window().unwrap()
}

pub fn document() -> Document {
    window().document().unwrap()
}

pub fn send_event(target: &HtmlElement, name: &str) {
    let init = EventInit::new();
    init.set_bubbles(true);
    target
        .dispatch_event(&Event::new_with_event_init_dict(name, &init).unwrap())
        .unwrap();
}

fn is_shown(element: &Element) -> bool {
    element.closest("[hidden]").unwrap().is_none()
}

/// What a keyboard or the clipboard does to an input: the text at the caret, the caret behind it, an event.
fn insert(field: &HtmlInputElement, text: &str) {
    let value: Vec<u16> = field.value().encode_utf16().collect();
    let start = field.selection_start().unwrap().unwrap_or(0) as usize;
    let end = field.selection_end().unwrap().unwrap_or(0) as usize;
    let mut typed = value[..start].to_vec();
    typed.extend(text.encode_utf16());
    let caret = u32::try_from(typed.len()).unwrap();
    typed.extend(&value[end..]);
    field.set_value(&String::from_utf16(&typed).unwrap());
    field.set_selection_range(caret, caret).unwrap();
    input_event(field, false);
}

/// What the backspace key does.
pub fn delete_back(field: &HtmlInputElement) {
    let caret = field.selection_start().unwrap().unwrap_or(0);
    let mut value: Vec<u16> = field.value().encode_utf16().collect();
    value.remove(caret as usize - 1);
    field.set_value(&String::from_utf16(&value).unwrap());
    field.set_selection_range(caret - 1, caret - 1).unwrap();
    input_event(field, false);
}

pub fn input_event(field: &HtmlInputElement, is_composing: bool) {
    let init = InputEventInit::new();
    init.set_bubbles(true);
    init.set_is_composing(is_composing);
    let event = InputEvent::new_with_event_init_dict("input", &init).unwrap();
    field.dispatch_event(&event).unwrap();
}

fn door(
    events: &Rc<RefCell<Vec<(String, Value)>>>,
    verdict: &Rc<Cell<bool>>,
    tokens: &Rc<RefCell<Vec<bool>>>,
) -> JsDoor {
    let door = Object::new();
    let put = |name: &str, deed: JsValue| {
        Reflect::set(&door, &name.into(), &deed).unwrap();
    };
    let told = Rc::clone(events);
    let note = move |name: String, detail: &JsValue| {
        let detail = JSON::stringify(detail).unwrap().as_string().unwrap();
        told.borrow_mut()
            .push((name, serde_json::from_str(&detail).unwrap()));
    };
    let emit = note.clone();
    put(
        "emit",
        Closure::<dyn FnMut(String, JsValue)>::new(move |name, detail: JsValue| {
            emit(name, &detail)
        })
        .into_js_value(),
    );
    let verdict = Rc::clone(verdict);
    put(
        "askSubmit",
        Closure::<dyn FnMut(JsValue) -> Promise>::new(move |detail: JsValue| {
            note("ventanilla-submit".into(), &detail);
            Promise::resolve(&JsValue::from(verdict.get()))
        })
        .into_js_value(),
    );
    let tokens = Rc::clone(tokens);
    put(
        "clientToken",
        Closure::<dyn FnMut(bool) -> Promise>::new(move |fresh| {
            tokens.borrow_mut().push(fresh);
            let count = tokens.borrow().len();
            Promise::resolve(&JsValue::from(format!("client.token.{count}")))
        })
        .into_js_value(),
    );
    put(
        "reader",
        Closure::<dyn FnMut() -> Promise>::new(|| {
            let reader = Reflect::get(&window(), &READER.into()).unwrap();
            if reader.is_undefined() {
                return Promise::reject(&"nothing here can read a picture".into());
            }
            Promise::resolve(&reader)
        })
        .into_js_value(),
    );
    door.unchecked_into()
}

fn replace_fetch(
    script: &Rc<RefCell<Script>>,
    seen: &Rc<RefCell<Vec<Seen>>>,
) -> (&'static str, JsValue) {
    let original = Reflect::get(&window(), &"fetch".into()).unwrap();
    let (script, seen) = (Rc::clone(script), Rc::clone(seen));
    let answer = Closure::<dyn FnMut(Request) -> Promise>::new(move |request: Request| {
        let (script, seen) = (Rc::clone(&script), Rc::clone(&seen));
        future_to_promise(async move {
            let path = request.url().replace("https://pay.example", "");
            let what = match (request.method().as_str(), path.as_str()) {
                ("POST", path) if path.ends_with("/steps") => "step",
                ("POST", _) => "start",
                (_, "/v1/checkout") => "checkout",
                _ => "read",
            };
            let body = JsFuture::from(request.text().unwrap())
                .await
                .unwrap()
                .as_string()
                .unwrap();
            let header = |name: &str| request.headers().get(name).unwrap();
            seen.borrow_mut().push(Seen {
                what,
                path,
                key: header("idempotency-key"),
                authorization: header("authorization"),
                body,
            });
            let answer = {
                let mut script = script.borrow_mut();
                let answers = match what {
                    "start" => &mut script.start,
                    "step" => &mut script.step,
                    "checkout" => &mut script.checkout,
                    _ => &mut script.read,
                };
                if answers.len() > 1 {
                    answers.pop_front()
                } else {
                    answers.front().cloned()
                }
            };
            match answer {
                Some(Answer::Json(status, body)) => {
                    let init = ResponseInit::new();
                    init.set_status(status);
                    Ok(Response::new_with_opt_str_and_init(Some(&body), &init)
                        .unwrap()
                        .into())
                }
                Some(Answer::Lost) => Err(js_sys::TypeError::new("Failed to fetch").into()),
                Some(Answer::Silence) | None => JsFuture::from(Promise::new(&mut |_, _| ())).await,
            }
        })
    });
    Reflect::set(&window(), &"fetch".into(), &answer.into_js_value()).unwrap();
    ("fetch", original)
}

fn replace_timers(haste: i32) -> (&'static str, JsValue) {
    let original = Reflect::get(&window(), &"setTimeout".into()).unwrap();
    let real: Function = original.clone().unchecked_into();
    let timer =
        Closure::<dyn FnMut(JsValue, i32) -> JsValue>::new(move |deed: JsValue, ms: i32| {
            real.apply(&window(), &Array::of2(&deed, &(ms / haste).into()))
                .unwrap()
        });
    Reflect::set(&window(), &"setTimeout".into(), &timer.into_js_value()).unwrap();
    ("setTimeout", original)
}

/// What a start says about its card, as the proxy reads it.
pub fn card_of(start: &Seen) -> Value {
    let body: Value = serde_json::from_str(&start.body).unwrap();
    assert_eq!(body["rail"], json!("card"));
    body["card"].clone()
}
