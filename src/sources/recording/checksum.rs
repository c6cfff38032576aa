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

/// The checksum as eight hexadecimal digits, as the `crc32` command prints it.
pub(super) fn crc32(bytes: &[u8]) -> String {
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize];
    let crc = !bytes.iter().fold(u32::MAX, step);
    format!("{crc:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_crc32() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32(b"123456789"), "cbf43926");
        assert_eq!(crc32(b""), "00000000");
    }
}
