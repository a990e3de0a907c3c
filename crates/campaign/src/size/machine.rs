//! The machine, as far as it matters to the figures.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::figures::percentile;
use crate::clock::ScaledClock;
use crate::failure::{Result, Tried as _};

/// What a run was measured on.
pub(super) struct Machine {
    /// `2026-11-20`.
    pub day: String,
    pub cores: usize,
    /// Whole GiB; none where the system does not say.
    pub memory_gib: Option<u64>,
    /// `linux, x86_64`.
    pub system: String,
    /// Median and p99 of the time to write 4 KiB and have it on disk.
    pub commit: [Duration; 2],
}

impl Machine {
    /// Looks at this one; `folder` is where stores are to lie.
    pub fn look(folder: &Path) -> Result<Self> {
        let now = ScaledClock::start(1).anchor();
        Ok(Self {
            day: now.split('T').next().unwrap_or_default().to_owned(),
            cores: std::thread::available_parallelism()
                .tried("count cores")?
                .get(),
            memory_gib: std::fs::read_to_string("/proc/meminfo")
                .ok()
                .and_then(|text| memory_gib(&text)),
            system: format!("{}, {}", std::env::consts::OS, std::env::consts::ARCH),
            commit: commits(folder).tried("try the disk")?,
        })
    }
}

fn memory_gib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kib + (1 << 19)) >> 20)
}

fn commits(folder: &Path) -> std::io::Result<[Duration; 2]> {
    let path = folder.join("commits");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..COMMITS {
        let began = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    std::fs::remove_file(&path)?;
    times.sort_unstable();
    Ok([percentile(&times, 50), percentile(&times, 99)])
}

const COMMITS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_the_system_calls_its_total() {
        let text = "MemTotal:       24570896 kB\nMemFree:         2570896 kB\n";
        assert_eq!(memory_gib(text), Some(23));
        assert_eq!(memory_gib("MemFree: 1 kB\n"), None);
    }
}
