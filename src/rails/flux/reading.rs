//! Reading a code, as rules: what the camera is doing, what follows from each thing that happens to it, and
//! whether a text that was read is charged.
//!
//! | state | left for |
//! |---|---|
//! | off | asking, when the buyer presses |
//! | asking | live; failed; off, when the buyer thinks better of it |
//! | live | found; failed, when the camera goes away; off, when the page is hidden or the buyer presses |
//! | found | off, when what was read has been paid or not |
//! | failed | asking, when the buyer presses again |

use alloc::string::String;
use alloc::vec::Vec;

use ventanilla_core::wallet_code::{MAX_CHARS, NotAWalletCode, WalletCode};
use zeroize::Zeroizing;

/// How long a browser may take to answer before the other ways are pointed out; it may still answer.
pub const SLOW_AFTER_MS: u32 = 10_000;

/// How often a picture is taken.
pub const EVERY_MS: u32 = 110;

/// The longest side of a picture that is read, in pixels.
const SIDE_PX: u32 = 640;

/// The longest side of a picture from a file or the clipboard, in pixels.
const PICTURE_SIDE_PX: u32 = 1_600;

/// The largest file that is opened, in bytes.
pub const FILE_BYTES: f64 = 15_000_000.0;

/// What the camera is doing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Camera {
    /// Nothing.
    #[default]
    Off,
    /// The browser asks whether it may be used.
    Asking {
        /// For a long time by now.
        slow: bool,
    },
    /// It is looked through.
    Live,
    /// It has seen a wallet's code, and is off.
    Found,
    /// It cannot be used.
    Failed(Failure),
}

/// Why a camera cannot be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Failure {
    /// Refused, by the buyer or by the system.
    Denied,
    /// Forbidden to this page by the one around it.
    Policy,
    /// There is none.
    Missing,
    /// Another program has it.
    Busy,
    /// The page is not a secure one, or the browser too old to have cameras.
    Insecure,
    /// It went away while it was looked through.
    Ended,
    /// The browser says no more than that.
    Broken,
    /// Nothing here can read a picture.
    NoDecoder,
}

impl Failure {
    /// Every failure.
    pub const ALL: [Self; 8] = [
        Self::Denied,
        Self::Policy,
        Self::Missing,
        Self::Busy,
        Self::Insecure,
        Self::Ended,
        Self::Broken,
        Self::NoDecoder,
    ];
}

/// What is asked of the browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// The side that suits the place, wide enough to read a code.
    Ideal,
    /// Whatever there is.
    Any,
}

/// What a text that was read comes to.
pub enum Found {
    /// A wallet's code, seen for the first time: to be charged.
    Code(WalletCode),
    /// Something else.
    Wrong(NotAWalletCode),
    /// A code that was taken before.
    Again,
    /// Of no account: a charge is under way, or the same wrong thing is still before the camera.
    Nothing,
}

/// What reading remembers. Of a code itself nothing but a 64-bit hash.
#[derive(Default)]
pub struct Reading {
    camera: Camera,
    turn: u32,
    retried: bool,
    frame: u32,
    busy: bool,
    taken: Vec<u64>,
    told: Option<u64>,
}

impl Reading {
    /// What the camera is doing.
    #[must_use]
    pub const fn camera(&self) -> Camera {
        self.camera
    }

    /// The number of the present use of the camera: what belongs to another comes too late.
    #[must_use]
    pub const fn turn(&self) -> u32 {
        self.turn
    }

    /// The buyer turns the camera on. What to ask for; `None` when it is on already, or a charge is under way.
    pub fn press(&mut self) -> Option<Wish> {
        if self.busy || matches!(self.camera, Camera::Asking { .. } | Camera::Live) {
            return None;
        }
        self.turn = self.turn.wrapping_add(1);
        self.retried = false;
        self.told = None;
        self.camera = Camera::Asking { slow: false };
        Some(Wish::Ideal)
    }

    /// The browser has not answered for [`SLOW_AFTER_MS`].
    pub fn slow(&mut self, turn: u32) {
        if turn == self.turn && matches!(self.camera, Camera::Asking { .. }) {
            self.camera = Camera::Asking { slow: true };
        }
    }

