//! The form that pays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use ventanilla_core::money::es_ar::parse_money;

use crate::amount::Amount;
use crate::cvu::buyer::{PayRefusal, Payable, Payment};
use crate::cvu::payers::{payer, payers};
use crate::cvu::{Cvu, time};
use crate::page::text::Escaped;

use super::markup::{alert, head, last_four, pesos, spoken, state};

/// What a browser sent.
#[derive(Debug, Default)]
pub(super) struct Sent(BTreeMap<String, String>);

impl Sent {
    /// A form's body is written as a query is.
    pub(super) fn of(body: &Bytes) -> Self {
        let query = std::str::from_utf8(body).ok();
        let uri = query.and_then(|query| format!("/?{query}").parse::<Uri>().ok());
        let fields = uri.and_then(|uri| Query::try_from_uri(&uri).ok());
        Self(fields.map(|Query(fields)| fields).unwrap_or_default())
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }
}

/// When a payment reaches the merchant: name, milliseconds, words.
const ARRIVALS: [(&str, u64, &str); 3] = [
    ("now", 0, "Enseguida"),
    ("minute", 60_000, "Un minuto después"),
    ("quarter", 900_000, "Quince minutos después"),
];

/// A page that pays: `action` is where the form goes, `code` what was scanned.
pub(super) fn page(
    cvu: &Cvu,
    title: &str,
    payable: &Payable,
    action: &str,
    code: &str,
    sent: &Sent,
    refusal: Option<PayRefusal>,
) -> String {
    let mut html = head(title, payable.amount, &payable.description);
    match payable.open {
        // What was sent before stays on its own page; here is what can be done now.
        Err(PayRefusal::Paid) => {
            html.push_str(&state("good", "✓", spoken(PayRefusal::Paid)));
            return html;
        }
        Err(refusal) => {
            html.push_str(&alert(spoken(refusal)));
            return html;
        }
        Ok(()) => {}
    }
    if let Some(expires) = payable.expires {
        let _ = write!(
            html,
            "<p class=soft>Podés pagar hasta el {}.</p>",
            time::spoken(expires)
        );
    }
    if let Some(refusal) = refusal.filter(|refusal| !is_of_amount(*refusal)) {
        html.push_str(&alert(spoken(refusal)));
    }
    let number = {
        let mut state = cvu.state();
        state.cvu.forms_shown += 1;
        state.cvu.forms_shown
    };
    // Writing to a String cannot fail.
    let _ = write_form(&mut html, payable, action, code, sent, refusal, number);
    html
}

fn write_form(
    html: &mut String,
    payable: &Payable,
    action: &str,
    code: &str,
    sent: &Sent,
    refusal: Option<PayRefusal>,
    number: u64,
) -> std::fmt::Result {
    write!(
        html,
        "<form method=post action=\"{}\"><input type=hidden name=form value={number}>",
        Escaped(action)
    )?;
    if !code.is_empty() {
        write!(
            html,
            "<input type=hidden name=code value=\"{}\">",
            Escaped(code)
        )?;
    }
    write_amount(html, payable, sent, refusal)?;
    html.push_str("<label for=payer>Quién paga</label><select id=payer name=payer>");
    for person in payers() {
        let selected = if sent.field("payer") == person.alias {
            " selected"
        } else {
            ""
        };
        write!(
            html,
            "<option value=\"{}\"{selected}>{}, CVU …{}",
            Escaped(&person.alias),
            Escaped(&person.holder),
            last_four(&person.cvu)
        )?;
    }
    html.push_str("</select><fieldset><legend>Cuándo le llega al comercio</legend>");
    let chosen = match sent.field("when") {
        "" => "now",
        chosen => chosen,
    };
    for (name, _, words) in ARRIVALS {
        write_radio(html, "when", name, name == chosen, words)?;
    }
    html.push_str("</fieldset><fieldset><legend>Cuántas veces</legend>");
    let twice = sent.field("times") == "2";
    write_radio(html, "times", "1", !twice, "Una vez")?;
    write_radio(html, "times", "2", twice, "Dos veces, como por error")?;
    html.push_str("</fieldset>");
    let deed = match payable.amount {
        Some(amount) => format!("Pagar <span data-amount>{}</span>", pesos(amount)),
        None => String::from("Pagar <span data-amount></span>"),
    };
    write!(
        html,
        "<button name=deed value=pay>{deed}</button>\
         <button class=quiet name=deed value=never>No pagar</button></form>"
    )
}

