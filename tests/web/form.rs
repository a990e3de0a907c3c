//! Typing a card.

use ventanilla_core::rails::card::SaveCardPolicy;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{CompositionEvent, Element, HtmlElement, HtmlInputElement, HtmlSelectElement};

use crate::stage::{Stage, checkout, delete_back, document, input_event, offer, saved, send_event};

const NUMBER: &str = "Número de tarjeta";

async fn stage() -> Stage {
    Stage::open(checkout(offer(), None)).await
}

fn caret(field: &HtmlInputElement) -> Option<u32> {
    field.selection_start().unwrap()
}

#[wasm_bindgen_test]
async fn payee_and_amount_stand_above_the_form_and_the_amount_on_the_button() {
    let stage = stage().await;
    let text = stage.text();
    assert!(
        text.contains("Tienda Ejemplo") && text.contains("A-1042"),
        "{text}"
    );
    assert!(
        text.contains("₡12 500,00") && text.contains("Pagar ₡12 500,00"),
        "{text}"
    );
}

#[wasm_bindgen_test]
async fn every_field_has_a_label_and_a_kind_that_browsers_fill_in_and_no_name() {
    let stage = stage().await;
    for (label, kind, keyboard) in [
        (NUMBER, "cc-number", "numeric"),
        ("Vencimiento", "cc-exp", "numeric"),
        ("CVC", "cc-csc", "numeric"),
        ("Nombre en la tarjeta", "cc-name", "text"),
    ] {
        let field = stage.field(label);
        assert_eq!(field.get_attribute("autocomplete").as_deref(), Some(kind));
        assert_eq!(field.get_attribute("inputmode").as_deref(), Some(keyboard));
        assert!(
            !field.has_attribute("name") && !field.has_attribute("value"),
            "{label}"
        );
    }
}

#[wasm_bindgen_test]
async fn a_number_is_grouped_as_it_is_typed_and_its_brand_shown_and_announced() {
    let stage = stage().await;
    stage.type_into(NUMBER, "4");
    assert!(stage.text().contains("Visa"));
    assert_eq!(stage.announced(), "Tarjeta Visa");
    stage.type_into(NUMBER, "242424242424242");
    assert_eq!(stage.field(NUMBER).value(), "4242 4242 4242 4242");
    assert_eq!(stage.told("change").last().unwrap()["last4"], "4242");
    assert_eq!(stage.told("change").last().unwrap()["brand"], "visa");
}

#[wasm_bindgen_test]
async fn a_digit_typed_in_the_middle_leaves_the_caret_behind_it() {
    let stage = stage().await;
    stage.type_into(NUMBER, "42424242");
    let field = stage.field(NUMBER);
    field.set_selection_range(3, 3).unwrap();
    stage.type_into(NUMBER, "9");
    assert_eq!(field.value(), "4249 2424 2");
    assert_eq!(caret(&field), Some(4));
    delete_back(&field);
    assert_eq!(
        (field.value().as_str(), caret(&field)),
        ("4242 4242", Some(3))
    );
}

#[wasm_bindgen_test]
async fn a_pasted_number_reads_the_same_however_it_is_spaced() {
    for text in [
        "4242424242424242",
        "4242-4242-4242-4242",
        " 4242 4242  4242\u{a0}4242 ",
        "42 42 42 42 42 42 42 42",
    ] {
        let stage = stage().await;
        stage.paste(NUMBER, text);
        assert_eq!(
            stage.field(NUMBER).value().trim_end(),
            "4242 4242 4242 4242",
            "{text:?}"
        );
    }
}

#[wasm_bindgen_test]
async fn a_number_of_nineteen_digits_fits() {
    let stage = stage().await;
    // UnionPay's published test number of nineteen digits.
    stage.type_into(NUMBER, "6205500000000000004");
    assert_eq!(stage.field(NUMBER).value(), "6205 5000 0000 0000 004");
    stage.leave(NUMBER);
    assert_eq!(stage.below(NUMBER), "");
}

