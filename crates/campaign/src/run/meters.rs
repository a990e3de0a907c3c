//! Counters of proxies that die: what each life counted is added up.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::harness::proxy::Proxy;

/// What the proxies count.
pub(super) struct Meters {
    /// Where the texts are kept, for the leak scan.
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By proxy: what this life has counted so far.
    lives: HashMap<String, BTreeMap<String, u64>>,
    /// What they counted together.
    totals: BTreeMap<String, u64>,
}

impl Meters {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            state: Mutex::default(),
        }
    }

    /// Reads a proxy's counters; one that does not answer is read next time.
    pub async fn read(&self, proxy: &Proxy) {
        let Ok(text) = proxy.metrics().await else {
            return;
        };
        let _ = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.take(proxy.name(), &text);
    }

    /// A proxy begins a new life: it counts from zero.
    pub fn forget(&self, proxy: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lives.remove(proxy);
    }

    /// Everything that was counted, by name and labels.
    pub fn totals(&self) -> BTreeMap<String, u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.totals.clone()
    }
}

impl State {
    fn take(&mut self, proxy: &str, text: &str) {
        let life = self.lives.entry(proxy.to_owned()).or_default();
        for (name, value) in counted(text) {
            let before = life.insert(name.clone(), value).unwrap_or(0);
            *self.totals.entry(name).or_default() += value.saturating_sub(before);
        }
    }
}

/// What stands for a breaker that is open: 1 while it is. Each time it is found to have risen, it had
/// opened.
pub(super) const BREAKER: &str = "ventanilla_breaker_state";

/// `name{labels} value` of every counter, which by convention ends in `_total`, and of the breakers.
fn counted(text: &str) -> impl Iterator<Item = (String, u64)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        let bare = name.split('{').next()?;
        let is_counted = bare.ends_with("_total") || bare == BREAKER;
        (is_counted && !line.starts_with('#'))
            .then(|| Some((name.to_owned(), value.parse().ok()?)))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_breakers_are_told_from_other_gauges_and_comments() {
        let text = "# TYPE a_total counter\na_total{x=\"1\"} 7\nb_total 3\nc_seconds 4\n\n\
            ventanilla_breaker_state{host=\"h\"} 1\n";
        let found: Vec<_> = counted(text).collect();
        let expected = [
            ("a_total{x=\"1\"}", 7),
            ("b_total", 3),
            ("ventanilla_breaker_state{host=\"h\"}", 1),
        ];
        assert_eq!(
            found,
            expected.map(|(name, value)| (name.to_owned(), value))
        );
    }

    #[test]
    fn what_every_life_counted_is_added_up() {
        let mut state = State::default();
        state.take("one", "a_total 3");
        state.take("one", "a_total 5");
        state.lives.remove("one");
        state.take("one", "a_total 2");
        state.take("other", "a_total 1");
        assert_eq!(state.totals["a_total"], 8);
    }

    #[test]
    fn a_breaker_that_opens_closes_and_opens_again_opened_twice() {
        let mut state = State::default();
        for open in [0, 1, 1, 0, 1] {
            state.take("one", &format!("{BREAKER}{{host=\"h\"}} {open}"));
        }
        assert_eq!(state.totals.values().sum::<u64>(), 2);
    }
}
