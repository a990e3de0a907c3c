use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;

const PAN: &str = "4242424242424242";
const KEY: &str = "vsk_0123456789abcdefghijklmnopqrstuv/+";
const LK: &str =
    "q83vEjRWeJq83vEjRWeJASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83v";

struct File(PathBuf);

impl File {
    fn with(name: &str, bytes: &[u8]) -> Self {
        let name = format!("ventanilla-leak-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn scan_of(path: &Path) -> Vec<Leak> {
    let mut scan = Scan::new(&[
        Canary::pan(PAN),
        Canary::cvc("737"),
        Canary::lasting("API key", KEY),
        Canary::fleeting("lk", LK),
    ]);
    scan.read(path).unwrap();
    scan.leaks()
}

/// The kinds and forms found in a text.
fn found(name: &str, text: &str) -> Vec<(&'static str, &'static str)> {
    let file = File::with(name, text.as_bytes());
    let leaks = scan_of(&file.0);
    leaks.iter().map(|leak| (leak.kind, leak.form)).collect()
}

#[test]
fn a_card_number_is_found_in_every_form() {
    let json = format!("{{\"pan\":\"{PAN}\"}}");
    for (text, form) in [
        (PAN.to_owned(), "plain"),
        ("4242 4242 4242 4242".to_owned(), "grouped by spaces"),
        ("4242-4242-4242-4242".to_owned(), "grouped by dashes"),
        (
            "4242%204242%204242%204242".to_owned(),
            "grouped, URL-encoded",
        ),
        (hex::encode(&json), "hex"),
        (hex::encode_upper(&json), "hex"),
        (STANDARD.encode(&json), "base64"),
        (STANDARD.encode(format!("x{json}")), "base64"),
        (STANDARD.encode(format!("xx{json}")), "base64"),
    ] {
        let text = format!("{{\"message\":\"{text} and so on\"}}");
        assert_eq!(found("pan", &text), [("card number", form)], "{text}");
    }
}

#[test]
fn secrets_are_found_encoded_too() {
    for (text, form) in [
        (KEY.to_owned(), "plain"),
        (KEY.replace('/', "\\/"), "JSON-escaped"),
        (KEY.replace('/', "%2F").replace('+', "%2B"), "URL-encoded"),
        (URL_SAFE_NO_PAD.encode(format!("a{KEY}")), "base64"),
    ] {
        let forms = found("key", &format!("key={text};"));
        assert_eq!(forms, [("API key", form)], "{text}");
    }
}

#[test]
fn a_part_of_a_sealed_card_gives_it_away() {
    for (from, to) in [(0, 30), (25, 60), (50, LK.len())] {
        let part = LK.get(from..to).unwrap();
        assert_eq!(found("lk", part), [("lk", "plain")], "{part}");
    }
    let raw = STANDARD.decode(LK).unwrap();
    let file = File::with("raw", &raw);
    assert_eq!(scan_of(&file.0)[0].form, "decoded");
}

#[test]
fn a_cvc_is_found_beside_its_name_only() {
    assert!(found("cvc", "737 took 737 ms, id 17373").is_empty());
    for text in [
        r#"{"cvc":"737"}"#,
        r#"{\"cvc\":\"737\"}"#,
        "cvv: 737",
        "?cvc=737",
    ] {
        assert!(!found("cvc", text).is_empty(), "{text}");
    }
    let sealed = STANDARD.encode(r#"{"card":{"cvc":"737"}}"#);
    assert_eq!(found("cvc", &sealed), [("CVC", "base64")]);
}

#[test]
fn innocent_texts_are_not_found() {
    let text = "4242 4242 4242 4241, 424242******4242, vsk_0123, q83vEjRWeJq83v, \
        c0ffee 2026-11-20T12:00:00Z att_0123456789abcdefghijklmnop";
    assert!(found("none", text).is_empty());
}

// What lies across two reads of the file must be found, and found once.
#[test]
fn what_lies_across_two_chunks_is_found_once_and_its_place_told() {
    for before in [
        (1 << 20) - 16,
        (1 << 20) - 15,
        (1 << 20) - 1,
        1 << 20,
        3 << 20,
    ] {
        let mut bytes = vec![b'.'; before];
        bytes.extend(PAN.as_bytes());
        bytes.extend([b'.'; 100]);
        let file = File::with("chunks", &bytes);
        let leaks = scan_of(&file.0);
        assert_eq!(leaks.len(), 1, "{before}");
        let end = u64::try_from(before + PAN.len()).unwrap();
        assert_eq!((leaks[0].offset, leaks[0].times), (end, 1), "{before}");
    }
}

#[test]
fn a_leak_does_not_tell_the_value() {
    let file = File::with("value", PAN.as_bytes());
    let leaks = scan_of(&file.0);
    assert!(!format!("{leaks:?}").contains(PAN));
    assert!(!serde_json::to_string(&leaks).unwrap().contains(PAN));
}
