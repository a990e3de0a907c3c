//! Codes that were altered on the way, and texts that never were codes.

use proptest::prelude::*;
use ventanilla_core::qr::{Code, Kind, Writer};

use crate::vectors::Codes;
use crate::writing::ascii_code;

/// What a scanner, a keyboard or a forger might put there; random ones come further down.
const INSTEAD: [char; 8] = ['0', '1', '5', '9', 'A', 'f', ' ', '~'];

fn with_char(text: &str, index: usize, c: char) -> String {
    text.chars()
        .enumerate()
        .map(|(at, old)| if at == index { c } else { old })
        .collect()
}

/// Whether the texts are the same but for the case of the checksum.
fn means_the_same(altered: &str, original: &str) -> bool {
    let body = |text: &str| text.chars().take(original.len() - 4).collect::<String>();
    altered.eq_ignore_ascii_case(original) && body(altered) == body(original)
}

// A checksum of 16 bits notices every run of altered bits up to 16 long: any one character, any two
// neighbours.
#[test]
fn no_single_altered_character_of_any_published_code_goes_unnoticed() {
    for vector in Codes::read()
        .argentine()
        .filter(|code| code.payload.is_ascii())
    {
        for index in 0..vector.payload.len() {
            for c in INSTEAD {
                let altered = with_char(&vector.payload, index, c);
                assert!(
                    Code::read(&altered).is_err() || means_the_same(&altered, &vector.payload),
                    "{} at {index}: {altered}",
                    vector.id
                );
            }
        }
    }
}

#[test]
fn no_code_that_was_cut_off_goes_unnoticed() {
    for vector in Codes::read().valid {
        for (end, _) in vector.payload.char_indices() {
            let (cut, _) = vector.payload.split_at(end);
            assert!(Code::read(cut).is_err(), "{}: {cut}", vector.id);
        }
    }
}

/// Asks for everything that a code can tell.
fn ask_everything(code: &Code) {
    let total = code.money();
    let _ = (code.kind(), code.tax_id(), code.account(), code.warnings());
    let _ = (code.name(), code.city(), code.acceptors().count());
    for tag in 0..=u8::MAX {
        let _ = (code.label(tag), code.template(tag).count());
    }
    if let Ok(Some(total)) = total {
        let _ = code.held_against(total, None);
    }
    // Whatever was accepted is accepted again, as the same.
    assert_eq!(Code::read(code.text()).as_ref(), Ok(code));
}

proptest! {
    #[test]
    fn one_altered_character_is_refused_or_changes_nothing(code in ascii_code(), at in any::<prop::sample::Index>(), c in proptest::char::range(' ', '~')) {
        let altered = with_char(code.text(), at.index(code.text().len()), c);
        if let Ok(read) = Code::read(&altered) {
            prop_assert!(means_the_same(read.text(), code.text()), "{}", altered);
        }
    }

    #[test]
    fn swapped_neighbours_are_refused(code in ascii_code(), at in any::<prop::sample::Index>()) {
        let mut characters: Vec<char> = code.text().chars().collect();
        let index = at.index(characters.len() - 1);
        characters.swap(index, index + 1);
        let altered: String = characters.into_iter().collect();
        prop_assert_eq!(Code::read(&altered).is_ok(), altered == code.text());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,120}|[0-9]{0,300}|000201[0-9A-Zñ🥐.]{0,200}") {
        if let Ok(code) = Code::read(&text) {
            ask_everything(&code);
        }
    }

    #[test]
    fn no_chain_of_objects_makes_the_reader_panic(
        objects in prop::collection::vec((0..=101_u8, "[0-9a-zñ.🥐]{0,30}|0[0-9]0[1-9][a-z]{1,9}|\\PC{0,99}"), 0..8),
    ) {
        let writer = Writer::new(Kind::Unstated)
            .template(43, &[(0, "com.ejemplo.psp")])
            .merchant("COMERCIO PRUEBA", "CABA");
        let written = objects
            .iter()
            .fold(writer, |writer, (tag, value)| writer.object(*tag, value))
            .finish();
        if let Ok(code) = written {
            ask_everything(&code);
        }
    }
}
