//! What a request must look like, judged as the provider's AJV does: every violation is listed, in a bare
//! array with HTTP 400.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::amount::Amount;

use super::answer::{Reply, to_json};

/// A request body that passed the outermost test: it is an object.
pub(super) type Body = Map<String, Value>;

/// A property and what it must be.
pub(super) struct Property {
    name: &'static str,
    required: bool,
    form: Form,
}

/// What a value must be.
pub(super) enum Form {
    /// A text.
    Text,
    /// A text of at least one character.
    FilledText,
    /// 36 characters in the pattern of a UUID.
    Uuid,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A number above zero with at most two decimal places.
    Price,
    /// A whole number.
    Integer,
    /// A whole number from the first to the second.
    Between(u64, u64),
    /// A two-letter country code.
    Country,
    /// An array of texts.
    Texts,
    /// An object with these properties.
    Object(&'static [Property]),
    /// An array of such objects.
    Objects(&'static [Property]),
    /// An array of one text or more.
    FilledTexts,
    /// An array of one such object or more.
    FilledObjects(&'static [Property]),
}

pub(super) const fn required(name: &'static str, form: Form) -> Property {
    Property {
        name,
        required: true,
        form,
    }
}

pub(super) const fn optional(name: &'static str, form: Form) -> Property {
    Property {
        name,
        required: false,
        form,
    }
}

pub(super) const CREDENTIALS: [Property; 2] = [
    required("secret", Form::FilledText),
    required("merchantId", Form::Uuid),
];

const ADDRESS: &[Property] = &[
    required("country", Form::Country),
    required("street1", Form::FilledText),
    optional("street2", Form::Text),
    optional("city", Form::Text),
    optional("province", Form::Text),
    optional("zip", Form::Text),
    optional("phone", Form::Text),
];

const PRODUCT: &[Property] = &[
    optional("skuId", Form::Text),
    required("description", Form::Text),
    required("quantity", Form::Integer),
    required("price", Form::Price),
    optional("type", Form::Text),
];

const ADDITIONAL: &[Property] = &[
    optional(
        "customer",
        Form::Object(&[
            required("name", Form::Text),
            required("email", Form::Text),
            optional("identification", Form::Text),
            optional("billingAddress", Form::Object(ADDRESS)),
            optional("shippingAddress", Form::Object(ADDRESS)),
        ]),
    ),
    optional("products", Form::Objects(PRODUCT)),
    optional("details", Form::Object(&[])),
];

pub(super) const ORDER: [Property; 8] = [
    required("terminal", Form::FilledText),
    required("amount", Form::Price),
    required("currency", Form::OneOf(&["CRC", "USD"])),
    required("description", Form::Text),
    required("orderReference", Form::FilledText),
    optional("callback", Form::Text),
    optional("numberOfPayments", Form::Texts),
    optional("additional", Form::Object(ADDITIONAL)),
];

const UUID_PATTERN: &str =
    "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/// An entry of the array.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Violation {
    keyword: &'static str,
    data_path: String,
    schema_path: String,
    params: Value,
    message: String,
}

/// Checks a body against the properties of several lists.
///
/// # Errors
///
/// The answer to give: HTTP 400 with the array.
pub(super) fn check(body: &Body, lists: &[&[Property]]) -> Result<(), Reply> {
    let mut found = Vec::new();
    for list in lists {
        judge_object(body, list, &Place::root(), &mut found);
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Reply {
        http_status: 400,
        json: to_json(&found),
        reference: None,
        executed: false,
        notice: None,
    })
}

/// Where a value is, in the data and in the schema.
struct Place {
    data: String,
    schema: String,
}

impl Place {
    fn root() -> Self {
        Self {
            data: String::new(),
            schema: String::from("#"),
        }
    }

    fn property(&self, name: &str) -> Self {
        Self {
            data: format!("{}.{name}", self.data),
            schema: format!("{}/properties/{name}", self.schema),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            data: format!("{}[{index}]", self.data),
            schema: format!("{}/items", self.schema),
        }
    }

    fn violates(
        &self,
        keyword: &'static str,
        params: Value,
        message: impl Into<String>,
    ) -> Violation {
        Violation {
            keyword,
            data_path: self.data.clone(),
            schema_path: format!("{}/{keyword}", self.schema),
            params,
            message: message.into(),
        }
    }

    fn is_not_a(&self, kind: &'static str) -> Violation {
        self.violates("type", json!({ "type": kind }), format!("should be {kind}"))
    }
}

fn judge_object(object: &Body, properties: &[Property], place: &Place, found: &mut Vec<Violation>) {
    for property in properties {
        match object.get(property.name) {
            None if property.required => found.push(place.violates(
                "required",
                json!({ "missingProperty": property.name }),
                format!("should have required property '{}'", property.name),
            )),
            None => {}
            Some(value) => judge(value, &property.form, &place.property(property.name), found),
        }
    }
}

fn judge(value: &Value, form: &Form, place: &Place, found: &mut Vec<Violation>) {
    match (form, value) {
        (Form::Text, Value::String(_)) => {}
        (Form::FilledText, Value::String(text)) => judge_length(text, 1, place, found),
        (Form::Uuid, Value::String(text)) => {
            judge_length(text, 36, place, found);
            if !is_uuid(text) {
                found.push(place.violates(
                    "pattern",
                    json!({ "pattern": UUID_PATTERN }),
                    format!("should match pattern \"{UUID_PATTERN}\""),
                ));
            }
        }
        (Form::OneOf(allowed), Value::String(text)) => {
            if !allowed.contains(&text.as_str()) {
                found.push(place.violates(
                    "enum",
                    json!({ "allowedValues": allowed }),
                    "should be equal to one of the allowed values",
                ));
            }
        }
        (Form::Country, Value::String(text)) => {
            if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
                found.push(place.violates(
                    "pattern",
                    json!({ "pattern": "^[A-Z]{2}$" }),
                    "should match pattern \"^[A-Z]{2}$\"",
                ));
            }
        }
        (Form::Price, Value::Number(number)) => match Amount::read(number) {
            Ok(_) => {}
            Err(crate::amount::AmountFault::NotAboveZero) => found.push(place.violates(
                "exclusiveMinimum",
                json!({ "comparison": ">", "limit": 0, "exclusive": true }),
                "should be > 0",
            )),
            Err(crate::amount::AmountFault::TooPrecise) => found.push(place.violates(
                "multipleOf",
                json!({ "multipleOf": 0.01 }),
                "should be multiple of 0.01",
            )),
        },
        (Form::Integer, Value::Number(number)) => {
            if !number.is_u64() {
                found.push(place.is_not_a("integer"));
            }
        }
        (Form::Between(least, most), Value::Number(number)) => match number.as_u64() {
            None => found.push(place.is_not_a("integer")),
            Some(number) if number < *least => found.push(place.violates(
                "minimum",
                json!({ "comparison": ">=", "limit": least, "exclusive": false }),
                format!("should be >= {least}"),
            )),
            Some(number) if number > *most => found.push(place.violates(
                "maximum",
                json!({ "comparison": "<=", "limit": most, "exclusive": false }),
                format!("should be <= {most}"),
            )),
            Some(_) => {}
        },
        (Form::FilledTexts | Form::FilledObjects(_), Value::Array(items)) if items.is_empty() => {
            found.push(place.violates(
                "minItems",
                json!({ "limit": 1 }),
                "should NOT have fewer than 1 items",
            ));
        }
        (Form::Texts | Form::FilledTexts, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                judge(item, &Form::Text, &place.item(index), found);
            }
        }
        (Form::Object(properties), Value::Object(object)) => {
            judge_object(object, properties, place, found);
        }
        (Form::Objects(properties) | Form::FilledObjects(properties), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                judge(item, &Form::Object(properties), &place.item(index), found);
            }
        }
        (Form::Text | Form::FilledText | Form::Uuid | Form::OneOf(_) | Form::Country, _) => {
            found.push(place.is_not_a("string"));
        }
        (Form::Price, _) => found.push(place.is_not_a("number")),
        (Form::Integer | Form::Between(..), _) => found.push(place.is_not_a("integer")),
        (Form::Texts | Form::FilledTexts | Form::Objects(_) | Form::FilledObjects(_), _) => {
            found.push(place.is_not_a("array"))
        }
        (Form::Object(_), _) => found.push(place.is_not_a("object")),
    }
}

fn judge_length(text: &str, least: usize, place: &Place, found: &mut Vec<Violation>) {
    if text.chars().count() < least {
        found.push(place.violates(
            "minLength",
            json!({ "limit": least }),
            format!("should NOT be shorter than {least} characters"),
        ));
    }
}

/// Whether a text is a UUID of any version, in either case.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The text of a property that the schema has seen.
pub(super) fn text<'a>(body: &'a Body, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The text of an optional property.
pub(super) fn optional_text(body: &Body, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The first text of an array that the schema has seen.
pub(super) fn first_text<'a>(body: &'a Body, name: &str) -> &'a str {
    body.get(name)
        .and_then(|list| list.get(0))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The objects of an array that the schema has seen.
pub(super) fn objects<'a>(body: &'a Body, name: &str) -> impl Iterator<Item = &'a Body> {
    body.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
}

/// The price of a property that the schema has seen, if it is there.
pub(super) fn price(body: &Body, name: &str) -> Option<Amount> {
    Amount::read(body.get(name)?.as_number()?).ok()
}
