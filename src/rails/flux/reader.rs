//! The ways to give a code, on screen: the camera, a picture, the clipboard, the keyboard.

use alloc::boxed::Box;
use alloc::rc::{Rc, Weak};
use alloc::string::String;
use core::cell::{Cell, RefCell};

use js_sys::{Array, Function, Promise, Reflect};
use ventanilla_core::wallet_code::WalletCode;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, ClipboardEvent, DataTransfer, DragEvent, Element, File, HtmlElement, HtmlInputElement,
    KeyboardEvent,
};
use zeroize::Zeroizing;

use super::decoder::Decoder;
use super::lens::{self, Lens};
use super::picture::{self, Unread};
use super::reading::{Burst, Camera, EVERY_MS, Failure, Found, Reading, SLOW_AFTER_MS, Wish};
use crate::locale::Texts;
use crate::rails::Surroundings;
use crate::timer::{Timer, wait};
use crate::ui::{
    Button, El, Field, FieldTexts, Icon, button, disc, el, icon, listen, page_is_hidden, run,
};

/// Every way to give a code.
pub struct Reader {
    /// The element.
    pub el: El,
    around: Rc<Surroundings>,
    texts: &'static Texts,
    reading: RefCell<Reading>,
    /// Read, and not yet sent.
    code: RefCell<Option<WalletCode>>,
    lens: Lens,
    stage: Stage,
    note: El,
    note_text: El,
    field: Field,
    pick: El,
    paste: Button,
    picture: Button,
    burst: RefCell<Burst>,
    slow: RefCell<Option<Timer>>,
    /// The camera that the buyer turned to, by the browser's name for it.
    chosen: RefCell<Option<String>>,
    frozen: Cell<bool>,
}

/// What the camera's box is made of.
struct Stage {
    el: El,
    line: El,
    open: Button,
    controls: El,
    next: Button,
    light: Button,
    close: Button,
}

impl Reader {
    pub fn new(around: &Rc<Surroundings>, texts: &'static Texts, phone: bool) -> Rc<Self> {
        let stage = Stage::new(texts);
        let lens = Lens::new(texts.flux_view);
        stage.show(&lens.video);
        let note_text = el("span", "");
        let note = el("p", "vt-alert").attr("role", "alert");
        let field = Field::new(
            &FieldTexts {
                label: texts.flux_code,
                hint: texts.flux_code_hint,
                placeholder: "",
            },
            "off",
            "text",
            // More than a code may have, so that what is too long is told and not cut.
            "2000",
        );
        let pick = el("input", "")
            .attr("type", "file")
            .attr("accept", "image/*");
        pick.hide(true);
        let paste = button("button", "vt-second", texts.flux_paste);
        let picture = button("button", "vt-second", texts.flux_choose_picture);
        let ways = el("div", "vt-actions")
            .child(paste.el.clone())
            .child(picture.el.clone())
            .child(pick.clone());
        let lead = el("p", "vt-say").text(if phone {
            texts.flux_copy_code
        } else {
            texts.flux_show_code
        });
        let el = el("div", "vt-reader").child(lead).child(note.clone());
        let others = [ways, el_hint(texts.flux_picture_stays), field.el.clone()];
        if phone {
            for other in others {
                el.append(&other);
            }
            el.append(&stage.el);
        } else {
            el.append(&stage.el);
            el.append(&crate::ui::el("p", "vt-legend").text(texts.flux_other_ways));
            for other in others {
                el.append(&other);
            }
        }
        let reader = Rc::new(Self {
            el,
            around: Rc::clone(around),
            texts,
            reading: RefCell::default(),
            code: RefCell::default(),
            lens,
            stage,
            note,
            note_text,
            field,
            pick,
            paste,
            picture,
            burst: RefCell::default(),
            slow: RefCell::default(),
            chosen: RefCell::default(),
            frozen: Cell::new(false),
        });
        reader.listen();
        reader.show();
        reader
    }

    /// The code that was read, for the one message that carries it.
    pub fn take_code(&self) -> Option<WalletCode> {
        self.field.clear();
        self.code.take()
    }

