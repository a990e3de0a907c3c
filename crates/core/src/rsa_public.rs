//! The RSA public operation: a number to the power of 65537.
//!
//! Everything here is public but the block that is encrypted, and that is one-time key material of
//! the very device that computes; so nothing needs to take constant time. Written for size: this
//! and its callers are a fraction of what a general RSA library adds to the widget.

use alloc::vec;
use alloc::vec::Vec;

use zeroize::Zeroizing;

/// An odd modulus, ready for Montgomery multiplication. Numbers are 32-bit limbs, the least
/// significant first.
#[derive(Clone)]
pub(crate) struct Modulus {
    limbs: Vec<u32>,
    /// −n⁻¹ modulo 2³².
    negated_inverse: u32,
    /// R² modulo n, where R is 2³² to the number of limbs.
    r_squared: Vec<u32>,
    bytes: usize,
}

impl Modulus {
    /// `big_endian` has no leading zero byte and is odd, so it is above 1 whenever it is longer than
    /// a byte.
    pub(crate) fn new(big_endian: &[u8]) -> Self {
        let limbs = to_limbs(big_endian);
        let lowest = limbs.first().copied().unwrap_or(1);
        // Newton: an odd number is its own inverse modulo 8, and each step doubles the bits.
        let mut inverse = lowest;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        let mut r_squared = vec![0; limbs.len()];
        if let Some(first) = r_squared.first_mut() {
            *first = 1;
        }
        for _ in 0..limbs.len() * 64 {
            let carry = double(&mut r_squared);
            reduce_once(carry, &mut r_squared, &limbs);
        }
        Self {
            limbs,
            negated_inverse: inverse.wrapping_neg(),
            r_squared,
            bytes: big_endian.len(),
        }
    }

    /// How many bytes the modulus has, and so every block.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// `block` to the power of 65537, as long as the modulus, both big-endian. `None` unless `block`
    /// is as long as the modulus and below it.
    pub(crate) fn raise(&self, block: &[u8]) -> Option<Vec<u8>> {
        let base = Zeroizing::new(to_limbs(block));
        if block.len() != self.bytes || !is_below(&base, &self.limbs) {
            return None;
        }
        let mut power = self.multiply(&base, &self.r_squared);
        for _ in 0..16 {
            power = self.multiply(&power, &power);
        }
        // One factor in Montgomery form and one without: the product is without.
        let power = self.multiply(&power, &base);
        let padding = power.len() * 4 - self.bytes;
        Some(
            power
                .iter()
                .rev()
                .flat_map(|limb| limb.to_be_bytes())
                .skip(padding)
                .collect(),
        )
    }

    /// a·b·R⁻¹ modulo n, for a and b below n.
    fn multiply(&self, a: &[u32], b: &[u32]) -> Zeroizing<Vec<u32>> {
        let mut sum = Zeroizing::new(vec![0_u32; self.limbs.len()]);
        let mut top = 0;
        for a_limb in a {
            let mut carry = 0;
            for (limb, b_limb) in sum.iter_mut().zip(b) {
                carry += u64::from(*limb) + u64::from(*a_limb) * u64::from(*b_limb);
                *limb = low(carry);
                carry >>= 32;
            }
            top += carry;
            // Adding this multiple of n clears the lowest limb, which then falls off.
            let factor = sum
                .first()
                .map_or(0, |lowest| lowest.wrapping_mul(self.negated_inverse));
            let mut carry = 0;
            let mut below: Option<&mut u32> = None;
            for (limb, n_limb) in sum.iter_mut().zip(&self.limbs) {
                carry += u64::from(*limb) + u64::from(factor) * u64::from(*n_limb);
                if let Some(below) = below.replace(limb) {
                    *below = low(carry);
                }
                carry >>= 32;
            }
            top += carry;
            if let Some(highest) = below {
                *highest = low(top);
            }
            top >>= 32;
        }
        reduce_once(top != 0, &mut sum, &self.limbs);
        sum
    }
}

/// Doubles a number in place; whether a bit was carried out.
fn double(number: &mut [u32]) -> bool {
    let mut carry = 0;
    for limb in number {
        let out = *limb >> 31;
        *limb = (*limb << 1) | carry;
        carry = out;
    }
    carry != 0
}

