//! The way in from JavaScript.

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::Cell;

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

use crate::checkout::{Options, open};
use crate::element::JsDoor;
use crate::locale::{Locale, Texts};
use crate::reactive::Owner;
use crate::single::Single;
use crate::ui::{El, apply_appearance};

/// A checkout on a page. Letting go of the handle leaves the checkout where it is.
#[wasm_bindgen]
pub struct Handle {
    mounted: Option<Mounted>,
}

struct Mounted {
    checkout: El,
    /// Of everything that the checkout holds.
    owner: Owner,
}

/// Puts a checkout into `root`, in the place of whatever stands there.
///
/// `options` is `{ proxy: string, locale: string, texts: string, rails: string, appearance: object | null,
/// mode: "frame" | "inline" }`; what is missing is as if empty. `texts` is the file of the buyer's language.
///
/// # Errors
///
/// When there is no language: this build has none inside, and `texts` is not one.
#[wasm_bindgen]
pub fn mount(root: HtmlElement, door: JsDoor, options: &JsValue) -> Result<Handle, JsValue> {
    let read = |name: &str| Reflect::get(options, &name.into()).unwrap_or_default();
    let text = |name: &str| read(name).as_string().unwrap_or_default();
    let locale = speak(&text("locale"), text("texts")).ok_or("no language")?;
    let options = Options {
        proxy: text("proxy"),
        locale: text("locale"),
        rails: text("rails"),
        appearance: read("appearance"),
        framed: text("mode") == "frame",
    };
    let owner = Owner::new();
    let checkout = owner.with(|| open(Rc::new(door), &options, locale));
    root.set_text_content(None);
    let _ = root.append_child(checkout.node());
    Ok(Handle {
        mounted: Some(Mounted { checkout, owner }),
    })
}

/// The language for the tag `wanted`: the one that came along, or one of those inside.
fn speak(wanted: &str, file: String) -> Option<Locale> {
    if let Some(texts) = kept(file) {
        return Locale::open(wanted, &[texts]);
    }
    #[cfg(feature = "languages")]
    return Locale::open(wanted, &crate::locale::LANGUAGES);
    #[cfg(not(feature = "languages"))]
    None
}

/// The language in a file, kept for as long as the page lives: once, however many checkouts are mounted.
fn kept(file: String) -> Option<&'static Texts> {
    static KEPT: Single<Cell<Option<(&str, &Texts)>>> = Single::new(Cell::new(None));
    if let Some((known, texts)) = KEPT.get()
        && known == file
    {
        return Some(texts);
    }
    let file: &'static str = file.leak();
    let texts = Texts::read(file)?;
    KEPT.set(Some((file, texts)));
    Some(texts)
}

#[wasm_bindgen]
impl Handle {
    /// Takes the checkout off the page: its elements, listeners, timers and what was typed. A second call
    /// does nothing.
    pub fn unmount(&mut self) {
        if let Some(mounted) = self.mounted.take() {
            mounted.checkout.node().remove();
        }
    }

    /// Gives the checkout other looks: an object of `--ventanilla-*` properties and `scheme`.
    pub fn appearance(&self, wanted: &JsValue) {
        if let Some(mounted) = &self.mounted {
            apply_appearance(mounted.checkout.as_node(), wanted);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(mounted) = self.mounted.take() {
            core::mem::forget(mounted.owner);
        }
    }
}
