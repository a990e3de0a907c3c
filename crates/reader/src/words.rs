//! From modules to the bytes they stand for.

use rxing::common::BitMatrix;
use rxing::common::reedsolomon::{PredefinedGenericGF, ReedSolomonDecoder};
use rxing::qrcode::decoder::{BitMatrixParser, DataBlock};

/// The version of a code (1 to 40) and its data, corrected.
pub fn read(modules: &BitMatrix) -> Option<(u32, Vec<u8>)> {
    let mut parser = BitMatrixParser::new(modules.clone()).ok()?;
    read_with(&mut parser).or_else(|| {
        // A code seen in a mirror.
        parser.remask().ok()?;
        parser.setMirror(true);
        parser.readVersion().ok()?;
        parser.readFormatInformation().ok()?;
        parser.mirror();
        read_with(&mut parser)
    })
}

fn read_with(parser: &mut BitMatrixParser) -> Option<(u32, Vec<u8>)> {
    let version = parser.readVersion().ok()?;
    let level = parser
        .readFormatInformation()
        .ok()?
        .getErrorCorrectionLevel();
    let codewords = parser.readCodewords().ok()?;
    let decoder = ReedSolomonDecoder::new(PredefinedGenericGF::QrCodeField256.into());
    let mut data = Vec::new();
    for block in DataBlock::getDataBlocks(&codewords, version, level).ok()? {
        let mut words = block.getCodewords().to_vec();
        let count = block.getNumDataCodewords() as usize;
        let correcting = i32::try_from(words.len().checked_sub(count)?).ok()?;
        decoder.decode(&mut words, correcting).ok()?;
        data.extend_from_slice(words.get(..count)?);
    }
    Some((version.getVersionNumber(), data))
}
