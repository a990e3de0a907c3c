//! Coming and going.

use std::cell::RefCell;
use std::future::ready;
use std::rc::Rc;

use js_sys::{Object, Reflect};
use leptos::html::{ElementChild, div};
use ventanilla::element::events::{Event, Outcome};
use ventanilla::element::{Door, Later};
use ventanilla::{Checkout, CheckoutProps, Options};
use ventanilla_core::attempt::AttemptState;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::stage::{Stage, attempt, checkout, document, offer, ok, window};

#[wasm_bindgen_test]
async fn a_checkout_takes_the_place_of_what_stood_there_and_leaves_nothing() {
    let mut stage = Stage::open(checkout(offer(), None)).await;
    assert_eq!(stage.root.child_element_count(), 1);
    stage.handle.unmount();
    assert_eq!(stage.root.child_nodes().length(), 0);
    stage.handle.unmount();
}

#[wasm_bindgen_test]
async fn an_answer_that_comes_after_unmounting_changes_and_tells_nothing() {
    let mut stage = Stage::open(checkout(offer(), None)).await;
    stage.fill_card();
    stage.answer_start(ok(&attempt("att_1", AttemptState::Succeeded)));
    stage.submit();
    let told = stage.events.borrow().len();
    stage.handle.unmount();
    gloo_timers::future::TimeoutFuture::new(50).await;
    assert_eq!(stage.root.child_nodes().length(), 0);
    assert_eq!(stage.events.borrow().len(), told);
}

#[wasm_bindgen_test]
async fn a_start_without_an_answer_is_looked_for_when_the_page_comes_back() {
    let declined = checkout(offer(), Some(attempt("att_1", AttemptState::Declined)));
    // What a page leaves behind that was loaded again between a start and its answer.
    let stage = Stage::set("es-CR", None, 100);
    let storage = window().session_storage().unwrap().unwrap();
    storage
        .set_item("ventanilla:ses_stage", "0123456789abcdef0123456789abcdef ")
        .unwrap();
    stage.script.borrow_mut().checkout.push_back(ok(&declined));
    stage.until_text("El banco no aprobó el pago").await;
    assert_eq!(storage.length().unwrap(), 0);
}

#[wasm_bindgen_test]
async fn an_attempt_that_was_running_is_picked_up_without_taking_the_focus() {
    let running = checkout(offer(), Some(attempt("att_1", AttemptState::Sent)));
    let stage = Stage::open(running).await;
    assert!(stage.text().contains("El banco aún no responde"));
    assert_eq!(stage.announced(), "El banco aún no responde");
    let body: web_sys::Element = document().body().unwrap().unchecked_into();
    assert_eq!(document().active_element(), Some(body));
}

#[wasm_bindgen_test]
async fn the_shops_looks_are_taken_from_the_list_and_nothing_else() {
    let stage = Stage::open(checkout(offer(), None)).await;
    let wanted = Object::new();
    for (name, value) in [
        ("--ventanilla-accent", "#0a7d4f"),
        ("--ventanilla-paper", "url(https://evil.example)"),
        ("--ventanilla-font", "Georgia; color: red"),
        ("display", "none"),
        ("scheme", "dark"),
    ] {
        Reflect::set(&wanted, &name.into(), &value.into()).unwrap();
    }
    stage.handle.appearance(&wanted);
    let root: HtmlElement = stage.find(".vt").unwrap().unchecked_into();
    let style = root.style();
    assert_eq!(
        style.get_property_value("--ventanilla-accent").unwrap(),
        "#0a7d4f"
    );
    for name in ["--ventanilla-paper", "--ventanilla-font", "display"] {
        assert_eq!(style.get_property_value(name).unwrap(), "", "{name}");
    }
    assert_eq!(root.get_attribute("data-scheme").as_deref(), Some("dark"));
    stage.handle.appearance(&wasm_bindgen::JsValue::NULL);
    assert_eq!(style.get_property_value("--ventanilla-accent").unwrap(), "");
}

#[wasm_bindgen_test]
async fn the_form_is_ready_to_be_told_of_once() {
    let stage = Stage::open(checkout(offer(), None)).await;
    assert_eq!(
        stage.told("ready"),
        [serde_json::json!({ "rails": ["card"] })]
    );
}

/// A shop in Rust: it has a client token, and notes what it is told.
#[derive(Default)]
struct Shop {
    told: RefCell<Vec<Event>>,
}

impl Door for Shop {
    fn tell(&self, event: &Event) {
        self.told.borrow_mut().push(event.clone());
    }

    fn client_token(&self, _: bool) -> Later<Option<String>> {
        Box::pin(ready(Some(String::from("token.of.a.shop"))))
    }
}

#[wasm_bindgen_test]
async fn a_shop_that_is_leptos_itself_uses_the_checkout_as_a_component() {
    let paid = checkout(offer(), Some(attempt("att_1", AttemptState::Succeeded)));
    // Only its proxy is used here; its own checkout is another one.
    let stage = Stage::open(paid).await;
    let shop = Rc::new(Shop::default());
    let place: HtmlElement = document().create_element("div").unwrap().unchecked_into();
    stage.root.append_child(&place).unwrap();
    let door: Rc<dyn Door> = Rc::clone(&shop) as _;
    let mounted = leptos::mount::mount_to(place.clone(), move || {
        let options = Options {
            proxy: "https://pay.example".into(),
            locale: "en-CA".into(),
            ..Options::default()
        };
        div().child(Checkout(
            CheckoutProps::builder().door(door).options(options).build(),
        ))
    });
    stage.until_text("Payment received").await;
    let told = shop.told.borrow().clone();
    assert!(
        matches!(
            told.last(),
            Some(Event::Complete {
                outcome: Outcome::Captured,
                ..
            })
        ),
        "{told:?}"
    );
    assert!(
        stage
            .seen
            .borrow()
            .iter()
            .any(|seen| seen.authorization.as_deref() == Some("Bearer token.of.a.shop"))
    );
    drop(mounted);
    assert_eq!(place.child_nodes().length(), 0);
}