    /// Takes what is typed, if nothing was read yet.
    ///
    /// # Errors
    ///
    /// How much is to be corrected.
    pub fn check(&self) -> Result<(), usize> {
        if self.code.borrow().is_some() {
            return Ok(());
        }
        let typed = self.field.value();
        let found = self.reading.borrow_mut().given(&typed);
        match found {
            Found::Code(code) => {
                self.code.replace(Some(code));
                self.lens.let_go();
                Ok(())
            }
            other => {
                self.field.set_error(self.complaint(&other));
                self.field.focus();
                Err(1)
            }
        }
    }

    /// Turns the camera off and forgets what was typed.
    pub fn clear(&self) {
        self.field.clear();
        self.field.set_error(None);
        self.leave();
    }

    /// Turns the camera off.
    pub fn leave(&self) {
        self.reading.borrow_mut().stop();
        self.show();
    }

    /// A charge begins or is over.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.set(frozen);
        self.field.freeze(frozen);
        for button in [&self.paste, &self.picture, &self.stage.open] {
            button.el.toggle("disabled", frozen);
        }
        {
            let mut reading = self.reading.borrow_mut();
            if frozen {
                reading.charging(true);
            } else if self.code.take().is_some() {
                reading.withdraw();
            } else {
                reading.charging(false);
            }
        }
        self.show();
    }

    pub fn focus(&self) {
        self.field.focus();
    }

    /// Moves the focus to the first way, which brings up no keyboard.
    pub fn focus_first(&self) {
        self.paste.el.focus();
    }

    /// Turns the camera on.
    pub fn open_camera(self: &Rc<Self>) {
        let wish = self.reading.borrow_mut().press();
        let Some(wish) = wish else {
            return;
        };
        self.tell(None);
        self.show();
        let turn = self.reading.borrow().turn();
        let here = Rc::downgrade(self);
        let slow = Timer::once(SLOW_AFTER_MS, move || {
            if let Some(reader) = here.upgrade() {
                reader.reading.borrow_mut().slow(turn);
                reader.show();
            }
        });
        self.slow.replace(Some(slow));
        run(use_camera(Rc::downgrade(self), turn, wish));
    }

    fn complaint(&self, found: &Found) -> Option<&'static str> {
        match found {
            Found::Wrong(wrong) => Some(self.texts.wrong_code(*wrong)),
            Found::Again => Some(self.texts.flux_code_again),
            Found::Code(_) | Found::Nothing => None,
        }
    }

    /// Takes what was found, and has it charged if it is a code.
    fn take(&self, found: Found) {
        self.tell(self.complaint(&found));
        if let Found::Code(code) = found {
            self.code.replace(Some(code));
            self.lens.let_go();
            self.show();
            (self.around.say)(self.texts.flux_found);
            buzz();
            (self.around.pay)();
        }
    }

    /// Takes a text that the buyer gave.
    fn given(&self, text: &str) {
        let found = self.reading.borrow_mut().given(text);
        self.take(found);
    }

    fn read_picture(self: &Rc<Self>, file: Blob) {
        if self.reading.borrow().is_charging() {
            return;
        }
        self.leave();
        self.tell(None);
        self.picture.set_busy(true, self.texts.flux_reading_picture);
        let here = Rc::clone(self);
        run(async move {
            let read = match Decoder::open(&here.around).await {
                Ok(decoder) => picture::read(&file, &decoder).await,
                Err(none) => Err(none.into()),
            };
            here.picture.set_busy(false, here.texts.flux_choose_picture);
            match read {
                Ok(text) => here.given(&text),
                Err(unread) => here.tell(Some(match unread {
                    Unread::TooLarge => here.texts.flux_picture_large,
                    Unread::Unreadable => here.texts.flux_picture_unreadable,
                    Unread::Empty => here.texts.flux_picture_empty,
                    Unread::NoDecoder => here.texts.flux_no_decoder,
                })),
            }
        });
    }

    /// Shows what is wrong, and reads it aloud.
    fn tell(&self, text: Option<&str>) {
        self.note.set_text("");
        if let Some(text) = text {
            self.note_text.set_text(text);
            self.note.append(&icon(Icon::Alert));
            self.note.append(&self.note_text);
        }
    }

    /// Shows the camera as it stands.
    fn show(&self) {
        let camera = self.reading.borrow().camera();
        if camera != Camera::Live {
            self.lens.let_go();
        }
        if !matches!(camera, Camera::Asking { .. }) {
            self.slow.take();
        }
        let texts = self.texts;
        let (state, line) = match camera {
            Camera::Off => ("off", ""),
            Camera::Asking { slow: false } => ("asking", texts.flux_asking_camera),
            Camera::Asking { slow: true } => ("asking", texts.flux_asking_long),
            Camera::Live => ("live", texts.flux_looking),
            Camera::Found => ("found", texts.flux_found),
            Camera::Failed(failure) => ("failed", texts.camera_failure(failure)),
        };
        let stage = &self.stage;
        let said = stage.line.node().text_content().unwrap_or_default();
        if said != line {
            stage.line.set_text(line);
            if !line.is_empty() && camera != Camera::Found {
                (self.around.say)(line);
            }
        }
        stage.el.set("data-camera", state);
        let moved = stage.el.has_focus();
        stage
            .open
            .el
            .hide(!matches!(camera, Camera::Off | Camera::Failed(_)));
        stage
            .controls
            .hide(!matches!(camera, Camera::Asking { .. } | Camera::Live));
        stage.next.el.hide(true);
        stage.light.el.hide(true);
        if moved && !stage.el.has_focus() {
            match camera {
                Camera::Off | Camera::Failed(_) => stage.open.el.focus(),
                Camera::Asking { .. } | Camera::Live => stage.close.el.focus(),
                Camera::Found => {}
            }
        }
    }

    /// Shows what this camera can do besides.
    async fn show_extras(&self) {
        let other = self.lens.other().await;
        if self.reading.borrow().camera() == Camera::Live {
            self.stage.next.el.hide(other.is_none());
            self.show_light();
        }
    }

    fn show_light(&self) {
        let light = self.lens.light();
        self.stage.light.el.hide(light.is_none());
        let lit = light == Some(true);
        self.stage.light.set_text(if lit {
            self.texts.flux_light_off
        } else {
            self.texts.flux_light_on
        });
    }

    fn listen(self: &Rc<Self>) {
        let here = || Rc::downgrade(self);
        press(&self.stage.open, here(), |reader| reader.open_camera());
        press(&self.stage.close, here(), |reader| reader.leave());
        press(&self.stage.light, here(), |reader| {
            let reader = Rc::clone(reader);
            run(async move {
                let on = reader.lens.light() == Some(false);
                reader.lens.set_light(on).await;
                reader.show_light();
            });
        });
        press(&self.stage.next, here(), |reader| {
            let reader = Rc::clone(reader);
            run(async move {
                let other = reader.lens.other().await;
                reader.chosen.replace(other);
                reader.leave();
                reader.open_camera();
            });
        });
        press(&self.picture, here(), |reader| {
            reader.pick.as_node::<HtmlElement>().click()
        });
        press(&self.paste, here(), |reader| {
            let reader = Rc::clone(reader);
            run(async move { reader.paste_by_button().await });
        });
        let at = here();
        let _ = self.pick.clone().on("change", move |event| {
            // Not the shop's to hear.
            event.stop_propagation();
            if let Some(reader) = at.upgrade() {
                let input: &HtmlInputElement = reader.pick.as_node();
                let file = input.files().and_then(|files| files.get(0));
                // The same file may be chosen again.
                input.set_value("");
                if let Some(file) = file {
                    reader.read_picture(file.unchecked_into());
                }
            }
        });
        let at = here();
        self.field.on_input(move || {
            if let Some(reader) = at.upgrade() {
                reader.field.set_error(None);
                reader.tell(None);
            }
        });
        let _ = self
            .el
            .clone()
            .on("dragover", |event| event.prevent_default());
        let at = here();
        let _ = self.el.clone().on("drop", move |event| {
            event.prevent_default();
            let dropped = event.unchecked_ref::<DragEvent>().data_transfer();
            if let (Some(reader), Some(data)) = (at.upgrade(), dropped) {
                reader.take_data(&data);
            }
        });
        self.listen_to_the_page();
    }

    /// A scanner types, and a keyboard pastes, wherever the focus happens to be.
    fn listen_to_the_page(self: &Rc<Self>) {
        let Some(document) = web_sys::window().and_then(|window| window.document()) else {
            return;
        };
        let at = Rc::downgrade(self);
        listen(
            &document,
            "visibilitychange",
            Box::new(move |_| {
                if let (Some(reader), true) = (at.upgrade(), page_is_hidden()) {
                    reader.leave();
                }
            }),
        );
        let at = Rc::downgrade(self);
        listen(
            &document,
            "paste",
            Box::new(move |event| {
                let Some(reader) = at.upgrade().filter(|reader| reader.is_meant(&event)) else {
                    return;
                };
                let event: ClipboardEvent = event.unchecked_into();
                if let Some(data) = event.clipboard_data() {
                    event.prevent_default();
                    reader.take_data(&data);
                }
            }),
        );
        let at = Rc::downgrade(self);
        listen(
            &document,
            "keydown",
            Box::new(move |event| {
                let Some(reader) = at.upgrade().filter(|reader| reader.is_meant(&event)) else {
                    return;
                };
                let key: &KeyboardEvent = event.unchecked_ref();
                if reader.field_has(&event) || key.ctrl_key() || key.meta_key() || key.alt_key() {
                    return;
                }
                let found = reader
                    .burst
                    .borrow_mut()
                    .key(&key.key(), event.time_stamp());
                if let Some(text) = found {
                    // Or the button that has the focus would be pressed.
                    event.prevent_default();
                    reader.given(&text);
                }
            }),
        );
    }

    /// Whether the buyer is at this form, and not at something else of the page that takes text.
    fn is_meant(&self, event: &web_sys::Event) -> bool {
        let shown = self.el.as_node::<HtmlElement>().offset_parent().is_some();
        let path = event.composed_path();
        let inside = path.includes(self.el.node(), 0);
        let target = path.get(0).dyn_into::<Element>().ok();
        let elsewhere = target.is_some_and(|target| {
            target
                .matches("input:not([type=radio]), textarea, select, [contenteditable]")
                .unwrap_or(false)
        });
        shown && !self.frozen.get() && (inside || !elsewhere)
    }

    fn field_has(&self, event: &web_sys::Event) -> bool {
        event.composed_path().includes(self.field.el.node(), 0)
    }

    /// Takes a picture or a text that was pasted or dropped.
    fn take_data(self: &Rc<Self>, data: &DataTransfer) {
        let file: Option<File> = data.files().and_then(|files| files.get(0));
        match file {
            Some(file) => self.read_picture(file.unchecked_into()),
            None => {
                let text = Zeroizing::new(data.get_data("text/plain").unwrap_or_default());
                self.given(&text);
            }
        }
    }

    async fn paste_by_button(self: &Rc<Self>) {
        match pasted().await {
            Some(Pasted::Picture(picture)) => self.read_picture(picture),
            Some(Pasted::Text(text)) => self.given(&text),
            None => {
                self.tell(Some(self.texts.flux_paste_refused));
                self.field.focus();
            }
        }
    }
}

