//! Bars. Attributes and classes only: the page's policy lets no style attribute through.

use std::fmt::Write as _;

use crate::clock::Moment;

use super::text::{Escaped, thousands};

/// A row of a bar chart.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) title: &'static str,
    /// Class and count, from the left.
    pub(super) parts: Vec<(&'static str, u64)>,
    /// What stands behind the bar; the sum unless told.
    pub(super) label: Option<String>,
}

impl Row {
    fn sum(&self) -> u64 {
        self.parts.iter().map(|(_, count)| count).sum()
    }
}

/// Horizontal bars, the longest as long as there is room.
pub(super) fn write_bars(page: &mut String, rows: &[Row]) -> std::fmt::Result {
    let longest = rows.iter().map(Row::sum).max().unwrap_or_default();
    page.push_str("<dl class=bars>");
    for row in rows {
        let label = match &row.label {
            Some(label) => label.clone(),
            None => thousands(row.sum()),
        };
        write!(
            page,
            "<dt title=\"{}\">{}<dd>",
            Escaped(row.title),
            Escaped(&row.name)
        )?;
        write_bar(page, &row.parts, longest)?;
        write!(page, "<span>{label}</span>")?;
    }
    page.push_str("</dl>");
    Ok(())
}

/// One bar, `whole` being as long as there is room.
pub(super) fn write_bar(
    page: &mut String,
    parts: &[(&'static str, u64)],
    whole: u64,
) -> std::fmt::Result {
    page.push_str(
        "<svg class=bar viewBox=\"0 0 1000 10\" preserveAspectRatio=none aria-hidden=true>",
    );
    let mut from = 0;
    for (class, count) in parts.iter().filter(|(_, count)| *count > 0) {
        // Something that is there is seen.
        let width = scaled(*count, 1_000, whole).max(6);
        write!(
            page,
            "<rect class={class} x={from} width={width} height=10 />"
        )?;
        from += width;
    }
    page.push_str("</svg>");
    Ok(())
}

/// What happened at a moment, and whether it was a fault.
pub(super) type Event = (Moment, bool);

/// How many events came when: `events` are in order of time.
pub(super) fn write_course(page: &mut String, events: &[Event]) -> std::fmt::Result {
    const BARS: usize = 60;
    const HEIGHT: u64 = 60;
    let (Some((first, _)), Some((last, _))) = (events.first(), events.last()) else {
        return Ok(());
    };
    let mut bars = [(0_u64, 0_u64); BARS];
    let span = last.millis_since(*first);
    for (moment, is_fault) in events {
        let place = scaled(
            moment.millis_since(*first),
            BARS as u64,
            span.saturating_add(1),
        );
        let place = usize::try_from(place).unwrap_or_default().min(BARS - 1);
        if let Some(bar) = bars.get_mut(place) {
            match is_fault {
                true => bar.1 += 1,
                false => bar.0 += 1,
            }
        }
    }
    let highest = bars
        .iter()
        .map(|(good, bad)| good + bad)
        .max()
        .unwrap_or_default();
    write!(
        page,
        "<figure><svg class=course viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=none role=img \
         aria-label=\"Calls over time; at most {highest} in one bar\">",
        BARS * 10
    )?;
    for (index, (good, bad)) in bars.iter().enumerate() {
        let x = index * 10 + 1;
        let low = scaled(*good, HEIGHT, highest);
        let high = scaled(good + bad, HEIGHT, highest);
        if low > 0 {
            write!(
                page,
                "<rect class=plain x={x} y={} width=8 height={low} />",
                HEIGHT - low
            )?;
        }
        if high > low {
            write!(
                page,
                "<rect class=fault x={x} y={} width=8 height={} />",
                HEIGHT - high,
                high - low
            )?;
        }
    }
    write!(
        page,
        "</svg><figcaption><span>{}</span>\
         <span class=key><i class=plain></i>calls <i class=fault></i>with a fault</span>\
         <span>{}</span></figcaption></figure>",
        super::text::short_time(&first.rfc3339()),
        super::text::short_time(&last.rfc3339()),
    )
}

/// `count` of `whole`, when `whole` is `length` long.
fn scaled(count: u64, length: u64, whole: u64) -> u64 {
    count
        .saturating_mul(length)
        .checked_div(whole)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_as_long_as_there_is_room_and_none_is_invisible() {
        let mut page = String::new();
        let row = |name: &str, count| Row {
            name: name.to_owned(),
            title: "",
            parts: vec![("plain", count)],
            label: None,
        };
        write_bars(
            &mut page,
            &[row("many", 10_000), row("one", 1), row("none", 0)],
        )
        .unwrap();
        let widths: Vec<_> = page
            .split("width=")
            .skip(1)
            .map(|rest| rest.split(' ').next().unwrap_or_default())
            .collect();
        assert_eq!(widths, ["1000", "6"]);
    }

    #[test]
    fn a_course_holds_every_event_even_when_all_come_at_once() {
        let moment = Moment::read("2026-11-20T13:05:07.123Z").unwrap();
        let mut page = String::new();
        write_course(&mut page, &[(moment, false), (moment, true)]).unwrap();
        assert_eq!(page.matches("<rect").count(), 2);
        assert!(page.contains("at most 2 in one bar"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let mut page = String::new();
        write_course(&mut page, &[]).unwrap();
        assert!(page.is_empty());
    }
}
