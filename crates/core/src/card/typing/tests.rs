//! A field is written with a bar for its caret: `4242 4|2`.

use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::card::Pan;

/// Which function a field is wired to: previous text, raw text, caret.
type Format = fn(&str, &str, usize) -> Typed;

const NUMBER: Format = |_, raw, caret| card_number(raw, caret);
const NUMBER_AFTER: Format = card_number_after;
const EXPIRY: Format = |previous, raw, caret| expiry(raw, caret, previous);
const AMEX_CVC: Format = |_, raw, caret| cvc(raw, caret, Some(Brand::Amex));

/// An input element, as far as these functions see one.
struct Field {
    text: String,
    caret: usize,
    format: Format,
}

impl Field {
    fn new(format: Format) -> Self {
        Self {
            text: String::new(),
            caret: 0,
            format,
        }
    }

    /// A field that holds this text, with the caret at the bar.
    fn at(format: Format, shown: &str) -> Self {
        Self {
            text: shown.replace('|', ""),
            caret: shown.find('|').unwrap(),
            format,
        }
    }

    fn edit(mut self, cut: core::ops::Range<usize>, insert: &str) -> Self {
        let previous = self.text.clone();
        let mut raw = self.text.clone();
        raw.replace_range(cut.clone(), insert);
        let caret = cut.start + insert.encode_utf16().count();
        let typed = (self.format)(&previous, &raw, caret);
        self.text.clone_from(&typed.text);
        self.caret = typed.caret;
        self
    }

    fn paste(self, text: &str) -> Self {
        let caret = self.caret;
        self.edit(caret..caret, text)
    }

    /// One key after the other.
    fn keys(self, keys: &str) -> Self {
        keys.chars().fold(self, |field, key| match key {
            '<' => field.backspace(),
            '>' => field.delete(),
            key => field.paste(key.encode_utf8(&mut [0; 4])),
        })
    }

    fn backspace(self) -> Self {
        match self.caret {
            0 => self,
            caret => self.edit(caret - 1..caret, ""),
        }
    }

    fn delete(self) -> Self {
        let caret = self.caret;
        if caret == self.text.len() {
            self
        } else {
            self.edit(caret..caret + 1, "")
        }
    }

    fn digits(&self) -> String {
        self.text.chars().filter(char::is_ascii_digit).collect()
    }

    fn digits_before_caret(&self) -> usize {
        self.text
            .chars()
            .take(self.caret)
            .filter(char::is_ascii_digit)
            .count()
    }

    fn shown(&self) -> String {
        let mut shown = self.text.clone();
        shown.insert(self.caret, '|');
        shown
    }
}

fn typed(format: Format, keys: &str) -> String {
    Field::new(format).keys(keys).shown()
}

fn edited(format: Format, shown: &str, keys: &str) -> String {
    Field::at(format, shown).keys(keys).shown()
}

fn pasted(format: Format, text: &str) -> String {
    Field::new(format).paste(text).shown()
}

#[test]
fn a_typed_number_is_grouped_as_its_brand_s_cards_are() {
    assert_eq!(typed(NUMBER, "4242"), "4242|");
    assert_eq!(typed(NUMBER, "42424"), "4242 4|");
    assert_eq!(typed(NUMBER, "4242424242424242"), "4242 4242 4242 4242|");
    assert_eq!(typed(NUMBER, "378282246310005"), "3782 822463 10005|");
    assert_eq!(typed(NUMBER, "30569309025904"), "3056 930902 5904|");
    assert_eq!(typed(NUMBER, "3600000000000008"), "3600 0000 0000 0008|");
    assert_eq!(
        typed(NUMBER, "6304000000000000000"),
        "6304 0000 0000 0000 000|"
    );
}

