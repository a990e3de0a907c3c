//! Looks for very many texts in very many bytes at once.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::forms::SHORTEST;
use super::{Canary, Leak};

/// What is looked for.
///
/// Every text is known by its last eight bytes: one look into a table tells for almost every place that
/// nothing ends there.
pub struct Scan {
    needles: Vec<Needle>,
    by_ending: HashMap<u64, Vec<usize>>,
    /// One bit for each of as many endings.
    filter: Vec<u64>,
    longest: usize,
    bytes: u64,
    found: BTreeMap<(&'static str, &'static str, PathBuf), (u64, u64)>,
}

struct Needle {
    kind: &'static str,
    form: &'static str,
    bytes: Vec<u8>,
}

const FILTER_BITS: u32 = 24;
const CHUNK: usize = 1 << 20;

impl Scan {
    /// A scan for `canaries` in all their forms.
    #[must_use]
    pub fn new(canaries: &[Canary]) -> Self {
        let mut scan = Self {
            needles: Vec::new(),
            by_ending: HashMap::new(),
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            longest: SHORTEST,
            bytes: 0,
            found: BTreeMap::new(),
        };
        for canary in canaries {
            for (form, bytes) in canary.forms() {
                scan.add(canary.kind, form, bytes);
            }
        }
        scan
    }

    fn add(&mut self, kind: &'static str, form: &'static str, bytes: Vec<u8>) {
        let Some(ending) = ending(&bytes) else { return };
        let known = self.by_ending.entry(ending).or_default();
        let twice = |index: &usize| self.needles.get(*index).is_some_and(|n| n.bytes == bytes);
        if known.iter().any(twice) {
            return;
        }
        known.push(self.needles.len());
        let (word, bit) = place(ending);
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit;
        }
        self.longest = self.longest.max(bytes.len());
        self.needles.push(Needle { kind, form, bytes });
    }

    /// How many texts are looked for.
    #[must_use]
    pub fn needles(&self) -> usize {
        self.needles.len()
    }

    /// How many bytes were read.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a file, or every file below a folder. What is gone meanwhile is left out.
    ///
    /// # Errors
    ///
    /// When something that is there cannot be read.
    pub fn read(&mut self, path: &Path) -> io::Result<()> {
        let kind = match std::fs::symlink_metadata(path) {
            Ok(about) => about.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if kind.is_dir() {
            let mut inside = std::fs::read_dir(path)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()?;
            inside.sort();
            return inside.iter().try_for_each(|path| self.read(path));
        }
        if kind.is_file() {
            self.read_file(path)?;
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut buffer = Vec::with_capacity(CHUNK + self.longest);
        let mut before: u64 = 0;
        loop {
            let kept = buffer.len();
            let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.bytes += read as u64;
            self.look(path, &buffer, kept, before);
            // What begins here may end in the next chunk.
            let keep_from = buffer.len().saturating_sub(self.longest);
            before += keep_from as u64;
            buffer.drain(..keep_from);
        }
    }

    /// Reports what ends at or behind `from`.
    fn look(&mut self, path: &Path, bytes: &[u8], from: usize, before: u64) {
        let first = from.saturating_sub(SHORTEST);
        let mut ending: u64 = 0;
        for (index, byte) in bytes.iter().enumerate().skip(first) {
            ending = (ending << 8) | u64::from(*byte);
            let (word, bit) = place(ending);
            if self.filter.get(word).is_none_or(|word| word & bit == 0) || index < from {
                continue;
            }
            let Some(known) = self.by_ending.get(&ending) else {
                continue;
            };
            for needle in known.iter().filter_map(|index| self.needles.get(*index)) {
                let begins = (index + 1).checked_sub(needle.bytes.len());
                let text = begins.and_then(|begins| bytes.get(begins..=index));
                if text == Some(needle.bytes.as_slice()) {
                    let offset = before + index as u64 + 1;
                    let of = (needle.kind, needle.form, path.to_owned());
                    let (_, times) = self.found.entry(of).or_insert((offset, 0));
                    *times += 1;
                }
            }
        }
    }

    /// What was found.
    #[must_use]
    pub fn leaks(&self) -> Vec<Leak> {
        self.found
            .iter()
            .map(|((kind, form, file), (offset, times))| Leak {
                kind,
                form,
                file: file.clone(),
                offset: *offset,
                times: *times,
            })
            .collect()
    }
}

fn ending(bytes: &[u8]) -> Option<u64> {
    let last = bytes.get(bytes.len().checked_sub(SHORTEST)?..)?;
    Some(u64::from_be_bytes(last.try_into().ok()?))
}

/// The word and the bit of the filter that stand for an ending.
fn place(ending: u64) -> (usize, u64) {
    let hash = ending.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS);
    let word = usize::try_from(hash >> 6).unwrap_or(0);
    (word, 1 << (hash & 63))
}
