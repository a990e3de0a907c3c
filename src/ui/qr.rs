//! QR codes.

use alloc::string::{String, ToString};
use alloc::vec;

use qrcodegen_no_heap::{QrCode, QrCodeEcc, Version};

use super::El;
use super::element::svg;

/// Light modules on every side: what ISO/IEC 18004 asks for.
const QUIET: i32 = 4;
/// How wide a drawing is at least, in CSS pixels: comfortable from an arm's length.
const WIDE_PX: i32 = 240;

/// Draws `text` as a QR code with the name `alt`; `None` when it is longer than a code can hold.
///
/// Byte mode, error correction M, dark on light under every colour scheme: scanners expect it so.
#[must_use]
pub fn qr(text: &str, alt: &str) -> Option<El> {
    let mut room = vec![0; Version::MAX.buffer_len()];
    let mut drawn = room.clone();
    room.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    let code = QrCode::encode_binary(
        &mut room,
        text.len(),
        &mut drawn,
        QrCodeEcc::Medium,
        Version::MIN,
        Version::MAX,
        None,
        false,
    )
    .ok()?;
    let width = code.size();
    let mut path = String::new();
    for y in 0..width {
        let mut x = 0;
        while x < width {
            let left = x;
            while code.get_module(x, y) {
                x += 1;
            }
            if x > left {
                let [from, top, len] = [left + QUIET, y + QUIET, x - left].map(|at| at.to_string());
                for part in ["M", &from, " ", &top, "h", &len, "v1h-", &len, "z"] {
                    path.push_str(part);
                }
            }
            x += 1;
        }
    }
    let side = width + 2 * QUIET;
    let side_text = side.to_string();
    // Whole pixels for every module, or some come out wider than others.
    let px = (side * (WIDE_PX / side + i32::from(WIDE_PX % side > 0))).to_string();
    Some(
        svg("svg")
            .attr("class", "vt-qr")
            .attr("viewBox", &["0 0 ", &*side_text, " ", &*side_text].concat())
            .attr("width", &px)
            .attr("height", &px)
            .attr("role", "img")
            .attr("aria-label", alt)
            .attr("shape-rendering", "crispEdges")
            .child(svg("path").attr("d", &path)),
    )
}