impl Stage {
    fn new(texts: &Texts) -> Self {
        let stage = Self {
            el: el("div", "vt-camera"),
            line: el("p", "vt-camera-line"),
            open: button("button", "vt-second", texts.flux_open_camera),
            controls: el("div", "vt-actions"),
            next: button("button", "vt-second", texts.flux_next_camera),
            light: button("button", "vt-second", texts.flux_light_on),
            close: button("button", "vt-second", texts.flux_close_camera),
        };
        for button in [&stage.next, &stage.light, &stage.close] {
            stage.controls.append(&button.el);
        }
        stage
    }

    fn show(&self, video: &El) {
        let view = el("div", "vt-view")
            .child(video.clone())
            .child(el("div", "vt-aim").attr("aria-hidden", "true"));
        self.el.append(&view);
        self.el.append(&disc(Icon::Scan));
        self.el.append(&self.line);
        self.el.append(&self.open.el);
        self.el.append(&self.controls);
    }
}

/// From the browser's question to a code, or to why there is none.
async fn use_camera(here: Weak<Reader>, turn: u32, mut wish: Wish) {
    let stream = loop {
        let camera = here
            .upgrade()
            .and_then(|reader| reader.chosen.borrow().clone());
        match lens::ask(wish, camera.as_deref()).await {
            Ok(stream) => break stream,
            Err(name) => {
                let Some(reader) = here.upgrade() else {
                    return;
                };
                // A camera that is gone is not asked for again.
                reader.chosen.take();
                let again = if name.is_empty() {
                    reader.reading.borrow_mut().failed(Failure::Insecure);
                    None
                } else {
                    reader
                        .reading
                        .borrow_mut()
                        .refused(turn, &name, lens::is_forbidden())
                };
                match again {
                    Some(again) => wish = again,
                    None => return reader.show(),
                }
            }
        }
    };
    let Some(reader) = here
        .upgrade()
        .filter(|reader| reader.reading.borrow_mut().granted(turn))
    else {
        return lens::let_go(&stream);
    };
    let gone = Weak::clone(&here);
    reader.lens.look_through(stream, move || {
        if let Some(reader) = gone.upgrade() {
            reader.reading.borrow_mut().failed(Failure::Ended);
            reader.show();
        }
    });
    reader.show();
    reader.show_extras().await;
    let Ok(decoder) = Decoder::open(&reader.around).await else {
        return stop_without_decoder(&reader, turn);
    };
    drop(reader);
    loop {
        wait(EVERY_MS).await;
        let Some(reader) = here.upgrade() else {
            return;
        };
        let live = reader.reading.borrow().turn() == turn
            && reader.reading.borrow().camera() == Camera::Live;
        if !live {
            return;
        }
        // Not before its first picture.
        let Some((width, height)) = reader.lens.size() else {
            continue;
        };
        let (x, y, w, h, size) = reader.reading.borrow_mut().next_area(width, height);
        let Some(picture) = reader.lens.grab((x, y, w, h), size) else {
            continue;
        };
        match decoder.read(&picture).await {
            Ok(None) => {}
            Ok(Some(text)) => {
                let found = reader.reading.borrow_mut().saw(turn, &text);
                if !matches!(found, Found::Nothing) {
                    reader.take(found);
                }
            }
            Err(_) => return stop_without_decoder(&reader, turn),
        }
    }
}