#[wasm_bindgen_test]
async fn american_express_has_its_own_groups_and_its_code_on_the_front() {
    let stage = stage().await;
    assert_eq!(stage.below("CVC"), "3 dígitos al dorso");
    stage.type_into(NUMBER, "378282246310005");
    assert_eq!(stage.field(NUMBER).value(), "3782 822463 10005");
    assert_eq!(stage.below("CVC"), "4 dígitos al frente");
    stage.type_into("CVC", "123");
    stage.leave("CVC");
    assert_eq!(stage.below("CVC"), "Son 4 dígitos");
    stage.type_into("CVC", "4");
    assert_eq!(stage.below("CVC"), "4 dígitos al frente");
}

#[wasm_bindgen_test]
async fn nobody_is_scolded_while_typing_but_on_leaving_and_never_longer_than_needed() {
    let stage = stage().await;
    stage.type_into(NUMBER, "4242 4242 4242 42");
    assert_eq!(stage.below(NUMBER), "");
    stage.leave(NUMBER);
    assert_eq!(stage.below(NUMBER), "Faltan 2 dígitos");
    assert_eq!(
        stage.field(NUMBER).get_attribute("aria-invalid").as_deref(),
        Some("true")
    );
    stage.type_into(NUMBER, "4");
    assert_eq!(
        stage.below(NUMBER),
        "Faltan 2 dígitos",
        "not rewritten while typing"
    );
    stage.type_into(NUMBER, "2");
    assert_eq!(stage.below(NUMBER), "");
    assert_eq!(
        stage.field(NUMBER).get_attribute("aria-invalid").as_deref(),
        Some("false")
    );
}

#[wasm_bindgen_test]
async fn passing_through_an_empty_field_is_no_mistake() {
    let stage = stage().await;
    for label in [NUMBER, "Vencimiento", "CVC", "Nombre en la tarjeta"] {
        stage.field(label).focus().unwrap();
        stage.leave(label);
        assert_ne!(
            stage.field(label).get_attribute("aria-invalid").as_deref(),
            Some("true"),
            "{label}"
        );
    }
}

#[wasm_bindgen_test]
async fn a_submit_with_mistakes_shows_them_all_goes_to_the_first_and_announces_the_count() {
    let stage = stage().await;
    stage.type_into("CVC", "123");
    stage.submit();
    assert_eq!(stage.below(NUMBER), "Escriba el número de la tarjeta");
    assert_eq!(stage.below("Vencimiento"), "Falta la fecha");
    assert_eq!(
        stage.below("Nombre en la tarjeta"),
        "Escriba el nombre que está en la tarjeta"
    );
    assert_eq!(stage.announced(), "Hay 3 datos por corregir");
    let first: Element = stage.field(NUMBER).unchecked_into();
    assert_eq!(document().active_element(), Some(first));
    assert!(stage.told("submit").is_empty() && stage.starts().is_empty());
}

#[wasm_bindgen_test]
async fn the_expiry_moves_on_by_itself_and_deletes_back() {
    let stage = stage().await;
    stage.type_into("Vencimiento", "12");
    let field = stage.field("Vencimiento");
    assert_eq!(field.value(), "12 / ");
    delete_back(&field);
    assert_eq!(
        field.value(),
        "1",
        "the separator goes with the digit in front of it"
    );
    stage.type_into("Vencimiento", "229");
    assert_eq!(field.value(), "12 / 29");
    stage.leave("Vencimiento");
    assert_eq!(stage.below("Vencimiento"), "Mes y año");
}

#[wasm_bindgen_test]
async fn a_card_that_has_expired_by_the_proxys_clock_is_said_to_have() {
    let stage = stage().await;
    stage.type_into("Vencimiento", "1026");
    stage.leave("Vencimiento");
    assert_eq!(stage.below("Vencimiento"), "Tarjeta vencida");
}

