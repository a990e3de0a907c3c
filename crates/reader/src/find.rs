//! Where a code may be.

use rxing::common::{BitMatrix, DetectorRXingResult, HybridBinarizer};
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{BinaryBitmap, Luma8Source};

use crate::{Picture, text, words};

/// Triples of finder patterns that are looked at, best first. A frame full of squares has thousands.
const TRIPLES: usize = 24;

/// The text of the first code that can be read, dark on light, then light on dark.
pub fn read(picture: &Picture) -> Option<String> {
    let source = Luma8Source::new_with_slice(picture.pixels(), picture.width(), picture.height());
    let bitmap = BinaryBitmap::new(HybridBinarizer::new(source.ok()?));
    let modules = bitmap.get_black_matrix();
    read_modules(modules).or_else(|| {
        let mut inverted = modules.clone();
        inverted.flip_self();
        read_modules(&inverted)
    })
}

fn read_modules(picture: &BitMatrix) -> Option<String> {
    let mut patterns = FindFinderPatterns(picture, true, 0);
    let triples = GenerateFinderPatternSets(&mut patterns);
    triples.iter().take(TRIPLES).find_map(|triple| {
        let sampled = SampleQR(picture, triple).ok()?;
        let (version, bytes) = words::read(sampled.getBits())?;
        text::read(bytes, version)
    })
}
