//! Forms and buttons: faults, chance, clock, notifications.

use std::fmt::Write as _;

use crate::fault::{DrawnBy, Fault, Kind, Operation, RandomFaults};
use crate::notify::{Notifications, NotifyMode};

use super::View;
use super::text::{Escaped, spoken};

pub(super) fn write_faults(page: &mut String, view: &View) -> std::fmt::Result {
    page.push_str("<section id=faults><h2>Faults</h2>");
    write_set(page, &view.armed, view.random.as_ref())?;
    page.push_str(
        "<p class=row><button data-delete=/faults>Clear faults</button>\
         <button data-post=/sessions/expire>End open sessions</button>\
         <button class=danger data-post=/reset>Forget everything</button></p>\
         <p class=row><span>Clock on by</span>\
         <button data-post=/clock data-body='{\"advance_secs\":1860}'>31 min</button>\
         <button data-post=/clock data-body='{\"advance_secs\":10860}'>3 h 1 min</button>\
         <button data-post=/clock data-body='{\"advance_secs\":604860}'>7 d 1 min</button></p>\
         <p id=said role=status></p><div class=forms>",
    );
    write_fault_form(page)?;
    write_random_form(page, view.random.as_ref())?;
    page.push_str("</div>");
    write_matrix(page)?;
    page.push_str(
        "<details><summary>By command line</summary><pre tabindex=0>\
post() { curl -H 'content-type: application/json' -d \"$2\" <b>this address</b>$1; }\n\
post /faults '{\"operation\":\"pay\",\"kind\":\"reset_after\"}'\n\
post /faults '{\"operation\":\"void\",\"kind\":\"stall\",\"ms\":20000,\"times\":2}'\n\
post /faults '{\"operation\":\"transaction\",\"kind\":\"delay_visibility\",\"reads\":3}'\n\
post /faults '{\"operation\":\"pay\",\"kind\":\"delay_visibility\",\"ms\":90000}'\n\
post /faults '{\"random\":{\"share_percent\":20,\"seed\":7}}'\n\
post /faults '{\"random\":{\"share_percent\":20,\"seed\":7,\"weights\":{\"late\":1,\"stall\":3},\"hidden_ms\":60000}}'\n\
post /notifications '{\"url\":\"http://127.0.0.1:8787/hooks\",\"mode\":\"five_times\"}'\n\
post /notifications/send '{\"path\":\"/bulkResume\",\"references\":[\"…\"]}'\n\
post /cvu/pay '{\"link_id\":900001,\"amount\":\"1500.50\",\"times\":2,\"delay_ms\":60000}'\n\
post /cvu/options '{\"buyer\":\"pairs\",\"expires_at\":\"text\"}'\n\
post /flux/codes '{\"kind\":\"good\"}'\n\
post /flux/options '{\"expires_in\":\"seconds\",\"error_nesting\":\"one\"}'\n\
post /flexiti/identify '{\"widget_session_id\":\"…\"}'\n\
post /clock '{\"advance_secs\":1860}'\n\
curl -X DELETE …/faults\n\
curl -X POST …/reset</pre></details></section>",
    );
    Ok(())
}

/// What is set now.
fn write_set(
    page: &mut String,
    armed: &[Fault],
    random: Option<&RandomFaults>,
) -> std::fmt::Result {
    if armed.is_empty() && random.is_none() {
        page.push_str("<p class=empty>No fault is set.</p>");
        return Ok(());
    }
    page.push_str("<ul class=set>");
    for fault in armed {
        write!(
            page,
            "<li><b>{}</b> {}: {}{} <small>{} to come</small>",
            spoken(fault.operation.name()),
            spoken(fault.kind.name()),
            fault.kind.meaning(),
            match fault.ms {
                Some(ms) => format!(", {ms} ms"),
                None => String::new(),
            },
            fault.times
        )?;
    }
    if let Some(random) = random {
        write!(
            page,
            "<li><b>By chance</b> {} % of {}, seed {}",
            random.share_percent,
            match &random.operations {
                None => String::from("all calls"),
                Some(only) => {
                    let names: Vec<_> = only.iter().map(|it| spoken(it.name())).collect();
                    format!("the calls of {}", names.join(", "))
                }
            },
            random.seed
        )?;
        if let Some(weights) = &random.weights {
            let weights: Vec<_> = weights
                .iter()
                .map(|(kind, weight)| format!("{} {weight}", spoken(kind.name())))
                .collect();
            write!(page, "; {}", weights.join(", "))?;
        }
        if random.hidden_ms > 0 {
            write!(page, "; hidden for up to {} ms", random.hidden_ms)?;
        }
        if random.drawn_by == DrawnBy::Description {
            page.push_str("; drawn by the order's description");
        }
    }
    page.push_str("</ul>");
    Ok(())
}

