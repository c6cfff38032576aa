//! Bytes as a connection hands them over: in pieces of any size, and interrupted.

use std::io::{self, Read};

/// Reads some bytes in pieces whose sizes follow from a seed.
pub struct Pieces<'b> {
    rest: &'b [u8],
    state: u32,
}

impl<'b> Pieces<'b> {
    /// The same seed cuts in the same places.
    pub fn new(bytes: &'b [u8], seed: u8) -> Self {
        Self {
            rest: bytes,
            state: u32::from(seed).wrapping_mul(2_654_435_761) | 1,
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Marsaglia's xorshift.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        if self.state.is_multiple_of(11) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = 1 + (self.state >> 8) as usize % [1, 3, 40, 5000][(self.state >> 4) as usize % 4];
        let length = most.min(self.rest.len()).min(buffer.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.rest = rest;
        Ok(length)
    }
}
