//! CRC-32 as in gzip and zlib (polynomial 0xEDB88320, reflected): tells a damaged copy from a whole one. It is no protection
//! against somebody who wants to deceive.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// A checksum that grows with what it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc32(u32);

impl Default for Crc32 {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc32 {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize];
        self.0 = bytes.iter().fold(self.0, step);
    }

    /// Eight hexadecimal digits, as the `crc32` command prints them.
    pub(super) fn text(self) -> String {
        format!("{:08x}", !self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_crc32() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        let mut crc = Crc32::default();
        assert_eq!(crc.text(), "00000000");
        crc.take(b"12345");
        crc.take(b"");
        crc.take(b"6789");
        assert_eq!(crc.text(), "cbf43926");
    }
}
