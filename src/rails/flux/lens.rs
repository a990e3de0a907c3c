//! The camera: asking for it, looking through it, letting it go.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    HtmlVideoElement, ImageData, MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream,
    MediaStreamTrack,
};

use super::picture::Canvas;
use super::reading::Wish;
use crate::json::object;
use crate::ui::{El, el};

/// Wide enough for a code that fills a third of the picture.
const WIDTH_PX: i32 = 1_280;

/// Under which a browser remembers which way the last camera looked: a till looks away from whoever serves,
/// a kiosk at whoever buys, and neither is to be told every time.
const SIDE_KEY: &str = "ventanilla:camera";

/// A camera, and the element that shows what it sees.
pub struct Lens {
    /// Shows it.
    pub video: El,
    canvas: Canvas,
    stream: RefCell<Option<MediaStream>>,
    lit: Cell<bool>,
    ended: RefCell<Option<Closure<dyn FnMut()>>>,
}

/// Asks the browser for a camera: which way it is to look, or which one it is.
///
/// # Errors
///
/// The name of the browser's reason; empty where there is nobody to ask.
pub async fn ask(wish: Wish, camera: Option<&str>) -> Result<MediaStream, String> {
    let devices = devices().ok_or_else(String::new)?;
    let video = match (wish, camera) {
        (Wish::Any, _) => JsValue::TRUE,
        (Wish::Ideal, Some(id)) => {
            object(&[("deviceId", object(&[("exact", id.into())]).into())]).into()
        }
        (Wish::Ideal, None) => {
            let side = remembered_side().unwrap_or_else(|| String::from("environment"));
            object(&[
                ("facingMode", object(&[("ideal", side.into())]).into()),
                ("width", object(&[("ideal", WIDTH_PX.into())]).into()),
            ])
            .into()
        }
    };
    let wanted = object(&[("video", video), ("audio", JsValue::FALSE)]);
    let name = |error: JsValue| {
        let name = Reflect::get(&error, &"name".into()).unwrap_or_default();
        name.as_string().unwrap_or_else(|| String::from("Error"))
    };
    let asked = devices
        .get_user_media_with_constraints(wanted.unchecked_ref())
        .map_err(name)?;
    let stream = JsFuture::from(asked).await.map_err(name)?;
    Ok(stream.unchecked_into())
}

/// Whether the page around this one forbids cameras here, as far as the browser tells.
#[must_use]
pub fn is_forbidden() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    let allows = || {
        let document = document?;
        let policy = Reflect::get(&document, &"featurePolicy".into()).ok()?;
        let asks: Function = Reflect::get(&policy, &"allowsFeature".into())
            .ok()?
            .dyn_into()
            .ok()?;
        asks.call1(&policy, &"camera".into()).ok()?.as_bool()
    };
    allows() == Some(false)
}

/// Lets a camera go.
pub fn let_go(stream: &MediaStream) {
    for track in stream.get_tracks() {
        track.unchecked_into::<MediaStreamTrack>().stop();
    }
}

impl Lens {
    pub fn new(label: &str) -> Self {
        let video = el("video", "vt-video")
            .attr("playsinline", "")
            .attr("aria-label", label);
        // As an attribute alone some browsers ask for a press before they play.
        video.as_node::<HtmlVideoElement>().set_muted(true);
        Self {
            video,
            canvas: Canvas::new(),
            stream: RefCell::default(),
            lit: Cell::new(false),
            ended: RefCell::default(),
        }
    }

    /// Looks through a camera until it is let go, and calls `gone` if it goes by itself.
    pub fn look_through(&self, stream: MediaStream, gone: impl FnMut() + 'static) {
        self.let_go();
        let gone: Closure<dyn FnMut()> = Closure::wrap(Box::new(gone));
        if let Some(track) = track(&stream) {
            let side = setting(&track, "facingMode");
            // A webcam says nothing, and looks at whoever sits before it.
            self.video
                .set("data-side", side.as_deref().unwrap_or("user"));
            if let Some(side) = side {
                remember_side(&side);
            }
            let heard = Some(gone.as_ref().unchecked_ref());
            track.set_onended(heard);
            track.set_onmute(heard);
        }
        let video: &HtmlVideoElement = self.video.as_node();
        video.set_src_object(Some(&stream));
        if let Ok(playing) = video.play() {
            // Interrupted by being let go, which is no trouble.
            crate::ui::run(async move {
                let _ = JsFuture::from(playing).await;
            });
        }
        self.stream.replace(Some(stream));
        self.ended.replace(Some(gone));
    }

