//! What Rust says in another way than OpenAPI does.

use serde_json::{Map, Value, json};
use ventanilla_core::money::MAX_MINOR;

/// Calls `change` with each operation of the document.
pub(super) fn each_operation(document: &mut Value, mut change: impl FnMut(&mut Value)) {
    let paths = document["paths"].as_object_mut();
    for item in paths.into_iter().flat_map(|paths| paths.values_mut()) {
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        for (method, operation) in item {
            if matches!(method.as_str(), "get" | "post" | "put" | "patch" | "delete") {
                change(operation);
            }
        }
    }
}

/// Says which key opens the operations of `part`; `None` is none.
pub(super) fn secure(part: &mut Value, scheme: Option<&str>) {
    each_operation(part, |operation| {
        operation["security"] = match scheme {
            Some(scheme) => json!([{ scheme: [] }]),
            None => json!([]),
        };
    });
}

/// Puts `more` into `whole`, member by member.
pub(super) fn merge(whole: &mut Value, more: Value) {
    const OURS: [&str; 3] = ["paths", "components", "webhooks"];
    let Value::Object(more) = more else { return };
    for (name, value) in more {
        if OURS.contains(&name.as_str()) {
            take_in(&mut whole[name], value);
        }
    }
}

fn take_in(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                take_in(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Puts examples to the operations that they are named after.
pub(super) fn exemplify(document: &mut Value, examples: &Value) {
    each_operation(document, |operation| {
        let Some(example) = operation["operationId"]
            .as_str()
            .and_then(|id| examples.get(id))
        else {
            return;
        };
        if let Some(request) = example.get("request") {
            operation["requestBody"]["content"]["application/json"]["example"] = request.clone();
        }
        if let Some(answer) = example.get("answer")
            && let Some(responses) = operation["responses"].as_object_mut()
        {
            for (_, response) in responses
                .iter_mut()
                .filter(|(status, _)| status.starts_with('2'))
            {
                response["content"]["application/json"]["example"] = answer.clone();
            }
        }
    });
}

/// Everything that is not about one place.
pub(super) fn tidy(document: &mut Value) {
    close_money(document);
    bare_bodies(document);
    close_unions(document);
    each_text(document);
}

/// Read by hand, it takes no member that it does not know, and has a largest amount.
fn close_money(document: &mut Value) {
    if let Some(money) = document.pointer_mut("/components/schemas/Money") {
        money["additionalProperties"] = json!(false);
        money["properties"]["amount_minor"]["maximum"] = json!(MAX_MINOR);
    }
}

/// A body that may be left out is not `null` when it is there.
fn bare_bodies(document: &mut Value) {
    each_operation(document, |operation| {
        let schema = &mut operation["requestBody"]["content"]["application/json"]["schema"];
        let variants = schema["oneOf"].as_array();
        let some = variants.and_then(|variants| {
            variants
                .iter()
                .find(|variant| variant["type"] != "null")
                .cloned()
        });
        if let Some(some) = some {
            *schema = some;
        }
        if operation["requestBody"]["content"]["application/json"]["schema"].is_null()
            && let Some(operation) = operation.as_object_mut()
        {
            operation.remove("requestBody");
        }
    });
}

/// A struct that another one is flattened into is `allOf` of both. If one of them takes no member that it does
/// not know, nothing fits both: they become one. A record among the components may hold more one day; a variant
/// of what is sent may not.
fn close_unions(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let records = document["components"]["schemas"].as_object_mut();
    for record in records.into_iter().flat_map(|records| records.values_mut()) {
        if let Some(record) = record.as_object_mut() {
            unite(record, &schemas, true);
        }
    }
    each_schema(document, &mut |schema| unite(schema, &schemas, false));
}

fn unite(schema: &mut Map<String, Value>, schemas: &Value, open: bool) {
    let Some(parts) = schema.get("allOf").and_then(Value::as_array) else {
        return;
    };
    let resolved: Vec<&Value> = parts
        .iter()
        .map(|part| {
            part["$ref"]
                .as_str()
                .and_then(|name| name.rsplit('/').next())
                .map_or(part, |name| &schemas[name])
        })
        .collect();
    let closed = |part: &Value| part["additionalProperties"] == false;
    let variants = |part: &&Value| part["oneOf"].as_array().cloned();
    let choice = resolved.iter().find_map(variants);
    let any_closed = resolved.iter().any(|part| closed(part));
    if !any_closed && !choice.iter().flatten().any(closed) {
        return;
    }
    let plain: Vec<&Value> = resolved
        .into_iter()
        .filter(|part| part["oneOf"].is_null())
        .collect();
    let made = match &choice {
        None => json!(one(&plain, open)),
        Some(choice) => {
            let made = choice.iter().map(|variant| {
                let parts: Vec<&Value> = plain.iter().copied().chain([variant]).collect();
                one(&parts, open)
            });
            json!({ "oneOf": made.collect::<Vec<_>>() })
        }
    };
    schema.remove("allOf");
    if let Value::Object(made) = made {
        schema.extend(made);
    }
}

/// One object with the members of all.
fn one(parts: &[&Value], open: bool) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for part in parts {
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            properties.insert(name.clone(), property.clone());
        }
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    let mut made = Map::new();
    made.insert("type".to_owned(), json!("object"));
    made.insert("properties".to_owned(), Value::Object(properties));
    made.insert("required".to_owned(), Value::Array(required));
    if !open {
        made.insert("additionalProperties".to_owned(), json!(false));
    }
    made
}

fn each_schema(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            for (name, member) in members.iter_mut() {
                if name != "example" && name != "examples" {
                    each_schema(member, change);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                each_schema(item, change);
            }
        }
        _ => {}
    }
}