#[test]
fn a_digit_more_than_the_brand_has_is_refused_where_it_was_typed() {
    assert_eq!(typed(NUMBER, "3782822463100059"), "3782 822463 10005|");
    assert_eq!(typed(NUMBER, "55555555555544449"), "5555 5555 5555 4444|");
    assert_eq!(
        typed(NUMBER, "63040000000000000009"),
        "6304 0000 0000 0000 000|"
    );
    assert_eq!(
        edited(NUMBER, "5555 5|555 5555 4444", "9"),
        "5555 5|555 5555 4444"
    );
    assert_eq!(
        edited(NUMBER, "|5555 5555 5555 4444", "5"),
        "|5555 5555 5555 4444"
    );
    assert_eq!(
        edited(NUMBER, "37|82 822463 10005", "1"),
        "37|82 822463 10005"
    );
    // It would be an American Express number, and two digits too long.
    assert_eq!(
        edited(NUMBER, "3|530 1113 3330 0000", "4"),
        "3|530 1113 3330 0000"
    );
}

#[test]
fn the_caret_stays_behind_the_digit_it_stood_behind() {
    assert_eq!(edited(NUMBER, "42|42 4242", "9"), "429|4 2424 2");
    assert_eq!(edited(NUMBER, "424|2 4242", "9"), "4249| 2424 2");
    assert_eq!(edited(NUMBER, "4242| 4242", "9"), "4242 9|424 2");
    assert_eq!(edited(NUMBER, "4242 |4242", "9"), "4242 9|424 2");
    assert_eq!(edited(NUMBER, "4242 4|242", "<"), "4242| 242");
    assert_eq!(edited(NUMBER, "4242 42|42 42", "<"), "4242 4|424 2");
    assert_eq!(edited(NUMBER, "|4242 42", ">"), "|2424 2");
    assert_eq!(edited(NUMBER, "4242 4|", "<"), "4242|");
    assert_eq!(edited(NUMBER, "4|", "<"), "|");
}

#[test]
fn a_change_of_brand_regroups_and_keeps_the_caret() {
    assert_eq!(
        edited(NUMBER, "|7828 2246 3100 05", "3"),
        "3|782 822463 10005"
    );
    assert_eq!(
        edited(NUMBER, "3|782 822463 10005", "<"),
        "|7828 2246 3100 05"
    );
    assert_eq!(
        edited(NUMBER, "|6304 0000 0000 0000 000", "4"),
        "|6304 0000 0000 0000 000"
    );
}

#[test]
fn pasting_takes_any_spacing_and_any_digits() {
    for text in [
        "4242424242424242",
        "4242-4242-4242-4242",
        "4242\u{a0}4242\u{a0}4242\u{a0}4242",
        "\t4242 4242 4242 4242\r\n",
        "42 42 42 42 42 42 42 42",
        "Tarjeta: 4242.4242.4242.4242",
        "４２４２４２４２４２４２４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "💳 4242 4242 4242 4242 💳",
    ] {
        assert_eq!(pasted(NUMBER, text), "4242 4242 4242 4242|", "{text}");
    }
    assert_eq!(
        Field::at(NUMBER, "42|42").paste("99 99 9").shown(),
        "4299 999|4 2"
    );
    assert_eq!(
        Field::at(NUMBER, "|4242").paste("4242").shown(),
        "4242| 4242"
    );
    assert_eq!(pasted(NUMBER, "-"), "|");
}

// A browser counts an emoji as two units; the caret must not run ahead of the digits by one.
#[test]
fn a_caret_among_characters_of_two_units_is_where_the_browser_says() {
    let typed = card_number("💳💳42x42 4", 8);
    assert_eq!((typed.text.as_str(), typed.caret), ("4242 4", 3));
    let inside = card_number("💳4", 1);
    assert_eq!((inside.text.as_str(), inside.caret), ("4", 0));
    let beyond = card_number("42424", 99);
    assert_eq!((beyond.text.as_str(), beyond.caret), ("4242 4", 6));
}

#[test]
fn deleting_a_space_deletes_the_digit_before_it() {
    assert_eq!(edited(NUMBER_AFTER, "4242 |4212", "<"), "424|4 212");
    assert_eq!(
        edited(NUMBER_AFTER, "3782 822463 |10005", "<"),
        "3782 82246|1 0005"
    );
    // Not a deletion, though the same text comes of it.
    assert_eq!(
        Field::at(NUMBER_AFTER, "|4242").paste("4242").shown(),
        "4242| 4242"
    );
    assert_eq!(
        Field::at(NUMBER_AFTER, "4242|").keys("4").shown(),
        "4242 4|"
    );
    // Without the text before, the caret goes before the space, and the next one deletes.
    assert_eq!(edited(NUMBER, "4242 |4212", "<"), "4242| 4212");
    assert_eq!(edited(NUMBER, "4242 |4212", "<<"), "424|4 212");
}

