//! Objects that a pack stores as a difference from another one.

/// The largest object that is put together from differences: all of it must be in memory.
pub(in crate::scan) const LARGEST: usize = 256 << 20;

/// Why a difference cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::scan) enum DeltaError {
    /// It ends in the middle of an instruction.
    #[error("a difference ends too early")]
    Short,
    /// It copies what its base does not have.
    #[error("a difference does not fit its base")]
    Base,
    /// What comes out is not as long as it says, or it has an instruction that does not exist.
    #[error("a difference is damaged")]
    Damaged,
    /// What comes out is longer than [`LARGEST`].
    #[error(
        "an object of {0} bytes is stored as a difference, which is more than can be put together"
    )]
    TooLarge(u64),
}

/// What comes of `base` by the instructions of `delta`.
pub(in crate::scan) fn apply(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, DeltaError> {
    let mut rest = Instructions(delta);
    if rest.size()? != base.len() as u64 {
        return Err(DeltaError::Base);
    }
    let stated = rest.size()?;
    let size = usize::try_from(stated).ok().filter(|size| *size <= LARGEST);
    let size = size.ok_or(DeltaError::TooLarge(stated))?;
    let mut out = Vec::new();
    while let Ok(instruction) = rest.byte() {
        let part = match instruction {
            0 => return Err(DeltaError::Damaged),
            1..=0x7f => rest.bytes(usize::from(instruction))?,
            0x80.. => {
                let (start, len) = rest.copied(instruction)?;
                base.get(start..start.saturating_add(len)).ok_or(DeltaError::Base)?
            }
        };
        if out.len() + part.len() > size {
            return Err(DeltaError::Damaged);
        }
        out.extend_from_slice(part);
    }
    if out.len() == size { Ok(out) } else { Err(DeltaError::Damaged) }
}

struct Instructions<'d>(&'d [u8]);

impl<'d> Instructions<'d> {
    fn byte(&mut self) -> Result<u8, DeltaError> {
        let (first, rest) = self.0.split_first().ok_or(DeltaError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    fn bytes(&mut self, len: usize) -> Result<&'d [u8], DeltaError> {
        let (part, rest) = self.0.split_at_checked(len).ok_or(DeltaError::Short)?;
        self.0 = rest;
        Ok(part)
    }

    /// A number of seven bits a byte, the lowest first.
    fn size(&mut self) -> Result<u64, DeltaError> {
        let (mut size, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            size |= bits.checked_shl(shift).ok_or(DeltaError::Damaged)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Ok(size);
            }
        }
    }

    /// Start and length of what is copied: only the bytes that are not zero follow the instruction.
    fn copied(&mut self, instruction: u8) -> Result<(usize, usize), DeltaError> {
        let mut number = |bits: std::ops::Range<u32>| {
            let mut number = 0_usize;
            for (bit, place) in bits.zip(0_u32..) {
                if instruction >> bit & 1 == 1 {
                    number |= usize::from(self.byte()?) << (8 * place);
                }
            }
            Ok(number)
        };
        let start = number(0..4)?;
        let len = number(4..7)?;
        Ok((start, if len == 0 { 0x1_0000 } else { len }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_of_the_base_and_new_bytes_make_the_object() {
        let base = b"0123456789";
        // Copies 3 bytes from 7, inserts two, copies 1 from 0.
        let delta = [10, 6, 0x91, 7, 3, 2, b'a', b'b', 0x90, 1];
        assert_eq!(apply(base, &delta), Ok(b"789ab0".to_vec()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rows: [(&[u8], DeltaError); 7] = [
            (&[], DeltaError::Short),
            (&[9, 1, 1, b'a'], DeltaError::Base),
            (&[10, 1, 0x91, 9, 2], DeltaError::Base),
            (&[10, 1, 2, b'a', b'b'], DeltaError::Damaged),
            (&[10, 3, 2, b'a', b'b'], DeltaError::Damaged),
            (&[10, 3, 0], DeltaError::Damaged),
            (&[10, 0x80, 0x80, 0x80, 0x80, 0x10], DeltaError::TooLarge(1 << 32)),
        ];
        for (delta, error) in rows {
            assert_eq!(apply(b"0123456789", delta), Err(error), "{delta:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            base in prop::collection::vec(any::<u8>(), 0..100),
            delta in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut sized = vec![u8::try_from(base.len()).expect("below 128"), 60];
            sized.extend_from_slice(&delta);
            let _ = apply(&base, &delta);
            let _ = apply(&base, &sized);
        }
    }
}