/// Descriptions without what only rustdoc reads.
fn each_text(document: &mut Value) {
    each_schema(document, &mut |members| {
        for name in ["description", "summary"] {
            if let Some(Value::String(text)) = members.get_mut(name) {
                *text = plain(text);
            }
        }
    });
}

/// ``[`Type::Variant`](path)`` as it is on the wire, `` `variant` ``; other links as their text.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else {
            break;
        };
        out.push_str(before);
        out.push('`');
        out.push_str(&on_the_wire(name));
        out.push('`');
        rest = match after
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
        {
            Some((_, after)) => after,
            None => after,
        };
    }
    out.push_str(rest);
    out
}

fn on_the_wire(name: &str) -> String {
    let Some((_, member)) = name.rsplit_once("::") else {
        return name.to_owned();
    };
    if member.chars().any(|c| c.is_ascii_lowercase())
        && member.starts_with(|c: char| c.is_ascii_uppercase())
    {
        let mut out = String::new();
        for c in member.chars() {
            if c.is_ascii_uppercase() && !out.is_empty() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    } else {
        member.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_of_rustdoc_is_told_as_it_is_on_the_wire() {
        for (text, expected) in [
            (
                "With [`AttemptState::NotExecuted`] only.",
                "With `not_executed` only.",
            ),
            ("Needs [`Buyer::id`].", "Needs `id`."),
            ("As [`Rail`](crate::rails::Rail) is.", "As `Rail` is."),
            ("Up to [`Money::MAX`].", "Up to `MAX`."),
            ("Nothing [special] here.", "Nothing [special] here."),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn closed_parts_of_one_object_become_one() {
        let mut document = json!({
            "components": { "schemas": {
                "New": { "properties": { "a": {} }, "required": ["a"], "additionalProperties": false },
                "Record": { "description": "It", "allOf": [
                    { "$ref": "#/components/schemas/New" },
                    { "type": "object", "description": "It", "properties": { "id": {} }, "required": ["id"] },
                ] },
                "Step": { "oneOf": [ { "allOf": [
                    { "$ref": "#/components/schemas/New" },
                    { "type": "object", "properties": { "step": {} }, "required": ["step"] },
                ] } ] },
            } },
        });
        close_unions(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Record"]["required"], json!(["a", "id"]));
        assert_eq!(schemas["Record"].get("allOf"), None);
        assert_eq!(schemas["Step"]["oneOf"][0]["additionalProperties"], false);
    }
}
