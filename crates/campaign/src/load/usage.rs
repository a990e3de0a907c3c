//! What a process uses, as Linux tells it.

use serde::Serialize;

use crate::failure::{Failure, Result, Tried as _};

/// What a process used until now.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Usage {
    /// In memory at the moment, in bytes.
    pub rss_bytes: u64,
    /// Of all processors together since it began, in milliseconds.
    pub cpu_ms: f64,
}

/// Of the process with this number.
pub(super) fn of(process: u32) -> Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).tried(format_args!("read {path}"))
    };
    let unread = || Failure::of("what a process uses could not be read; this needs Linux");
    let rss_bytes = rss_bytes(&read("status")?).ok_or_else(unread)?;
    let ticks = ticks(&read("stat")?).ok_or_else(unread)?;
    Ok(Usage {
        rss_bytes,
        cpu_ms: f64::from(ticks) * 1_000.0 / f64::from(TICKS_A_SECOND),
    })
}

/// `VmRSS:    27700 kB`.
fn rss_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1_024)
}

/// In user mode and in the system's, the 14th and 15th field; the name before may hold anything but a
/// closing bracket after the last.
fn ticks(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// `USER_HZ`, which is 100 wherever Linux runs programs for others than its own developers.
const TICKS_A_SECOND: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_read_past_a_name_with_brackets() {
        assert_eq!(
            rss_bytes("VmPeak:\t  9 kB\nVmRSS:\t   27700 kB\n"),
            Some(28_364_800)
        );
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 25 7 0 0 20 0 3 0";
        assert_eq!(ticks(stat), Some(32));
    }

    #[test]
    fn this_process_uses_something() {
        let usage = of(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 100_000);
    }
}
