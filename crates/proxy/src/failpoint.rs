//! What a test makes the process do at a named place: debug builds only.
//!
//! `VENTANILLA_FAILPOINT="<point>=<what>[@<n>]"`, where the points are
//! [`POINTS`] and it happens at the n-th time that a payment
//! comes by, the first unless told:
//!
//! | what | |
//! |---|---|
//! | `exit` | the process is gone, without unwinding and without flushing anything |
//! | `panic` | the task panics |
//! | `stop` | the process sleeps until it is sent SIGCONT |
//! | `drop_store` | the store refuses everything for 3 s of real time |
//!
//! `VENTANILLA_UNMASKED=1` switches off what keeps secrets out of the log, so that a search for leaks can
//! be shown to find some.

use std::ffi::OsString;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ventanilla_providers::failpoint::{self, POINTS};

use crate::config::process_environment;
use crate::store::outage;

const VARIABLE: &str = "VENTANILLA_FAILPOINT";
const UNMASKED: &str = "VENTANILLA_UNMASKED";
/// How long a dropped store refuses.
const DROPPED_FOR: Duration = Duration::from_secs(3);

static PLAN: OnceLock<Plan> = OnceLock::new();

#[derive(Debug, Eq, PartialEq)]
struct Spec {
    point: &'static str,
    what: What,
    nth: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    Exit,
    Panic,
    Stop,
    DropStore,
}

struct Plan {
    spec: Spec,
    hits: AtomicU32,
}

/// Does what `VENTANILLA_FAILPOINT` says, from now on; nothing when it is not set.
///
/// # Errors
///
/// What is wrong with it.
pub fn install() -> std::result::Result<(), String> {
    if process_environment(UNMASKED).is_some_and(|value| value == "1") {
        failpoint::lay_bare();
    }
    let Some(text) = process_environment(VARIABLE) else {
        return Ok(());
    };
    let spec = parse(&text)?;
    let plan = Plan {
        spec,
        hits: AtomicU32::new(0),
    };
    // The first of two stays; there is one for each process.
    let _ = PLAN.set(plan);
    failpoint::install(|point| {
        if let Some(plan) = PLAN.get()
            && plan.spec.point == point
            && plan.hits.fetch_add(1, Ordering::SeqCst) + 1 == plan.spec.nth
        {
            // Whoever reads the log knows that this run came by.
            tracing::warn!("fail point {point}");
            act(plan.spec.what);
        }
    });
    Ok(())
}

fn act(what: What) {
    match what {
        What::Exit => std::process::abort(),
        What::Panic => panic!("a fail point was hit"),
        What::Stop => {
            #[cfg(unix)]
            {
                use rustix::process::{Signal, getpid, kill_process};
                let _ = kill_process(getpid(), Signal::STOP);
                still();
            }
        }
        What::DropStore => outage::refuse_for(DROPPED_FOR),
    }
}

/// The signal stops this thread as soon as any thread of the process has taken it, which on a busy machine
/// may be a while: until then this one must not go on.
#[cfg(unix)]
#[expect(
    clippy::disallowed_methods,
    reason = "the thread itself must stand still"
)]
fn still() {
    for _ in 0..500 {
        std::thread::sleep(Duration::from_millis(10));
        let status = std::fs::read_to_string("/proc/self/status");
        if status.is_ok_and(|status| !is_pending(&status, STOP)) {
            return;
        }
    }
}

/// Whether the process was sent a signal that none of its threads has taken yet, by what
/// `/proc/self/status` says.
#[cfg(unix)]
fn is_pending(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

/// SIGSTOP, as Linux counts.
#[cfg(unix)]
const STOP: u32 = 19;

fn parse(text: &OsString) -> std::result::Result<Spec, String> {
    let wrong = || {
        format!(
            "{VARIABLE}: expected <point>=<exit|panic|stop|drop_store>[@<n>], found {text:?}; the points are {}",
            POINTS.join(", ")
        )
    };
    let text = text.to_str().ok_or_else(wrong)?;
    let (point, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (what, nth) = match rest.split_once('@') {
        Some((what, nth)) => (what, nth.parse().map_err(|_| wrong())?),
        None => (rest, 1),
    };
    let what = match what {
        "exit" => What::Exit,
        "panic" => What::Panic,
        "stop" => What::Stop,
        "drop_store" => What::DropStore,
        _ => return Err(wrong()),
    };
    let point = POINTS.into_iter().find(|known| *known == point);
    match point {
        Some(point) if nth > 0 => Ok(Spec { point, what, nth }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_stop_that_nobody_has_taken_yet_is_told_from_one_that_is() {
        let status = |mask: &str| format!("SigPnd:\t0000000000000000\nShdPnd:\t{mask}\n");
        assert!(is_pending(&status("0000000000040000"), STOP));
        assert!(is_pending(&status("0000000000040400"), STOP));
        assert!(!is_pending(&status("0000000000000000"), STOP));
        assert!(!is_pending(&status("0000000000020000"), STOP));
        assert!(is_pending("nothing of the sort", STOP));
    }

    fn read(text: &str) -> std::result::Result<Spec, String> {
        parse(&OsString::from(text))
    }

    #[test]
    fn a_plan_names_a_point_what_happens_and_when() {
        for (text, point, what, nth) in [
            ("t1.after=exit", "t1.after", What::Exit, 1),
            ("t2.before=panic@3", "t2.before", What::Panic, 3),
            ("send.first_byte=stop", "send.first_byte", What::Stop, 1),
            ("t0.before=drop_store@20", "t0.before", What::DropStore, 20),
        ] {
            assert_eq!(read(text), Ok(Spec { point, what, nth }));
        }
    }

    #[test]
    fn a_plan_that_means_nothing_is_refused() {
        for text in [
            "",
            "t1.after",
            "t1.after=",
            "t1.after=sleep",
            "t9.after=exit",
            "t1.after=exit@0",
            "t1.after=exit@x",
            "t1.after=exit@-1",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
