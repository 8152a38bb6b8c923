//! The gzip format (RFC 1952) without compression, to send what nobody asked for.

/// Longest block that is stored as it is (RFC 1951, 3.2.4).
const MAX_BLOCK: usize = 65_535;

/// `bytes` in gzip's wrapping.
pub(super) fn wrap(bytes: &[u8]) -> Vec<u8> {
    let mut wrapped = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
    let blocks = bytes.len().div_ceil(MAX_BLOCK).max(1);
    for index in 0..blocks {
        let block = &bytes[index * MAX_BLOCK..bytes.len().min((index + 1) * MAX_BLOCK)];
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        wrapped.push(u8::from(index + 1 == blocks));
        wrapped.extend_from_slice(&length.to_le_bytes());
        wrapped.extend_from_slice(&(!length).to_le_bytes());
        wrapped.extend_from_slice(block);
    }
    wrapped.extend_from_slice(&checksum(bytes).to_le_bytes());
    // The size is kept modulo 2^32.
    wrapped.extend_from_slice(&bytes.len().to_le_bytes()[..4]);
    wrapped
}

/// CRC-32 as gzip has it.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn what_is_wrapped_stands_inside_block_by_block() {
        let bytes = vec![7; MAX_BLOCK + 5];
        let wrapped = wrap(&bytes);
        assert_eq!(wrapped.len(), 10 + 2 * 5 + bytes.len() + 8);
        assert_eq!(wrapped[10..15], [0, 0xFF, 0xFF, 0, 0]);
        assert_eq!(wrapped[15 + MAX_BLOCK..20 + MAX_BLOCK], [1, 5, 0, 0xFA, 0xFF]);
    }
}
