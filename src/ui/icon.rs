//! Icons: strokes on a 24 by 24 grid, in the colour of the text around them, unseen by screen readers.

use super::element::svg;
use super::{El, el};

/// An icon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Icon {
    /// Something to correct.
    Alert,
    /// Month by month.
    Calendar,
    /// A payment card.
    Card,
    /// Done.
    Check,
    /// Waiting.
    Clock,
    /// Encrypted here.
    Lock,
    /// A code to scan.
    Scan,
    /// Said no, or over.
    Stop,
}

/// Draws an icon.
#[must_use]
pub fn icon(icon: Icon) -> El {
    let path = match icon {
        Icon::Alert => "M12 7.5v5.5M12 16.4v.1M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z",
        Icon::Calendar => {
            "M5.5 5.5h13a1.5 1.5 0 0 1 1.5 1.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18V7a1.5 1.5 0 0 1 1.5-1.5ZM4 10h16M8 3.5v4M16 3.5v4"
        }
        Icon::Card => {
            "M5 5.5h14A2.5 2.5 0 0 1 21.5 8v8a2.5 2.5 0 0 1-2.5 2.5H5A2.5 2.5 0 0 1 2.5 16V8A2.5 2.5 0 0 1 5 5.5ZM2.5 10h19M6 14.5h4"
        }
        Icon::Check => "m5 12.5 4.6 4.6L19 7.4",
        Icon::Clock => "M12 7v5l3.2 2M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z",
        Icon::Lock => {
            "M8 11V7.5a4 4 0 0 1 8 0V11M6.5 11h11a1.5 1.5 0 0 1 1.5 1.5v6a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5v-6A1.5 1.5 0 0 1 6.5 11Z"
        }
        Icon::Scan => {
            "M4 8V4.5h4M16 4.5h4V8M20 16v3.5h-4M8 19.5H4V16M8.5 8.5h2v2h-2ZM13.5 8.5h2v2h-2ZM8.5 13.5h2v2h-2ZM13.5 13.5h2v2"
        }
        Icon::Stop => "M12 4.5v9.5M12 18.9v.1",
    };
    svg("svg")
        .attr("class", "vt-icon")
        .attr("viewBox", "0 0 24 24")
        .attr("aria-hidden", "true")
        .child(svg("path").attr("d", path))
}

/// An icon in a disc, at the head of a screen.
#[must_use]
pub fn disc(which: Icon) -> El {
    el("span", "vt-disc").child(icon(which))
}
