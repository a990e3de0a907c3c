//! The merchant's colours, fonts and radii.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;
use web_sys::HtmlElement;

/// What a merchant may set; `widget.css` says what each does and what it is otherwise.
const PROPERTIES: [&str; 9] = [
    "--ventanilla-accent",
    "--ventanilla-accent-text",
    "--ventanilla-error",
    "--ventanilla-font",
    "--ventanilla-ink",
    "--ventanilla-line",
    "--ventanilla-paper",
    "--ventanilla-radius",
    "--ventanilla-width",
];
/// `light` or `dark` instead of what the buyer's system says.
const SCHEME: &str = "scheme";

const LONGEST_VALUE: usize = 200;

/// Gives `root` the looks that `wanted` names, and takes away those it does not: an object of custom
/// properties, and `scheme`. What is not known or could load something is left out.
pub fn apply(root: &HtmlElement, wanted: &JsValue) {
    let style = root.style();
    let read = |name: &str| {
        Object::try_from(wanted)
            .and_then(|wanted| Reflect::get(wanted, &name.into()).ok())
            .and_then(|value| value.as_string())
            .filter(|value| is_harmless(value))
    };
    for name in PROPERTIES {
        let _ = match read(name) {
            Some(value) => style.set_property(name, &value),
            None => style.remove_property(name).map(drop),
        };
    }
    let scheme = read(SCHEME).filter(|scheme| scheme == "light" || scheme == "dark");
    let _ = root.set_attribute("data-scheme", scheme.as_deref().unwrap_or("auto"));
}

fn is_harmless(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let mentions = |name: &str| {
        value
            .as_bytes()
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    value.len() <= LONGEST_VALUE
        && !value.contains(['\\', ';', '{', '}', '@'])
        && !mentions("url(")
        && !mentions("image")
}