fn stop_without_decoder(reader: &Reader, turn: u32) {
    if reader.reading.borrow().turn() == turn {
        reader.reading.borrow_mut().failed(Failure::NoDecoder);
        reader.show();
    }
}

fn press(button: &Button, reader: Weak<Reader>, deed: impl Fn(&Rc<Reader>) + 'static) {
    let _ = button.clone().on_press(move || {
        if let Some(reader) = reader.upgrade() {
            deed(&reader);
        }
    });
}

fn el_hint(text: &str) -> El {
    el("p", "vt-hint vt-small").text(text)
}

enum Pasted {
    Text(Zeroizing<String>),
    Picture(Blob),
}

/// What is on the clipboard; `None` where the browser does not let a button read it.
async fn pasted() -> Option<Pasted> {
    let clipboard = web_sys::window()?.navigator().clipboard();
    if clipboard.is_undefined() {
        return None;
    }
    let call = |name: &str| -> Option<Promise> {
        let call: Function = Reflect::get(&clipboard, &name.into())
            .ok()?
            .dyn_into()
            .ok()?;
        Some(Promise::from(call.call0(&clipboard).ok()?))
    };
    if let Some(reading) = call("read") {
        let items = Array::from(&JsFuture::from(reading).await.ok()?);
        for item in items.iter() {
            let types = Array::from(&Reflect::get(&item, &"types".into()).ok()?);
            let kind = types
                .iter()
                .filter_map(|kind| kind.as_string())
                .find(|kind| kind.starts_with("image/"));
            if let Some(kind) = kind {
                let get: Function = Reflect::get(&item, &"getType".into())
                    .ok()?
                    .dyn_into()
                    .ok()?;
                let blob = Promise::from(get.call1(&item, &kind.into()).ok()?);
                return Some(Pasted::Picture(
                    JsFuture::from(blob).await.ok()?.unchecked_into(),
                ));
            }
        }
    }
    let text = JsFuture::from(call("readText")?).await.ok()?.as_string()?;
    Some(Pasted::Text(Zeroizing::new(text)))
}

/// A code was read: felt where it can be.
fn buzz() {
    if let Some(window) = web_sys::window() {
        let navigator = window.navigator();
        if let Some(vibrate) = Reflect::get(&navigator, &"vibrate".into())
            .ok()
            .and_then(|vibrate| vibrate.dyn_into::<Function>().ok())
        {
            let _ = vibrate.call1(&navigator, &60.into());
        }
    }
}