    /// The browser gave a camera. Whether it is still wanted; if not, it must be let go at once.
    pub fn granted(&mut self, turn: u32) -> bool {
        let wanted = turn == self.turn && matches!(self.camera, Camera::Asking { .. });
        if wanted {
            self.camera = Camera::Live;
            self.frame = 0;
        }
        wanted
    }

    /// The browser gave none, and this is the name of its reason. What to ask for instead, once.
    pub fn refused(&mut self, turn: u32, name: &str, forbidden: bool) -> Option<Wish> {
        if turn != self.turn || !matches!(self.camera, Camera::Asking { .. }) {
            return None;
        }
        let again = match name {
            "OverconstrainedError" => Some(Wish::Any),
            "AbortError" => Some(Wish::Ideal),
            _ => None,
        };
        if again.is_some() && !self.retried {
            self.retried = true;
            return again;
        }
        self.camera = Camera::Failed(match name {
            "NotAllowedError" | "SecurityError" if forbidden => Failure::Policy,
            "NotAllowedError" | "PermissionDeniedError" => Failure::Denied,
            "SecurityError" => Failure::Policy,
            "NotFoundError" | "DevicesNotFoundError" | "OverconstrainedError" => Failure::Missing,
            "NotReadableError" | "TrackStartError" => Failure::Busy,
            _ => Failure::Broken,
        });
        None
    }

    /// The camera cannot be used, or no longer.
    pub fn failed(&mut self, failure: Failure) {
        self.turn = self.turn.wrapping_add(1);
        self.camera = Camera::Failed(failure);
    }

    /// Nobody looks through the camera any more.
    pub fn stop(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        if matches!(
            self.camera,
            Camera::Asking { .. } | Camera::Live | Camera::Found
        ) {
            self.camera = Camera::Off;
        }
    }

    /// A charge is under way, or over. While it is, nothing else is read.
    pub fn charging(&mut self, busy: bool) {
        self.busy = busy;
        if !busy && self.camera == Camera::Found {
            self.camera = Camera::Off;
        }
    }

    /// The last code was not sent after all: it may be given again.
    pub fn withdraw(&mut self) {
        self.taken.pop();
        self.charging(false);
    }

    /// Whether a charge is under way.
    #[must_use]
    pub const fn is_charging(&self) -> bool {
        self.busy
    }

    /// Which part of the camera's picture is read next: the middle, where the buyer is told to hold the code, and
    /// now and then everything. Left, top, width and height in its pixels, and how large it is read.
    pub fn next_area(&mut self, width: u32, height: u32) -> (u32, u32, u32, u32, (u32, u32)) {
        let whole = self.frame % 5 == 4;
        self.frame = self.frame.wrapping_add(1);
        let (w, h) = if whole {
            (width, height)
        } else {
            let side = width.min(height);
            (side, side)
        };
        (
            (width - w) / 2,
            (height - h) / 2,
            w,
            h,
            within(w, h, SIDE_PX),
        )
    }

    /// A camera saw a text.
    pub fn saw(&mut self, turn: u32, text: &str) -> Found {
        if turn != self.turn || self.camera != Camera::Live {
            return Found::Nothing;
        }
        let hash = hash(text);
        if self.told == Some(hash) {
            return Found::Nothing;
        }
        self.told = Some(hash);
        let found = self.given(text);
        if matches!(found, Found::Code(_)) {
            self.turn = self.turn.wrapping_add(1);
            self.camera = Camera::Found;
        }
        found
    }

    /// The buyer gave a text: typed, pasted, by a scanner, in a picture.
    pub fn given(&mut self, text: &str) -> Found {
        if self.busy {
            return Found::Nothing;
        }
        let code = match WalletCode::parse(text) {
            Ok(code) => code,
            Err(other) => return Found::Wrong(other),
        };
        let hash = hash(code.as_str());
        if self.taken.contains(&hash) {
            return Found::Again;
        }
        self.taken.push(hash);
        self.busy = true;
        Found::Code(code)
    }
}

/// A hardware scanner types into whatever has the focus: many keys at once, then Enter. People do not.
#[derive(Default)]
pub struct Burst {
    typed: Zeroizing<String>,
    last_ms: f64,
}

/// The most milliseconds between two keys of a scanner.
const BURST_GAP_MS: f64 = 60.0;

