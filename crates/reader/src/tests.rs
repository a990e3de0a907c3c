use proptest::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc, QrSegment, Version};

use crate::{Picture, find, read, text};

/// Made up: as long as the codes of wallets are, with the characters that they have.
const WALLET_CODE: &str = "Zm9vK2Jhci9iYXo5MDIxNDUyMzY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA=";
const LIGHT: u8 = 235;
const DARK: u8 = 25;
/// Read at half size, and not at full size.
const GRAIN: i32 = 84;

fn code(text: &str) -> QrCode {
    QrCode::encode_text(text, QrCodeEcc::Medium).unwrap()
}

/// Whether the module at a place, in modules from the code's upper left corner, is dark.
fn is_dark(code: &QrCode, x: f64, y: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "a picture has few modules")]
    let at = |place: f64| place.floor() as i32;
    code.get_module(at(x), at(y))
}

/// A picture of a code. `place` tells which module is at a pixel, in modules from the code's middle.
fn drawn(
    code: &QrCode,
    width: u32,
    height: u32,
    place: impl Fn(f64, f64) -> (f64, f64),
) -> Picture {
    let middle = f64::from(code.size()) / 2.0;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            // Four looks per pixel: a camera has no hard edges.
            let mut sum = 0_u32;
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let (x, y) = (f64::from(x) + dx, f64::from(y) + dy);
                let (x, y) = place(x - f64::from(width) / 2.0, y - f64::from(height) / 2.0);
                let dark = is_dark(code, x + middle, y + middle);
                sum += u32::from(if dark { DARK } else { LIGHT });
            }
            pixels.push(u8::try_from(sum / 4).unwrap());
        }
    }
    Picture::from_grey(pixels, width, height).unwrap()
}

/// The picture of a code as it stands on a screen, `module` pixels per module.
fn upright(code: &QrCode, module: f64) -> Picture {
    drawn(code, 640, 480, |x, y| (x / module, y / module))
}

fn changed(picture: &Picture, change: impl Fn(u8) -> u8) -> Picture {
    let pixels = picture
        .pixels()
        .iter()
        .map(|pixel| change(*pixel))
        .collect();
    Picture::from_grey(pixels, picture.width(), picture.height()).unwrap()
}

#[test]
fn a_code_held_still_is_read() {
    for text in [
        WALLET_CODE,
        "7",
        "HTTPS://EXAMPLE.MX/PAGO",
        "0123456789012345678901",
    ] {
        assert_eq!(read(&upright(&code(text), 6.0)).as_deref(), Some(text));
    }
}

#[test]
fn a_code_is_read_at_every_angle() {
    let code = code(WALLET_CODE);
    for degrees in [7, 30, 45, 90, 133, 180, 270] {
        let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
        let turned = drawn(&code, 640, 480, |x, y| {
            ((x * cos - y * sin) / 6.0, (x * sin + y * cos) / 6.0)
        });
        assert_eq!(
            read(&turned).as_deref(),
            Some(WALLET_CODE),
            "{degrees} degrees"
        );
    }
}

#[test]
fn a_code_seen_from_the_side_is_read() {
    let slanted = drawn(&code(WALLET_CODE), 640, 480, |x, y| {
        let depth = 1.0 + x * 0.0009 + y * 0.0004;
        (x / 6.0 / depth, y / 6.0 / depth)
    });
    assert_eq!(read(&slanted).as_deref(), Some(WALLET_CODE));
}

#[test]
fn a_code_light_on_dark_is_read() {
    let inverted = changed(&upright(&code(WALLET_CODE), 6.0), |pixel| 255 - pixel);
    assert_eq!(read(&inverted).as_deref(), Some(WALLET_CODE));
}

#[test]
fn a_code_in_a_mirror_is_read() {
    let mirrored = drawn(&code(WALLET_CODE), 640, 480, |x, y| (-x / 6.0, y / 6.0));
    assert_eq!(read(&mirrored).as_deref(), Some(WALLET_CODE));
}

#[test]
fn a_code_far_away_or_in_poor_light_is_read() {
    let code = code(WALLET_CODE);
    assert_eq!(read(&upright(&code, 2.6)).as_deref(), Some(WALLET_CODE));
    let dim = changed(&upright(&code, 6.0), |pixel| pixel / 4 + 20);
    assert_eq!(read(&dim).as_deref(), Some(WALLET_CODE));
}

#[test]
fn a_code_under_grain_is_read_at_half_size() {
    let clean = upright(&code(WALLET_CODE), 9.0);
    let mut seed = 1_u32;
    let pixels = clean.pixels().iter().map(|pixel| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (i32::from(seed.to_be_bytes()[0]) - 128) * GRAIN / 128;
        u8::try_from((i32::from(*pixel) + grain).clamp(0, 255)).unwrap()
    });
    let grainy = Picture::from_grey(pixels.collect(), 640, 480).unwrap();
    assert_eq!(find::read(&grainy), None);
    assert_eq!(read(&grainy).as_deref(), Some(WALLET_CODE));
}

#[test]
fn where_there_is_no_code_nothing_is_read() {
    let white = Picture::from_grey(vec![255; 640 * 480], 640, 480).unwrap();
    assert_eq!(read(&white), None);
    let stripes = (0..640 * 480).map(|at| if at / 5 % 2 == 0 { LIGHT } else { DARK });
    assert_eq!(
        read(&Picture::from_grey(stripes.collect(), 640, 480).unwrap()),
        None
    );
}

