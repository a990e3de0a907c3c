//! Pictures from files and the clipboard. None of them leaves the device.

use alloc::string::String;
use core::cell::RefCell;

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, ImageData};
use zeroize::Zeroizing;

use super::decoder::{Decoder, NoDecoder};
use super::reading::{FILE_BYTES, picture_size};
use crate::json::object;
use crate::ui::el;

/// Why a picture gave no code.
pub enum Unread {
    /// The file is larger than [`FILE_BYTES`].
    TooLarge,
    /// It is no picture.
    Unreadable,
    /// There is no code in it that can be read.
    Empty,
    /// Nothing here can read it.
    NoDecoder,
}

impl From<NoDecoder> for Unread {
    fn from(_: NoDecoder) -> Self {
        Self::NoDecoder
    }
}

/// The text of the code in a picture: at its size, upright as its camera noted, and then at half of it.
pub async fn read(file: &Blob, decoder: &Decoder) -> Result<Zeroizing<String>, Unread> {
    if file.size() > FILE_BYTES {
        return Err(Unread::TooLarge);
    }
    let window = web_sys::window().ok_or(Unread::Unreadable)?;
    let opened = window
        .create_image_bitmap_with_blob(file)
        .map_err(|_| Unread::Unreadable)?;
    let opened = JsFuture::from(opened)
        .await
        .map_err(|_| Unread::Unreadable)?;
    let opened: ImageBitmap = opened.unchecked_into();
    let (width, height) = picture_size(opened.width(), opened.height());
    let canvas = Canvas::new();
    let mut found = Err(Unread::Empty);
    for part in [1, 2] {
        let (width, height) = (width / part, height / part);
        let Some(picture) = canvas.draw(&opened, width, height) else {
            found = Err(Unread::Unreadable);
            break;
        };
        if let Some(text) = decoder.read(&picture).await? {
            found = Ok(text);
            break;
        }
    }
    opened.close();
    canvas.wipe();
    found
}

/// A canvas that nobody sees.
pub struct Canvas {
    context: RefCell<Option<CanvasRenderingContext2d>>,
    canvas: HtmlCanvasElement,
}

impl Canvas {
    pub fn new() -> Self {
        Self {
            context: RefCell::default(),
            canvas: el("canvas", "").node().clone().unchecked_into(),
        }
    }

    /// Its drawing surface, at a size.
    pub fn sized(&self, width: u32, height: u32) -> Option<CanvasRenderingContext2d> {
        if self.canvas.width() != width || self.canvas.height() != height {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        let mut context = self.context.borrow_mut();
        if context.is_none() {
            let options = object(&[("willReadFrequently", true.into())]);
            let made = self
                .canvas
                .get_context_with_context_options("2d", &options)
                .ok()??;
            *context = Some(made.unchecked_into());
        }
        context.clone()
    }

    /// Forgets what is on it.
    pub fn wipe(&self) {
        self.canvas.set_width(0);
        self.canvas.set_height(0);
    }

    fn draw(&self, picture: &ImageBitmap, width: u32, height: u32) -> Option<ImageData> {
        let context = self.sized(width, height)?;
        let (w, h) = (f64::from(width), f64::from(height));
        // What is transparent is white to whoever looks at it.
        context.set_fill_style_str("#fff");
        context.fill_rect(0.0, 0.0, w, h);
        context
            .draw_image_with_image_bitmap_and_dw_and_dh(picture, 0.0, 0.0, w, h)
            .ok()?;
        context.get_image_data(0.0, 0.0, w, h).ok()
    }
}
