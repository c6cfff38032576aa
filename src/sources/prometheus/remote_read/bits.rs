//! A chunk's bytes, bit by bit from the highest: eight bytes are loaded at once, so that most reads are two shifts.

use super::chunk::ChunkError;

/// A place in a bit stream.
pub(super) struct Bits<'d> {
    data: &'d [u8],
    /// The next byte that is not yet counted in `count`.
    at: usize,
    /// The next bits, from the highest. Those beyond `count` may already be right, and are never wrong.
    buffer: u64,
    count: u32,
}

impl<'d> Bits<'d> {
    pub(super) fn new(data: &'d [u8]) -> Self {
        Self {
            data,
            at: 0,
            buffer: 0,
            count: 0,
        }
    }

    /// Loads so much that 56 bits are there, or all that are left.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(word) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            self.buffer |= u64::from_be_bytes(*word) >> self.count;
            let bytes = (63 - self.count) / 8;
            self.at += bytes as usize;
            self.count += 8 * bytes;
        } else {
            // By value: who takes the address of a reader keeps it out of the registers.
            (self.at, self.buffer, self.count) = refill_at_the_end(self.data, self.at, self.buffer, self.count);
        }
    }

    /// The next bits, of which there are 1 to 56.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> Result<u64, ChunkError> {
        if self.count < bits {
            self.refill();
            if self.count < bits {
                return Err(ChunkError::Truncated);
            }
        }
        let taken = self.buffer >> (64 - bits);
        self.buffer <<= bits;
        self.count -= bits;
        Ok(taken)
    }

    /// The next bits, of which there are 1 to 64.
    #[inline(always)]
    pub(super) fn take_many(&mut self, bits: u32) -> Result<u64, ChunkError> {
        if bits <= 56 {
            return self.take(bits);
        }
        let high = self.take(bits - 32)?;
        Ok(high << 32 | self.take(32)?)
    }

    /// How many ones come before a zero, of `most` at the most; the zero is taken, too.
    #[inline(always)]
    pub(super) fn ones(&mut self, most: u32) -> Result<u32, ChunkError> {
        // A prefix is at most eight bits long.
        if self.count < most {
            self.refill();
        }
        let ones = self.buffer.leading_ones().min(most);
        let length = if ones < most { ones + 1 } else { ones };
        if self.count < length {
            return Err(ChunkError::Truncated);
        }
        self.buffer <<= length;
        self.count -= length;
        Ok(ones)
    }

    /// Seven bits a byte from the lowest, as protobuf has them.
    pub(super) fn varint(&mut self) -> Result<u64, ChunkError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(8)?;
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ChunkError::Malformed("a number is longer than 64 bits"))
    }

    /// The same, with the sign in the lowest bit.
    pub(super) fn signed_varint(&mut self) -> Result<i64, ChunkError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cold]
#[inline(never)]
fn refill_at_the_end(data: &[u8], mut at: usize, mut buffer: u64, mut count: u32) -> (usize, u64, u32) {
    while count <= 56
        && let Some(byte) = data.get(at)
    {
        buffer |= u64::from(*byte) << (56 - count);
        at += 1;
        count += 8;
    }
    (at, buffer, count)
}

/// A number of so many bits whose upper half is negative, its middle (`1 << (bits - 1)`) being the largest where `middle_up`.
#[inline]
pub(super) fn signed(value: u64, bits: u32, middle_up: bool) -> i64 {
    let middle = 1_u64 << (bits - 1);
    let is_negative = if middle_up { value > middle } else { value >= middle };
    if is_negative && bits < 64 {
        (value as i64) - (1_i64 << bits)
    } else {
        value as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_taken_in_order_whatever_the_widths(data in prop::collection::vec(any::<u8>(), 0..40), widths in prop::collection::vec(1_u32..=64, 0..40)) {
            let mut bits = Bits::new(&data);
            let mut at = 0;
            for width in widths {
                let taken = bits.take_many(width);
                if at + width as usize > data.len() * 8 {
                    prop_assert!(matches!(taken, Err(ChunkError::Truncated)));
                    break;
                }
                let expected = (at..at + width as usize).fold(0_u64, |value, bit| {
                    value << 1 | u64::from(data[bit / 8] >> (7 - bit % 8) & 1)
                });
                prop_assert_eq!(taken.unwrap(), expected);
                at += width as usize;
            }
        }

        #[test]
        fn signed_numbers_come_back(value in any::<i64>()) {
            let zigzag = (value << 1 ^ value >> 63) as u64;
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(zigzag, &mut bytes);
            prop_assert_eq!(Bits::new(&bytes).signed_varint().unwrap(), value);
        }
    }

    #[test]
    fn ones_are_counted_to_their_zero_or_to_the_most() {
        let mut bits = Bits::new(&[0b0101_1011, 0b1111_0000]);
        let counts: Vec<u32> = (0..4).map(|_| bits.ones(4).unwrap()).collect();
        assert_eq!(counts, [0, 1, 2, 4]);
        assert_eq!(bits.ones(4).unwrap(), 2);
        assert!(matches!(Bits::new(&[0xff]).ones(9), Err(ChunkError::Truncated)));
    }
}
