//! A code as a picture.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code, as the standard wants them.
const QUIET: i32 = 4;

/// The picture, or none when the text does not fit a code. `inverted` is light on dark, as wallets in a dark
/// theme draw it.
pub(super) fn picture(text: &str, inverted: bool) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let (paper, ink) = if inverted {
        ("#000", "#fff")
    } else {
        ("#fff", "#000")
    };
    let mut svg = format!(
        "<svg class=code role=img aria-label=\"Código QR para pagar\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=crispEdges><rect width={side} height={side} fill=\"{paper}\"/>\
         <path fill=\"{ink}\" d=\""
    );
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                // Writing to a String cannot fail.
                let _ = write!(svg, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}
