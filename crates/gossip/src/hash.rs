//! A hash that is the same everywhere.

/// FNV-1a of 64 bits: two inputs share a value once in 10^19 times, unless somebody looks for two that do.
#[derive(Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const BASIS: Self = Self(0xcbf2_9ce4_8422_2325);
    const PRIME: u64 = 0x0100_0000_01b3;

    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(Self::PRIME);
        Self(bytes.iter().fold(self.0, step))
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}
