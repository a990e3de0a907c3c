//! The page for people: what happened, what goes wrong, and buttons for both. One document, nothing loaded
//! from elsewhere; what is drawn is inline SVG.

mod cards;
mod chart;
mod controls;
mod cvu;
mod flexiti;
mod flux;
mod ledger;
mod overview;
pub(crate) mod text;

use std::fmt::Write as _;

use axum::http::HeaderValue;
use base64::Engine as _;
use rsa::sha2::{Digest, Sha256};

use crate::Controls;
use crate::fault::Host;
use crate::fault::{Fault, RandomFaults};
use crate::notify::Notifications;

use overview::Overview;
use text::{Escaped, thousands};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Only this page's own style and script run, and they talk to this host only.
pub(crate) fn policy() -> HeaderValue {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::from_str(&policy).expect("base64 and keywords are header characters")
}

/// What the page shows, taken in one go.
struct View {
    overview: Overview,
    latest: ledger::Latest,
    armed: Vec<Fault>,
    random: Option<RandomFaults>,
    notifications: Notifications,
    cvu: cvu::View,
    flux: flux::View,
    flexiti: flexiti::View,
}

pub(crate) fn render(controls: &Controls) -> String {
    let view = {
        let state = controls.world.state();
        View {
            overview: Overview::of(&state.ledger),
            latest: ledger::Latest::of(&state.ledger),
            armed: state.faults.armed().to_vec(),
            random: state.faults.random().cloned(),
            notifications: state.notifications.clone(),
            cvu: cvu::View::of(&state),
            flux: flux::View::of(&state),
            flexiti: flexiti::View::of(&state),
        }
    };
    let mut page = String::with_capacity(96 * 1024);
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, controls, &view);
    page
}

fn write_page(page: &mut String, controls: &Controls, view: &View) -> std::fmt::Result {
    let clock = &controls.world.clock;
    write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">\
         <title>Payment sandbox</title><style>{STYLE}</style>\
         <header><h1>Payment sandbox</h1>\
         <p>Stands in for the providers. No money moves here and no card is real.</p>\
         <p class=clock>Sandbox time <time>{}</time>{}</p>\
         <nav><a href=#overview>Overview</a><a href=#faults>Faults</a>\
         <a href=#notifications>Notifications</a><a href=#ledger>Ledger</a><a href=#cvu>CVU</a><a href=#flux>Flux</a><a href=#flexiti>Flexiti</a><a href=#cards>Test cards</a>\
         <a href=#where>Addresses</a></nav></header><main>",
        text::short_time(&clock.now().rfc3339()),
        match clock.speed() {
            1 => String::new(),
            speed => format!(", {} times faster than real", thousands(u64::from(speed))),
        },
    )?;
    overview::write(page, &view.overview)?;
    controls::write_faults(page, view)?;
    controls::write_notifications(page, &view.notifications)?;
    ledger::write(page, &view.latest)?;
    let wallet = format!("http://{}/wallet", controls.host(Host::Cvu).address());
    cvu::write(page, &view.cvu, &wallet)?;
    let wallet = format!("http://{}/wallet", controls.host(Host::Flux).address());
    flux::write(page, &view.flux, &wallet)?;
    flexiti::write(page, &view.flexiti)?;
    cards::write(page)?;
    write_addresses(page, controls)?;
    write!(page, "</main><script>{SCRIPT}</script></html>")
}

fn write_addresses(page: &mut String, controls: &Controls) -> std::fmt::Result {
    let credentials = &controls.greenpay.credentials;
    let flexiti = &controls.flexiti.credentials;
    page.push_str("<section id=where><h2>Addresses and credentials</h2><dl>");
    let url = |host| format!("http://{}", controls.host(host).address());
    for (name, value) in [
        ("Merchant host", url(Host::Merchant)),
        ("Checkout host", url(Host::Checkout)),
        ("CVU host", url(Host::Cvu)),
        ("Flux host", url(Host::Flux)),
        ("Flexiti host", url(Host::Flexiti)),
        ("merchantId", credentials.merchant_id.clone()),
        ("secret", credentials.secret.clone()),
        ("terminal", credentials.terminal.clone()),
        ("CVU username", controls.cvu.credentials.username.clone()),
        ("CVU password", controls.cvu.credentials.password.clone()),
        (
            "Flux refreshToken",
            controls.flux.credentials.refresh_token.clone(),
        ),
        ("Flexiti client_id", flexiti.client_id.clone()),
        ("Flexiti client_secret", flexiti.client_secret.clone()),
        ("Seed", controls.world.seed.to_string()),
    ] {
        write!(page, "<dt>{name}<dd><code>{}</code>", Escaped(&value))?;
    }
    page.push_str("</dl></section>");
    Ok(())
}