#[test]
fn holding_backspace_empties_a_number_one_digit_at_a_time() {
    for format in [NUMBER, NUMBER_AFTER] {
        let mut field = Field::new(format).paste("378282246310005");
        for left in (0..15).rev() {
            field = field.backspace();
            assert_eq!(field.digits().len(), left);
        }
        assert_eq!(field.shown(), "|");
    }
}

#[test]
fn a_cvc_field_takes_as_many_digits_as_the_brand_has() {
    assert_eq!(typed(AMEX_CVC, "12345"), "1234|");
    let typed = |raw, caret, brand| {
        let typed = cvc(raw, caret, brand);
        (typed.text.clone(), typed.caret)
    };
    assert_eq!(typed("1234", 4, Some(Brand::Visa)), ("123".into(), 3));
    assert_eq!(typed("1234", 4, None), ("1234".into(), 4));
    assert_eq!(typed("1 2a3", 2, None), ("123".into(), 1));
    assert_eq!(typed("9123", 1, Some(Brand::Visa)), ("123".into(), 0));
    assert_eq!(typed("", 0, None), (String::new(), 0));
}

#[test]
fn an_expiry_moves_on_by_itself() {
    for (keys, shown) in [
        ("", "|"),
        ("0", "0|"),
        ("01", "01 / |"),
        ("1", "1|"),
        ("12", "12 / |"),
        ("123", "12 / 3|"),
        ("1230", "12 / 30|"),
        ("0130", "01 / 30|"),
        ("2", "02 / |"),
        ("930", "09 / 30|"),
        ("13", "01 / 3|"),
        ("130", "01 / 30|"),
        ("1/", "01 / |"),
        ("1/3", "01 / 3|"),
        ("1 30", "01 / 30|"),
        ("1-30", "01 / 30|"),
        ("12/30", "12 / 30|"),
        ("12 / 30", "12 / 30|"),
        ("2/30", "02 / 30|"),
        ("01/2030", "01 / 30|"),
        ("1/2030", "01 / 30|"),
        ("012030", "01 / 30|"),
        ("0120", "01 / 20|"),
        ("01203", "01 / 203|"),
        ("12309", "12 / 30|"),
        ("0120309", "01 / 30|"),
        ("0/", "0|"),
        ("00", "00 / |"),
        ("/", "|"),
        ("x", "|"),
        ("1x2", "12 / |"),
    ] {
        assert_eq!(typed(EXPIRY, keys), shown, "{keys}");
    }
}

#[test]
fn a_pasted_or_filled_in_expiry_is_put_in_form() {
    for (text, shown) in [
        ("12/30", "12 / 30|"),
        ("1/27", "01 / 27|"),
        ("0127", "01 / 27|"),
        ("01/2027", "01 / 27|"),
        ("012027", "01 / 27|"),
        ("1-2027", "01 / 27|"),
        (" 12 / 2030 ", "12 / 30|"),
        ("2030-12", "12 / 30|"),
        ("2030/1", "01 / 30|"),
        ("13/27", "13 / 27|"),
        ("5", "05 / |"),
        ("１２／３０", "12 / 30|"),
        ("12/30/1999", "12 / 30|"),
    ] {
        assert_eq!(pasted(EXPIRY, text), shown, "{text}");
    }
    // A browser that fills a field in leaves the caret where it was.
    let filled = expiry("1/27", 0, "");
    assert_eq!((filled.text.as_str(), filled.caret), ("01 / 27", 0));
}