fn write_fault_form(page: &mut String) -> std::fmt::Result {
    page.push_str(
        "<form data-post=/faults><h3>Set a fault</h3><label>Operation<select name=operation>",
    );
    for operation in Operation::ALL {
        let selected = if operation == Operation::Pay {
            " selected"
        } else {
            ""
        };
        write!(page, "<option{selected}>{}", operation.name())?;
    }
    page.push_str("</select></label><label class=wide>Kind<select name=kind>");
    for kind in Kind::ALL {
        let selected = if kind == Kind::GatewayTimeoutAfter {
            " selected"
        } else {
            ""
        };
        let fits: Vec<_> = Operation::ALL
            .into_iter()
            .filter(|operation| kind.fits(*operation))
            .map(Operation::name)
            .collect();
        write!(
            page,
            "<option{selected} value={} data-fits=\"{}\">{}: {}",
            kind.name(),
            fits.join(" "),
            kind.name(),
            kind.meaning()
        )?;
    }
    page.push_str(
        "</select></label>\
         <label>Times<input name=times type=number min=1 value=1 inputmode=numeric></label>\
         <label>Milliseconds<input name=ms type=number min=0 inputmode=numeric></label>\
         <p class=hint>stall, slow_drip, late: of the world. delay_visibility, late_beyond_fence: of the \
         sandbox's clock. No other takes any.</p>\
         <button>Set fault</button></form>",
    );
    Ok(())
}

fn write_random_form(page: &mut String, random: Option<&RandomFaults>) -> std::fmt::Result {
    let now = random.cloned().unwrap_or(RandomFaults {
        share_percent: 20,
        seed: 7,
        ..RandomFaults::default()
    });
    write!(
        page,
        "<form data-post=/faults data-wrap=random><h3>Let chance decide</h3>\
         <label>Percent of the calls<input name=share_percent type=number min=0 max=100 value={} inputmode=numeric></label>\
         <label>Seed<input name=seed type=number min=0 value={} inputmode=numeric></label>\
         <label>Hidden from reads, up to ms<input name=hidden_ms type=number min=0 max=120000 value={} inputmode=numeric></label>\
         <label>Longest wait, ms<input name=longest_ms type=number min=1 value={} inputmode=numeric></label>\
         <label class=wide>Drawn by<select name=drawn_by>",
        now.share_percent, now.seed, now.hidden_ms, now.longest_ms,
    )?;
    for (value, name, which) in [
        ("reference", "order reference", DrawnBy::Reference),
        ("description", "order description", DrawnBy::Description),
    ] {
        let selected = if which == now.drawn_by {
            " selected"
        } else {
            ""
        };
        write!(page, "<option{selected} value={value}>{name}")?;
    }
    page.push_str(
        "</select></label>\
         <p class=hint>The same call of the same order meets the same fault, whenever it comes.</p>\
         <button>Start</button></form>",
    );
    Ok(())
}

fn write_matrix(page: &mut String) -> std::fmt::Result {
    page.push_str(
        "<details><summary>Which fault fits which operation</summary><div class=scroll tabindex=0 role=region aria-label=\"Kinds and operations\">\
         <table class=matrix><thead><tr><th>Kind",
    );
    for operation in Operation::ALL {
        write!(page, "<th><span>{}</span>", spoken(operation.name()))?;
    }
    page.push_str("<th>What happens<tbody>");
    for kind in Kind::ALL {
        write!(page, "<tr><th scope=row>{}", kind.name())?;
        for operation in Operation::ALL {
            page.push_str(if kind.fits(operation) {
                "<td><span aria-label=yes>●</span>"
            } else {
                "<td>"
            });
        }
        write!(page, "<td>{}", kind.meaning())?;
    }
    page.push_str("</table></div></details>");
    Ok(())
}

pub(super) fn write_notifications(page: &mut String, now: &Notifications) -> std::fmt::Result {
    page.push_str("<section id=notifications><h2>Notifications</h2>");
    let url = now.url.as_ref().map(ToString::to_string);
    match (&url, now.mode) {
        (Some(url), mode) if mode != NotifyMode::Never => write!(
            page,
            "<p>Sent to <code>{}</code>, {}.</p>",
            Escaped(url),
            mode.meaning()
        )?,
        _ => page.push_str("<p class=empty>None are sent.</p>"),
    }
    page.push_str("<div class=forms>");
    write_notify_form(page, "/notifications", "Tell the merchant", now)?;
    page.push_str(
        "<form data-post=/notifications/send><h3>Send one now</h3>\
         <label class=wide>Path<select name=path><option>/<option>/newCard\
         <option>/subscription/payment/results<option>/bulkResume</select></label>\
         <label class=wide>References<input name=references data-list placeholder=\"separated by commas\" required></label>\
         <label>Times<input name=times type=number min=1 max=255 value=1 inputmode=numeric></label>\
         <label class=check><input name=forged type=checkbox>With a wrong signature</label>\
         <button>Send</button></form></div></section>",
    );
    Ok(())
}

pub(super) fn write_notify_form(
    page: &mut String,
    post: &str,
    title: &str,
    now: &Notifications,
) -> std::fmt::Result {
    let url = now.url.as_ref().map(ToString::to_string);
    write!(
        page,
        "<form data-post={post}><h3>{title}</h3>\
         <label class=wide>Address<input name=url type=url placeholder=\"http://127.0.0.1:8787/hooks/…\" value=\"{}\"></label>\
         <label class=wide>How<select name=mode>",
        Escaped(url.as_deref().unwrap_or_default())
    )?;
    for mode in NotifyMode::ALL {
        let selected = if mode == now.mode { " selected" } else { "" };
        write!(
            page,
            "<option{selected} value={}>{}: {}",
            mode.name(),
            spoken(mode.name()),
            mode.meaning()
        )?;
    }
    write!(
        page,
        "</select></label>\
         <label>Late by, ms<input name=late_ms type=number min=0 value={} inputmode=numeric></label>\
         <label class=check><input name=double_encoded type=checkbox{}>JSON inside a JSON text</label>\
         <button>Set</button></form>",
        now.late_ms,
        if now.double_encoded { " checked" } else { "" },
    )
}
