//! Validity bits: LSB first, 1 = valid, in DuckDB (words) as in Arrow (bytes).

/// Copies `count` bits from bit `from` of `source` to bit `to` of `out`; returns how many are 0.
pub(crate) fn copy_bits(out: &mut [u8], to: usize, source: &[u64], from: usize, count: usize) -> usize {
    let mut zeros = 0;
    let mut done = 0;
    while done < count {
        let step = (count - done).min(64);
        let word = read_word(source, from + done, step);
        zeros += step - usize::try_from(word.count_ones()).unwrap_or(0);
        write_word(out, to + done, word, step);
        done += step;
    }
    zeros
}

/// Sets `count` bits from bit `to` on.
pub(crate) fn set_bits(out: &mut [u8], to: usize, count: usize) {
    let mut done = 0;
    while done < count {
        let step = (count - done).min(64);
        write_word(out, to + done, low_bits(step), step);
        done += step;
    }
}

fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// `count` (1..=64) bits from bit `at` on, in the low bits.
fn read_word(source: &[u64], at: usize, count: usize) -> u64 {
    let (word, shift) = (at / 64, at % 64);
    let mut value = source[word] >> shift;
    if shift + count > 64 {
        value |= source[word + 1] << (64 - shift);
    }
    value & low_bits(count)
}

/// Writes the low `count` (1..=64) bits of `value`; other bits of the bytes stay.
fn write_word(out: &mut [u8], at: usize, value: u64, count: usize) {
    let (first, shift) = (at / 8, at % 8);
    let bytes = (shift + count).div_ceil(8);
    let mask = u128::from(low_bits(count)) << shift;
    let shifted = u128::from(value) << shift;
    let (mask, shifted) = (mask.to_le_bytes(), shifted.to_le_bytes());
    for (i, byte) in out[first..first + bytes].iter_mut().enumerate() {
        *byte = (*byte & !mask[i]) | shifted[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shift_agrees_with_a_bit_by_bit_copy() {
        let source = [0xdead_beef_0123_4567_u64, 0x89ab_cdef_5555_aaaa, u64::MAX, 0];
        let bit = |at: usize| source[at / 64] >> (at % 64) & 1;
        for from in [0, 1, 7, 8, 63, 64, 65] {
            for to in [0, 1, 7, 8, 9, 63] {
                for count in [1, 7, 8, 63, 64, 65, 130] {
                    let mut out = [0xff_u8; 40];
                    let zeros = copy_bits(&mut out, to, &source, from, count);
                    let expected = (0..count).filter(|i| bit(from + i) == 0).count();
                    assert_eq!(zeros, expected, "{from} {to} {count}");
                    for at in 0..out.len() * 8 {
                        let got = u64::from(out[at / 8] >> (at % 8) & 1);
                        let want = if (to..to + count).contains(&at) { bit(from + at - to) } else { 1 };
                        assert_eq!(got, want, "{from} {to} {count} bit {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn set_bits_touches_nothing_else() {
        let mut out = [0_u8; 20];
        set_bits(&mut out, 5, 70);
        for at in 0..160 {
            assert_eq!(out[at / 8] >> (at % 8) & 1 == 1, (5..75).contains(&at), "{at}");
        }
    }
}