#[test]
fn an_expiry_deletes_back_as_if_there_were_no_separator() {
    assert_eq!(edited(EXPIRY, "12 / 30|", "<"), "12 / 3|");
    assert_eq!(edited(EXPIRY, "12 / 30|", "<<"), "12 / |");
    assert_eq!(edited(EXPIRY, "12 / 30|", "<<<"), "1|");
    assert_eq!(edited(EXPIRY, "12 / 30|", "<<<<"), "|");
    assert_eq!(edited(EXPIRY, "02 / |", "<"), "0|");
    assert_eq!(edited(EXPIRY, "12 / |30", "<"), "1| / 30");
    assert_eq!(edited(EXPIRY, "12 / |30", "<<"), "| / 30");
    assert_eq!(edited(EXPIRY, "12 /| 30", "<"), "1| / 30");
    assert_eq!(edited(EXPIRY, "12| / 30", ">"), "12| / 0");
    assert_eq!(edited(EXPIRY, "12| / 30", ">>"), "12| / ");
    assert_eq!(edited(EXPIRY, "12 / 3|0", "<"), "12 / |0");
    assert_eq!(edited(EXPIRY, "1|2 / 30", "<"), "|2 / 30");
    assert_eq!(edited(EXPIRY, "|12 / 30", ">"), "|2 / 30");
    assert_eq!(edited(EXPIRY, "12| / ", ">"), "12| / ");
}

#[test]
fn an_expiry_can_be_mended_in_the_middle() {
    assert_eq!(edited(EXPIRY, "12| / 30", "<1"), "11 / |30");
    assert_eq!(edited(EXPIRY, "1|2 / 30", "<0"), "0|2 / 30");
    assert_eq!(edited(EXPIRY, "12 / 3|0", "<2"), "12 / 2|0");
    assert_eq!(edited(EXPIRY, "| / 30", "1"), "1| / 30");
    assert_eq!(edited(EXPIRY, "| / 30", "12"), "12 / |30");
    assert_eq!(edited(EXPIRY, "| / 30", "5"), "05 / |30");
    assert_eq!(edited(EXPIRY, "1| / 30", "2"), "12 / |30");
    assert_eq!(edited(EXPIRY, "1| / 30", "/"), "01 / |30");
    assert_eq!(edited(EXPIRY, "12| / ", "3"), "12 / 3|");
    // Full: what is typed is refused, what is there stays.
    assert_eq!(edited(EXPIRY, "1|2 / 30", "3"), "1|2 / 30");
    assert_eq!(edited(EXPIRY, "12 / |30", "4"), "12 / |30");
    // Everything selected and typed over.
    assert_eq!(
        Field::at(EXPIRY, "|12 / 30").edit(0..7, "5").shown(),
        "05 / |"
    );
    assert_eq!(Field::at(EXPIRY, "|12 / 30").edit(0..7, "1").shown(), "1|");
    assert_eq!(Field::at(EXPIRY, "|12 / 30").edit(0..7, "").shown(), "|");
}

/// What somebody may do in a field.
#[derive(Clone, Debug)]
enum Edit {
    Key(char),
    Paste(String),
    Backspace,
    Delete,
    MoveTo(usize),
    Cut(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        6 => proptest::char::range('0', '9').prop_map(Edit::Key),
        1 => "[ /x-]".prop_map(|text| Edit::Key(text.chars().next().unwrap())),
        1 => "[0-9 /-]{0,24}|\\PC{0,6}".prop_map(Edit::Paste),
        3 => Just(Edit::Backspace),
        1 => Just(Edit::Delete),
        2 => (0..30_usize).prop_map(Edit::MoveTo),
        1 => (0..8_usize).prop_map(Edit::Cut),
    ];
    proptest::collection::vec(edit, 0..40)
}

fn apply(mut field: Field, edit: &Edit) -> Field {
    match edit {
        Edit::Key(key) => field.paste(key.encode_utf8(&mut [0; 4])),
        Edit::Paste(text) => field.paste(text),
        Edit::Backspace => field.backspace(),
        Edit::Delete => field.delete(),
        Edit::MoveTo(caret) => {
            field.caret = (*caret).min(field.text.len());
            field
        }
        Edit::Cut(length) => {
            let end = (field.caret + length).min(field.text.len());
            let caret = field.caret;
            field.edit(caret..end, "")
        }
    }
}

fn assert_in_form(field: &Field, after: &Edit) -> Result<(), TestCaseError> {
    prop_assert!(
        field
            .text
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b' ' || b == b'/')
    );
    prop_assert!(field.caret <= field.text.len());
    if matches!(after, Edit::MoveTo(_)) {
        // Nobody formats a field because its caret was moved.
        return Ok(());
    }
    let again = (field.format)(&field.text, &field.text, field.caret);
    prop_assert_eq!((&again.text, again.caret), (&field.text, field.caret));
    Ok(())
}