#[test]
fn a_code_with_too_much_of_it_covered_is_not_read_rather_than_read_wrongly() {
    let code = code(WALLET_CODE);
    let covered = drawn(&code, 640, 480, |x, y| {
        if x > -20.0 {
            (0.0, 0.0)
        } else {
            (x / 6.0, y / 6.0)
        }
    });
    assert_eq!(read(&covered), None);
}

#[test]
fn a_picture_has_as_many_pixels_as_its_sides_say() {
    for (count, width, height) in [
        (0, 0, 0),
        (99, 10, 10),
        (640 * 480 - 1, 640, 480),
        (20 * 20, 20, 20),
    ] {
        assert!(Picture::from_grey(vec![0; count], width, height).is_none());
    }
    assert!(Picture::from_rgba(&[0; 7], 1, 1).is_none());
    assert!(Picture::from_rgba(&[0; 640 * 480 * 4 - 1], 640, 480).is_none());
}

#[test]
fn colours_have_the_brightness_that_an_eye_sees_and_what_is_transparent_is_white() {
    let one = |pixel: [u8; 4]| {
        let pixels: Vec<u8> = pixel.iter().copied().cycle().take(21 * 21 * 4).collect();
        Picture::from_rgba(&pixels, 21, 21).unwrap().pixels()[0]
    };
    assert_eq!(one([255, 255, 255, 255]), 255);
    assert_eq!(one([0, 0, 0, 255]), 0);
    assert_eq!(one([0, 0, 0, 0]), 255);
    assert!(one([0, 255, 0, 255]) > one([255, 0, 0, 255]));
    assert!(one([255, 0, 0, 255]) > one([0, 0, 255, 255]));
}

/// Values, and how many bits each takes.
type Segments<'a> = &'a [(u32, usize)];

/// The data of a code with these segments, as it stands in the smallest version.
fn data(segments: Segments<'_>) -> Vec<u8> {
    let bits: Vec<bool> = segments
        .iter()
        .flat_map(|(value, width)| (0..*width).rev().map(move |at| value >> at & 1 == 1))
        .collect();
    bits.chunks(8)
        .map(|byte| {
            byte.iter()
                .enumerate()
                .fold(0, |sum, (at, bit)| sum | u8::from(*bit) << (7 - at))
        })
        .collect()
}

#[test]
fn every_kind_of_segment_is_read_or_seen_to_be_foreign() {
    let cases: [(Segments<'_>, Option<&str>); 11] = [
        (&[(1, 4), (4, 10), (123, 10), (4, 4), (0, 4)], Some("1234")),
        (
            &[(2, 4), (3, 9), (10 * 45 + 11, 11), (44, 6), (0, 4)],
            Some("AB:"),
        ),
        (&[(4, 4), (2, 8), (0xc3, 8), (0xb1, 8), (0, 4)], Some("ñ")),
        (&[(4, 4), (1, 8), (0xf1, 8), (0, 4)], Some("ñ")),
        (
            &[(7, 4), (26, 8), (4, 4), (1, 8), (0x41, 8), (0, 4)],
            Some("A"),
        ),
        (
            &[
                (7, 4),
                (0x80, 8),
                (26, 8),
                (4, 4),
                (1, 8),
                (0x41, 8),
                (0, 4),
            ],
            Some("A"),
        ),
        (&[(5, 4), (1, 4), (1, 10), (7, 4), (0, 4)], Some("7")),
        (&[(8, 4), (1, 8), (5, 13), (0, 4)], Some("\u{fffd}")),
        (
            &[(3, 4), (0x10, 8), (0, 8), (1, 4), (1, 10), (7, 4), (0, 4)],
            None,
        ),
        (&[(1, 4), (3, 10), (1000, 10), (0, 4)], None),
        (&[(4, 4), (9, 8), (0x41, 8)], None),
    ];
    for (segments, expected) in cases {
        assert_eq!(
            text::read(data(segments), 1).as_deref(),
            expected,
            "{segments:?}"
        );
    }
}

#[test]
fn long_codes_tell_their_lengths_in_more_bits() {
    let text = "Aa1+".repeat(100);
    let segment = QrSegment::make_bytes(text.as_bytes());
    for version in [13, 20, 27, 35] {
        let version = Version::new(version);
        let code = QrCode::encode_segments_advanced(
            std::slice::from_ref(&segment),
            QrCodeEcc::Low,
            version,
            version,
            None,
            false,
        )
        .unwrap();
        assert_eq!(read(&upright(&code, 3.0)).as_deref(), Some(text.as_str()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_a_code_says_is_read(text in "[ -~]{1,120}") {
        prop_assert_eq!(read(&upright(&code(&text), 5.0)), Some(text));
    }

    #[test]
    fn no_picture_makes_it_fail(pixels in prop::collection::vec(any::<u8>(), 64 * 64)) {
        let _ = read(&Picture::from_grey(pixels, 64, 64).unwrap());
    }

    #[test]
    fn no_data_makes_it_fail(data in prop::collection::vec(any::<u8>(), 0..300), version in 1_u32..=40) {
        let _ = text::read(data, version);
    }
}
