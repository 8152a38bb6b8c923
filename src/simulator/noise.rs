//! Made-up values that look random and are the same each time: ids, tokens, payload bytes.

use std::hash::{DefaultHasher, Hash, Hasher};

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One number made of any value.
pub(super) fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The `index`-th number of an endless series (the finalizer of splitmix64).
pub(super) fn nth(seed: u64, index: u64) -> u64 {
    let mut word = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// `length` hexadecimal digits.
pub(super) fn hex(seed: u64, length: usize) -> String {
    (0u64..)
        .flat_map(|index| nth(seed, index).to_le_bytes())
        .map(|byte| char::from(HEX[usize::from(byte % 16)]))
        .take(length)
        .collect()
}

/// An id in the form of a UUID, as Zoom gives its recording files.
pub(super) fn file_id(value: impl Hash) -> String {
    let seed = digest(value);
    let group = |index, length| hex(nth(seed, index), length);
    format!("{}-{}-4{}-8{}-{}", group(0, 8), group(1, 4), group(2, 3), group(3, 3), group(4, 12))
}

/// A token in the form and length of a JSON web token.
pub(super) fn token(value: impl Hash) -> String {
    let seed = digest(value);
    format!("eyJzdiI6IjAwMDAwMSIsImFsZyI6IkhTNTEyIiwidiI6IjIuMCJ9.{}.{}", hex(seed, 640), hex(!seed, 86))
}

/// Base64 as it stands in addresses: without padding (RFC 4648, section 5).
pub(super) fn base64url(bytes: &[u8]) -> String {
    base64(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// Base64 with padding, for Basic authorization.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = BASE64[(bits >> shift & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        // RFC 4648, section 10
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