proptest! {
    #[test]
    fn a_number_field_loses_and_swaps_no_digit_whatever_is_done_in_it(edits in edits()) {
        for (format, knows_before) in [(NUMBER, false), (NUMBER_AFTER, true)] {
            let mut field = Field::new(format);
            for edit in &edits {
                let before = field.digits();
                let at = field.digits_before_caret();
                field = apply(field, edit);
                let after = field.digits();
                assert_in_form(&field, edit)?;
                prop_assert!(after.len() <= 19);
                match edit {
                    Edit::Key(key) if key.is_ascii_digit() => {
                        let mut with = before.clone();
                        with.insert(at, *key);
                        // There, with the caret behind it; or the number was full and is as before.
                        if after == with {
                            prop_assert_eq!(field.digits_before_caret(), at + 1);
                        } else {
                            prop_assert_eq!((&after, field.digits_before_caret()), (&before, at));
                            prop_assert!(before.len() >= 15, "{}", before);
                        }
                    }
                    Edit::Key(_) | Edit::MoveTo(_) => prop_assert_eq!(after, before),
                    Edit::Backspace => {
                        let mut without = before.clone();
                        if at > 0 {
                            without.remove(at - 1);
                        }
                        if knows_before {
                            // The end goes when what is left has a brand with shorter numbers.
                            prop_assert!(without.starts_with(&after), "{} {}", before, after);
                        } else {
                            // A space costs a second press.
                            prop_assert!(after == without || after == before || before.len() > 15);
                        }
                    }
                    Edit::Paste(_) | Edit::Delete | Edit::Cut(_) => {}
                }
            }
        }
    }

    #[test]
    fn an_expiry_field_stays_in_form_whatever_is_done_in_it(edits in edits()) {
        let mut field = Field::new(EXPIRY);
        for edit in &edits {
            field = apply(field, edit);
            assert_in_form(&field, edit)?;
            prop_assert!(field.text.len() <= "01 / 203".len(), "{}", field.text);
        }
        // However it came about, it can be emptied from the end.
        field.caret = field.text.len();
        let digits = field.digits().len();
        for _ in 0..=digits {
            field = field.backspace();
        }
        prop_assert_eq!(field.shown(), "|");
    }

    #[test]
    fn any_text_and_any_caret_give_a_field_in_form(raw in "\\PC{0,40}", previous in "\\PC{0,12}", caret in 0..60_usize) {
        let number = card_number(&raw, caret);
        let digits: String = raw.chars().filter_map(digit).collect();
        let shown: String = number.text.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(digits.len() > 12 || shown == digits);
        for typed in [number, card_number_after(&previous, &raw, caret), cvc(&raw, caret, None), expiry(&raw, caret, &previous)] {
            prop_assert!(typed.text.is_ascii());
            prop_assert!(typed.caret <= typed.text.len());
        }
    }

    #[test]
    fn a_number_typed_key_by_key_is_the_number_pasted(digits in "[0-9]{0,19}") {
        let pasted = Field::new(NUMBER).paste(&digits);
        let typed = Field::new(NUMBER).keys(&digits);
        prop_assert_eq!(pasted.shown(), typed.shown());
        prop_assert_eq!(Pan::parse(&typed.text).is_ok(), Pan::parse(&typed.digits()).is_ok());
    }

    #[test]
    fn an_expiry_typed_key_by_key_is_the_expiry_pasted(month in 1..=12, year in 26..=46) {
        let text = format!("{month:02}{year}");
        prop_assert_eq!(typed(EXPIRY, &text), format!("{month:02} / {year}|"));
        prop_assert_eq!(pasted(EXPIRY, &text), format!("{month:02} / {year}|"));
        prop_assert_eq!(typed(EXPIRY, &format!("{month}/{year}")), format!("{month:02} / {year}|"));
        prop_assert_eq!(typed(EXPIRY, &format!("{month:02}/20{year}")), format!("{month:02} / {year}|"));
    }
}