/// Takes `modulus` off a number below twice the modulus, if it is not below the modulus already.
/// `carry` is the number's bit above its highest limb.
fn reduce_once(carry: bool, number: &mut [u32], modulus: &[u32]) {
    if !carry && is_below(number, modulus) {
        return;
    }
    let mut borrow = false;
    for (limb, n_limb) in number.iter_mut().zip(modulus) {
        let (difference, under) = limb.overflowing_sub(*n_limb);
        let (difference, under_again) = difference.overflowing_sub(u32::from(borrow));
        *limb = difference;
        borrow = under || under_again;
    }
}

fn is_below(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn to_limbs(big_endian: &[u8]) -> Vec<u32> {
    big_endian
        .rchunks(4)
        .map(|chunk| {
            chunk
                .iter()
                .fold(0, |limb, byte| (limb << 8) | u32::from(*byte))
        })
        .collect()
}

const fn low(wide: u64) -> u32 {
    (wide & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use ::rsa::BigUint;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What the independent library makes of it.
    fn expected(modulus: &[u8], block: &[u8]) -> Vec<u8> {
        let power = BigUint::from_bytes_be(block)
            .modpow(&BigUint::from(65537_u32), &BigUint::from_bytes_be(modulus))
            .to_bytes_be();
        let mut padded = vec![0; modulus.len() - power.len()];
        padded.extend(power);
        padded
    }

    fn odd(mut modulus: Vec<u8>, first: u8) -> Vec<u8> {
        if let Some(byte) = modulus.first_mut() {
            *byte = first;
        }
        if let Some(byte) = modulus.last_mut() {
            *byte |= 1;
        }
        modulus
    }

    /// A modulus of this many bytes and a block as long.
    fn pair(bytes: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        (bytes, 1..=255_u8)
            .prop_flat_map(|(bytes, first)| {
                (
                    vec(any::<u8>(), bytes),
                    vec(any::<u8>(), bytes),
                    Just(first),
                )
            })
            .prop_map(|(modulus, block, first)| (odd(modulus, first), block))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_power_equals_an_independent_library_s((modulus, block) in pair(128..=270)) {
            let raised = Modulus::new(&modulus).raise(&block);
            if block < modulus {
                prop_assert_eq!(raised, Some(expected(&modulus, &block)));
            } else {
                prop_assert_eq!(raised, None);
            }
        }

        // Few limbs make borrows and carries into the highest one frequent.
        #[test]
        fn every_power_modulo_a_short_number_equals_an_independent_library_s(
            (modulus, block) in pair(2..=9)
        ) {
            let raised = Modulus::new(&modulus).raise(&block);
            prop_assert_eq!(raised.is_some(), block < modulus);
            if let Some(raised) = raised {
                prop_assert_eq!(raised, expected(&modulus, &block));
            }
        }
    }

    #[test]
    fn the_largest_modulus_and_those_next_to_a_power_of_two_are_no_exception() {
        let all_ones = vec![0xff; 1024];
        let lowest = odd(vec![0; 1024], 0x80);
        let mixed: Vec<u8> = (0..1024_u32).map(|i| (i * 167 % 251) as u8).collect();
        for modulus in [all_ones, lowest.clone(), odd(mixed.clone(), 0xc3)] {
            let mut largest = modulus.clone();
            *largest.last_mut().unwrap() -= 1;
            let mut block = mixed.clone();
            block[0] = 0;
            for block in [largest, block, vec![0; 1024], odd(vec![0; 1024], 0)] {
                assert_eq!(
                    Modulus::new(&modulus).raise(&block),
                    Some(expected(&modulus, &block))
                );
            }
        }
    }

    #[test]
    fn a_block_of_another_length_or_not_below_the_modulus_is_refused() {
        let modulus = odd(vec![7; 128], 0x90);
        let ready = Modulus::new(&modulus);
        let mut above = modulus.clone();
        above[127] += 2;
        for block in [
            &modulus[..],
            &above,
            &[0; 127],
            &[0; 129],
            &[0; 124],
            &[],
            &[0xff; 128],
        ] {
            assert_eq!(ready.raise(block), None);
        }
    }
}
