//! The checksum that closes a code.

/// CRC-16/CCITT-FALSE, also called CRC-16/IBM-3740: polynomial 0x1021, start 0xFFFF, nothing
/// reflected, no final exclusive or.
///
/// Bit by bit: a code has at most two thousand bytes, and a table would cost the widget more.
pub(super) fn crc(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check value of the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_published_check_value_comes_out() {
        assert_eq!(crc(b"123456789"), 0x29b1);
    }

    #[test]
    fn nothing_at_all_leaves_the_start_value() {
        assert_eq!(crc(b""), 0xffff);
    }
}