    /// Lets the camera go.
    pub fn let_go(&self) {
        self.video
            .as_node::<HtmlVideoElement>()
            .set_src_object(None);
        self.lit.set(false);
        if let Some(stream) = self.stream.take() {
            if let Some(track) = track(&stream) {
                track.set_onended(None);
                track.set_onmute(None);
            }
            let_go(&stream);
        }
        self.canvas.wipe();
    }

    /// The camera's width and height; `None` before its first picture.
    pub fn size(&self) -> Option<(u32, u32)> {
        let video: &HtmlVideoElement = self.video.as_node();
        let size = (video.video_width(), video.video_height());
        (size.0 > 0 && size.1 > 0).then_some(size)
    }

    /// A part of what it sees now, at a size.
    pub fn grab(
        &self,
        (x, y, w, h): (u32, u32, u32, u32),
        (to_w, to_h): (u32, u32),
    ) -> Option<ImageData> {
        let context = self.canvas.sized(to_w, to_h)?;
        let f = f64::from;
        context
            .draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                self.video.as_node(),
                f(x),
                f(y),
                f(w),
                f(h),
                0.0,
                0.0,
                f(to_w),
                f(to_h),
            )
            .ok()?;
        context.get_image_data(0.0, 0.0, f(to_w), f(to_h)).ok()
    }

    /// Whether the camera's light is on; `None` where it has none.
    pub fn light(&self) -> Option<bool> {
        let stream = self.stream.borrow();
        let track = track(stream.as_ref()?)?;
        let capable: Function = Reflect::get(&track, &"getCapabilities".into())
            .ok()?
            .dyn_into()
            .ok()?;
        let capabilities = capable.call0(&track).ok()?;
        let torch = Reflect::get(&capabilities, &"torch".into()).ok()?;
        torch.is_truthy().then(|| self.lit.get())
    }

    /// Turns the light on or off.
    pub async fn set_light(&self, on: bool) {
        let asked = {
            let stream = self.stream.borrow();
            let Some(track) = stream.as_ref().and_then(track) else {
                return;
            };
            let advanced = Array::of1(&object(&[("torch", on.into())]));
            let wanted = object(&[("advanced", advanced.into())]);
            track.apply_constraints_with_constraints(wanted.unchecked_ref())
        };
        if let Ok(asked) = asked
            && JsFuture::from(asked).await.is_ok()
        {
            self.lit.set(on);
        }
    }

    /// The camera after the one that is looked through, if there are several.
    pub async fn other(&self) -> Option<String> {
        let all = JsFuture::from(devices()?.enumerate_devices().ok()?)
            .await
            .ok()?;
        let ids: Vec<String> = Array::from(&all)
            .iter()
            .map(JsCast::unchecked_into::<MediaDeviceInfo>)
            .filter(|device| device.kind() == MediaDeviceKind::Videoinput)
            .map(|device| device.device_id())
            .filter(|id| !id.is_empty())
            .collect();
        if ids.len() < 2 {
            return None;
        }
        let present = {
            let stream = self.stream.borrow();
            setting(&track(stream.as_ref()?)?, "deviceId").unwrap_or_default()
        };
        let at = ids
            .iter()
            .position(|id| *id == present)
            .map_or(0, |at| at + 1);
        ids.get(at).or(ids.first()).cloned()
    }
}

impl Drop for Lens {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn devices() -> Option<MediaDevices> {
    let devices = web_sys::window()?.navigator().media_devices().ok()?;
    (!devices.is_undefined()).then_some(devices)
}

fn track(stream: &MediaStream) -> Option<MediaStreamTrack> {
    let track = stream.get_video_tracks().get(0);
    (!track.is_undefined()).then(|| track.unchecked_into())
}

fn setting(track: &MediaStreamTrack, name: &str) -> Option<String> {
    Reflect::get(&track.get_settings(), &name.into())
        .ok()?
        .as_string()
}

fn remember_side(side: &str) {
    let storage = web_sys::window().and_then(|window| window.local_storage().ok().flatten());
    if let Some(storage) = storage {
        let _ = storage.set_item(SIDE_KEY, side);
    }
}

fn remembered_side() -> Option<String> {
    let storage = web_sys::window()?.local_storage().ok()??;
    let side = storage.get_item(SIDE_KEY).ok()??;
    matches!(side.as_str(), "environment" | "user").then_some(side)
}