/// Whether it is said at the field of the amount.
const fn is_of_amount(refusal: PayRefusal) -> bool {
    matches!(refusal, PayRefusal::Amount | PayRefusal::AmountNeeded)
}

fn write_amount(
    html: &mut String,
    payable: &Payable,
    sent: &Sent,
    refusal: Option<PayRefusal>,
) -> std::fmt::Result {
    let wrong = refusal.filter(|refusal| is_of_amount(*refusal));
    let invalid = if wrong.is_some() {
        " aria-invalid=true autofocus"
    } else {
        ""
    };
    let typed = Escaped(sent.field("other"));
    let hint = match wrong {
        None => String::from("<p class=hint id=other-hint>Con coma para los centavos: 1500,50</p>"),
        Some(refusal) => format!(
            "<p class=\"hint bad\" id=other-hint role=alert><b aria-hidden=true>!</b> {}</p>",
            spoken(refusal)
        ),
    };
    let field = format!(
        "<input id=other name=other inputmode=decimal autocomplete=off \
         aria-describedby=other-hint value=\"{typed}\"{invalid}>"
    );
    let Some(amount) = payable.amount else {
        return write!(
            html,
            "<label for=other>Cuánto pagás</label>{field}{hint}\
             <input type=hidden name=choice value=other>"
        );
    };
    let other = sent.field("choice") == "other";
    html.push_str("<fieldset><legend>Cuánto pagás</legend>");
    let exact = format!("Lo que piden: {}", pesos(amount));
    write_radio(html, "choice", "exact", !other, &exact)?;
    write_radio(html, "choice", "other", other, "Otro importe")?;
    write!(
        html,
        "<label class=inner for=other>Importe</label>{field}{hint}</fieldset>"
    )
}

fn write_radio(
    html: &mut String,
    name: &str,
    value: &str,
    checked: bool,
    words: &str,
) -> std::fmt::Result {
    let checked = if checked { " checked" } else { "" };
    write!(
        html,
        "<label class=choice><input type=radio name={name} value={value}{checked}>{words}</label>"
    )
}

/// Does what the form says: to the receipts, or why not.
pub(super) async fn obey(
    cvu: &Arc<Cvu>,
    payable: &Payable,
    sent: &Sent,
) -> Result<Response, PayRefusal> {
    let amount = if sent.field("choice") == "other" {
        Some(typed(sent.field("other"))?)
    } else {
        None
    };
    let when = sent.field("when");
    let arrival = ARRIVALS.iter().find(|(name, ..)| *name == when);
    let credits = cvu
        .pay(Payment {
            target: payable.target,
            amount,
            times: match sent.field("times") {
                "1" => 1,
                "2" => 2,
                _ => return Err(PayRefusal::Times),
            },
            delay_ms: arrival.ok_or(PayRefusal::Delay)?.1,
            payer: payer(sent.field("payer")).ok_or(PayRefusal::Payer)?,
            insist: false,
            form: sent.field("form").parse().ok(),
        })
        .await?;
    let ids: Vec<String> = credits.iter().map(|credit| credit.id.to_string()).collect();
    Ok(Redirect::to(&format!("/receipt/{}", ids.join(","))).into_response())
}

fn typed(text: &str) -> Result<Amount, PayRefusal> {
    if text.is_empty() {
        return Err(PayRefusal::AmountNeeded);
    }
    match parse_money(text) {
        Ok(money) if money.minor() > 0 => Ok(Amount::of_hundredths(money.minor())),
        _ => Err(PayRefusal::Amount),
    }
}

/// The page after a buyer who walks off.
pub(super) fn walked_off(payable: &Payable) -> String {
    let mut html = head("No pagaste", payable.amount, &payable.description);
    html.push_str(&state(
        "plain",
        "–",
        "No se hizo ningún pago. Podés cerrar esta página.",
    ));
    html
}