#[wasm_bindgen_test]
async fn a_keyboard_that_composes_is_left_alone_until_it_is_done() {
    let stage = stage().await;
    let field = stage.field(NUMBER);
    field.focus().unwrap();
    field.set_value("42424242");
    input_event(&field, true);
    assert_eq!(field.value(), "42424242");
    field
        .dispatch_event(&CompositionEvent::new("compositionend").unwrap())
        .unwrap();
    assert_eq!(field.value().trim_end(), "4242 4242");
}

#[wasm_bindgen_test]
async fn a_saved_card_is_chosen_beforehand_and_another_one_keeps_what_was_typed() {
    let mut card = offer();
    card.saved_cards = vec![saved("sc_old", "1111", 2024), saved("sc_1", "4242", 2028)];
    let stage = Stage::open(checkout(card, None)).await;
    let text = stage.text();
    assert!(
        text.contains("Visa terminada en 4242") && text.contains("Vence 08/28"),
        "{text}"
    );
    assert!(text.contains("Venció 08/24"), "{text}");
    assert!(
        stage.find(".vt-input").is_none(),
        "nothing to type for a saved card"
    );
    let radios = stage.root.query_selector_all("input[type=radio]").unwrap();
    let radio = |index: u32| {
        radios
            .get(index)
            .unwrap()
            .unchecked_into::<HtmlInputElement>()
    };
    assert!(radio(0).disabled() && radio(1).checked());
    radio(2).click();
    stage.type_into(NUMBER, "4111");
    radio(1).click();
    assert!(stage.find(".vt-input").is_none());
    assert_eq!(stage.told("change").last().unwrap()["last4"], "4242");
    radio(2).click();
    assert_eq!(stage.field(NUMBER).value().trim_end(), "4111");
}

#[wasm_bindgen_test]
async fn installments_are_written_out_from_whole_minor_units() {
    let mut card = offer();
    card.installments = vec![2, 3];
    let stage = Stage::open(checkout(card, None)).await;
    let select: HtmlSelectElement = stage.field("Cuotas").unchecked_into();
    let text = select.text_content().unwrap().replace('\u{a0}', " ");
    for plan in [
        "1 pago de ₡12 500,00",
        "2 cuotas de ₡6 250,00",
        "3 cuotas de unos ₡4 166,67",
    ] {
        assert!(text.contains(plan), "{text}");
    }
    assert_eq!(select.value(), "1");
}

#[wasm_bindgen_test]
async fn saving_the_card_is_asked_only_when_offered_and_never_ticked_beforehand() {
    let stage_without = stage().await;
    assert!(stage_without.find("input[type=checkbox]").is_none());
    drop(stage_without);
    let mut card = offer();
    card.save_card = SaveCardPolicy::Ask;
    let stage = Stage::open(checkout(card, None)).await;
    assert!(
        !stage
            .field("Guardar esta tarjeta para la próxima compra")
            .checked()
    );
}

#[wasm_bindgen_test]
async fn texts_that_the_shop_wrote_are_shown_as_they_are() {
    let mut view = checkout(offer(), None);
    view.payee = "<img src=x onerror=alert(1)>".into();
    view.order_reference = "<b>7</b>".into();
    let stage = Stage::open(view).await;
    assert!(stage.text().contains("<img src=x onerror=alert(1)>"));
    assert!(stage.text().contains("<b>7</b>"));
    assert!(stage.find("img, b").is_none());
}

#[wasm_bindgen_test]
async fn a_page_that_is_left_takes_the_card_with_it() {
    let stage = stage().await;
    stage.fill_card();
    let window: HtmlElement = crate::stage::window().unchecked_into();
    send_event(&window, "pagehide");
    for label in [NUMBER, "Vencimiento", "CVC"] {
        assert_eq!(stage.field(label).value(), "", "{label}");
    }
    assert_eq!(stage.field("Nombre en la tarjeta").value(), "Ana Rojas");
}