/// The fewest characters that a scanner is believed to have typed.
const BURST_CHARS: usize = 8;

impl Burst {
    /// Takes a key, by the name that browsers give it, at a time in milliseconds. The text, if this key ends one.
    pub fn key(&mut self, key: &str, now_ms: f64) -> Option<Zeroizing<String>> {
        if now_ms - self.last_ms > BURST_GAP_MS {
            self.typed = Zeroizing::default();
        }
        self.last_ms = now_ms;
        let mut characters = key.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) if self.typed.len() <= MAX_CHARS => self.typed.push(character),
            _ if key == "Enter" && self.typed.chars().count() >= BURST_CHARS => {
                return Some(core::mem::take(&mut self.typed));
            }
            // Shift and its kind stand between the characters of a code.
            _ => {}
        }
        None
    }
}

/// The size at which a picture of `width` times `height` is read.
#[must_use]
pub fn picture_size(width: u32, height: u32) -> (u32, u32) {
    within(width, height, PICTURE_SIDE_PX)
}

fn within(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        let scaled = u64::from(length) * u64::from(side) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}

/// FNV-1a. Two codes of one session with the same hash are not a thing that happens, and a code cannot be had back.
fn hash(text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.trim().bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    const CODE: &str = "Zm9vK2Jhci9iYXo5MDIxNDUyMzY3ODkw";
    const OTHER: &str = "T3RyYUNhcnRlcmE1NTU1MTIzNDU2Nzg5";

    fn live() -> Reading {
        let mut reading = Reading::default();
        assert_eq!(reading.press(), Some(Wish::Ideal));
        let turn = reading.turn();
        assert!(reading.granted(turn));
        reading
    }

    #[test]
    fn from_a_press_to_a_charge() {
        let mut reading = live();
        assert_eq!(reading.camera(), Camera::Live);
        let turn = reading.turn();
        assert!(matches!(reading.saw(turn, CODE), Found::Code(code) if code.as_str() == CODE));
        assert_eq!(reading.camera(), Camera::Found);
        assert!(reading.is_charging());
        reading.charging(false);
        assert_eq!(reading.camera(), Camera::Off);
    }

    #[test]
    fn a_code_is_taken_once_however_often_and_however_it_is_given() {
        let mut reading = live();
        let turn = reading.turn();
        assert!(matches!(reading.saw(turn, CODE), Found::Code(_)));
        assert!(matches!(reading.saw(turn, CODE), Found::Nothing));
        assert!(
            matches!(reading.given(OTHER), Found::Nothing),
            "one charge at a time"
        );
        assert_eq!(reading.press(), None);
        reading.charging(false);
        assert!(matches!(reading.given(&format!(" {CODE}\n")), Found::Again));
        assert!(matches!(reading.given(OTHER), Found::Code(_)));
    }

    #[test]
    fn a_code_that_was_not_sent_after_all_may_be_given_again() {
        let mut reading = live();
        let turn = reading.turn();
        assert!(matches!(reading.saw(turn, CODE), Found::Code(_)));
        reading.withdraw();
        assert_eq!(reading.camera(), Camera::Off);
        assert!(matches!(reading.given(CODE), Found::Code(_)));
    }

    fn typed(text: &str, gap_ms: f64) -> Option<String> {
        let mut burst = Burst::default();
        let mut now_ms = 5_000.0;
        let mut found = None;
        for key in text
            .chars()
            .map(String::from)
            .chain([String::from("Enter")])
        {
            now_ms += gap_ms;
            found = burst.key("Shift", now_ms).or(burst.key(&key, now_ms));
        }
        found.map(|text| text.to_string())
    }

    #[test]
    fn a_scanner_is_told_from_a_person_by_its_haste() {
        assert_eq!(typed(CODE, 12.0).as_deref(), Some(CODE));
        assert_eq!(typed(CODE, 140.0), None);
        assert_eq!(typed("corto", 12.0), None);
    }

    #[test]
    fn a_wrong_code_before_the_camera_is_told_once_and_the_camera_stays_on() {
        let mut reading = live();
        let turn = reading.turn();
        let address = "https://example.mx/menu";
        assert!(matches!(
            reading.saw(turn, address),
            Found::Wrong(NotAWalletCode::WebAddress)
        ));
        assert!(matches!(reading.saw(turn, address), Found::Nothing));
        assert_eq!(reading.camera(), Camera::Live);
        assert!(
            matches!(reading.given(address), Found::Wrong(_)),
            "given again, told again"
        );
        assert!(matches!(reading.saw(turn, CODE), Found::Code(_)));
    }

    #[test]
    fn what_a_camera_saw_before_it_was_turned_off_comes_too_late() {
        let mut reading = live();
        let turn = reading.turn();
        reading.stop();
        assert!(matches!(reading.saw(turn, CODE), Found::Nothing));
        assert_eq!(reading.camera(), Camera::Off);
    }

    #[test]
    fn a_camera_that_comes_when_nobody_waits_any_more_is_let_go() {
        let mut reading = Reading::default();
        reading.press();
        let turn = reading.turn();
        reading.slow(turn);
        assert_eq!(reading.camera(), Camera::Asking { slow: true });
        reading.stop();
        assert!(!reading.granted(turn));
        assert_eq!(reading.camera(), Camera::Off);
        reading.press();
        assert!(!reading.granted(turn), "asked for by the press before");
    }

    #[test]
    fn a_browser_that_answers_late_is_still_heard() {
        let mut reading = Reading::default();
        reading.press();
        let turn = reading.turn();
        reading.slow(turn);
        assert!(reading.granted(turn));
        reading.slow(turn);
        assert_eq!(reading.camera(), Camera::Live);
    }

    #[test]
    fn each_refusal_has_its_own_way_on() {
        for (name, forbidden, failure) in [
            ("NotAllowedError", false, Failure::Denied),
            ("NotAllowedError", true, Failure::Policy),
            ("SecurityError", false, Failure::Policy),
            ("NotFoundError", false, Failure::Missing),
            ("NotReadableError", false, Failure::Busy),
            ("TypeError", false, Failure::Broken),
        ] {
            let mut reading = Reading::default();
            reading.press();
            let turn = reading.turn();
            assert_eq!(reading.refused(turn, name, forbidden), None, "{name}");
            assert_eq!(reading.camera(), Camera::Failed(failure), "{name}");
            assert_eq!(reading.press(), Some(Wish::Ideal), "and once more");
        }
    }

    #[test]
    fn a_wish_too_strict_is_given_up_once_and_a_stumble_is_tried_again_once() {
        for (name, wish, failure) in [
            ("OverconstrainedError", Wish::Any, Failure::Missing),
            ("AbortError", Wish::Ideal, Failure::Broken),
        ] {
            let mut reading = Reading::default();
            reading.press();
            let turn = reading.turn();
            assert_eq!(reading.refused(turn, name, false), Some(wish));
            assert_eq!(reading.camera(), Camera::Asking { slow: false });
            assert_eq!(reading.refused(turn, name, false), None);
            assert_eq!(reading.camera(), Camera::Failed(failure));
        }
    }

    #[test]
    fn a_camera_that_goes_away_can_be_turned_on_again() {
        let mut reading = live();
        reading.failed(Failure::Ended);
        assert_eq!(reading.camera(), Camera::Failed(Failure::Ended));
        reading.stop();
        assert_eq!(
            reading.camera(),
            Camera::Failed(Failure::Ended),
            "why stays on screen"
        );
        assert_eq!(reading.press(), Some(Wish::Ideal));
    }

    #[test]
    fn the_middle_is_read_and_every_fifth_time_everything() {
        let mut reading = live();
        let areas: Vec<_> = (0..10).map(|_| reading.next_area(1280, 720)).collect();
        assert_eq!(areas[0], (280, 0, 720, 720, (640, 640)));
        assert_eq!(areas[4], (0, 0, 1280, 720, (640, 360)));
        assert_eq!(areas.iter().filter(|area| area.2 == 1280).count(), 2);
        assert_eq!(reading.next_area(480, 640), (0, 80, 480, 480, (480, 480)));
    }

    #[test]
    fn a_picture_is_made_smaller_and_never_larger() {
        assert_eq!(picture_size(4_000, 3_000), (1_600, 1_200));
        assert_eq!(picture_size(800, 600), (800, 600));
        assert_eq!(picture_size(20_000, 3), (1_600, 1));
        assert_eq!(picture_size(0, 0), (0, 0));
    }
}
