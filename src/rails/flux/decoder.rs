//! What finds a code in pixels: `pkg/reader.js`, behind the page's door.

use alloc::string::String;

use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ImageData;
use zeroize::Zeroizing;

use crate::rails::Surroundings;

#[wasm_bindgen]
extern "C" {
    /// `{ read(picture): Promise<string | null>, close() }`.
    type JsReader;

    #[wasm_bindgen(method, catch)]
    fn read(this: &JsReader, picture: &ImageData) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &JsReader) -> Result<(), JsValue>;
}

/// A decoder; its worker ends with it.
pub struct Decoder(JsReader);

/// Nothing here can read a picture, or no longer.
pub struct NoDecoder;

impl Decoder {
    /// Opens one. It is fetched when it is needed for the first time.
    pub async fn open(around: &Surroundings) -> Result<Self, NoDecoder> {
        let reader = (around.reader)().await.ok_or(NoDecoder)?;
        Ok(Self(reader.unchecked_into()))
    }

    /// The text of the code in a picture, if there is one.
    pub async fn read(&self, picture: &ImageData) -> Result<Option<Zeroizing<String>>, NoDecoder> {
        let answer = self.0.read(picture).map_err(|_| NoDecoder)?;
        let text = JsFuture::from(answer).await.map_err(|_| NoDecoder)?;
        Ok(text.as_string().map(Zeroizing::new))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.0.close();
    }
}
