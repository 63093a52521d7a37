//! Bytes as text: base64 with padding, RFC 4648 section 4.

use core::fmt::{self, Write};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Displays bytes as base64.
pub(super) struct Base64<'a>(pub(super) &'a [u8]);

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in self.0.chunks(3) {
            let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4 {
                // Of one byte two characters hold bits, of two bytes three.
                if place > group.len() {
                    f.write_char('=')?;
                } else {
                    let digit = bits >> (18 - 6 * place) & 0x3f;
                    f.write_char(char::from(ALPHABET[digit as usize]))?;
                }
            }
        }
        Ok(())
    }
}
