//! Products of matrices of bytes. Their sums are whole numbers, and so the same on every processor.
//!
//! Rows are multiplied with panels of columns, some of both at once, so that a number that was read is used more than once. How it
//! is done depends on the instructions that the processor has.

/// Columns of a panel.
pub(super) const COLUMNS: usize = 16;
/// Panels that are multiplied together.
pub(super) const PANELS: usize = 4;
/// Rows that are multiplied together.
pub(super) const ROWS: usize = 4;
/// Bytes of a row that lie side by side.
pub(super) const DEPTH: usize = 4;

/// Some bytes of each row of a block.
pub(super) type Block = [[i8; DEPTH]; ROWS];
/// Rows of a panel, as many as bytes of a row lie side by side.
pub(super) type Piece = [[i8; COLUMNS]; DEPTH];
/// Sums of a block of rows and a panel.
pub(super) type Sums = [[i32; COLUMNS]; ROWS];

/// What is to be multiplied: blocks of rows from the left, panels of columns from the right, each of `depth` parts.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) depth: usize,
    pub(super) blocks: &'a [Block],
    pub(super) panels: &'a [Piece],
}

impl Product<'_> {
    /// Gives `put` the sums of every block with every panel, and the numbers of both. There must be a multiple of [`PANELS`].
    pub(super) fn compute(self, put: impl FnMut(usize, usize, &Sums)) {
        #[cfg(target_arch = "x86_64")]
        {
            if wide::available() {
                return wide::compute(self, put);
            }
            if let Some(simd) = pulp::x86::V3::try_new() {
                return by_pairs(simd, self, put);
            }
        }
        plainly(self, put);
    }
}

/// With the instructions that multiply and add four bytes at a time (AVX-512 VNNI).
#[cfg(target_arch = "x86_64")]
mod wide {
    #![expect(unsafe_code, reason = "pulp knows these instructions by name only")]

    use std::arch::x86_64::*;

    use pulp::bytemuck::cast;

    use super::{Block, DEPTH, PANELS, Piece, Product, ROWS, Sums};

    /// Whether this processor has what [`compute`] needs.
    pub(super) fn available() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
    }

    /// As [`Product::compute`].
    ///
    /// # Panics
    /// When the processor lacks the instructions.
    pub(super) fn compute(product: Product<'_>, put: impl FnMut(usize, usize, &Sums)) {
        assert!(available());
        // SAFETY: all it asks for is the instructions, and they have just been found.
        unsafe { on_this_processor(product, put) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn on_this_processor(product: Product<'_>, mut put: impl FnMut(usize, usize, &Sums)) {
        let Product { depth, blocks, panels } = product;
        let blocks: Vec<(&[Block], __m128i)> = blocks.chunks_exact(depth).map(|block| (block, less(block))).collect();
        let mut weights = vec![[_mm512_setzero_si512(); PANELS]; depth];
        for (number, panels) in panels.chunks_exact(depth * PANELS).enumerate() {
            for (place, panel) in panels.chunks_exact(depth).enumerate() {
                for (weights, piece) in weights.iter_mut().zip(panel) {
                    weights[place] = turned(piece);
                }
            }
            for (at, (block, less)) in blocks.iter().enumerate() {
                for (place, sums) in sums(block, *less, &weights).iter().enumerate() {
                    put(at, number * PANELS + place, sums);
                }
            }
        }
    }

    /// The bytes of each column side by side, and 128 added to them: one factor of the instruction has no sign.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn turned(piece: &Piece) -> __m512i {
        let columns = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        let bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
        // SAFETY: both are 64 bytes, and any bytes are values of both. Safe ways to say so copy them first.
        let piece = unsafe { std::mem::transmute::<Piece, __m512i>(*piece) };
        let turned = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(columns, piece), bytes);
        _mm512_xor_si512(turned, _mm512_set1_epi8(i8::MIN))
    }

    /// With what the sums of a block's rows have to begin, because 128 are added to what they are multiplied with.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn less(block: &[Block]) -> __m128i {
        let mut added = _mm_setzero_si128();
        for rows in block {
            added = _mm_dpbusd_epi32(added, _mm_set1_epi8(i8::MIN), cast(*rows));
        }
        _mm_sub_epi32(_mm_setzero_si128(), added)
    }

    /// Sums by panel.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn sums(block: &[Block], less: __m128i, weights: &[[__m512i; PANELS]]) -> [Sums; PANELS] {
        let mut sums = [[_mm512_setzero_si512(); PANELS]; ROWS];
        for (sums, less) in sums.iter_mut().zip(cast::<__m128i, [i32; ROWS]>(less)) {
            sums.fill(_mm512_set1_epi32(less));
        }
        for (rows, weights) in block.iter().zip(weights) {
            for (sums, row) in sums.iter_mut().zip(rows) {
                let row = _mm512_set1_epi32(cast::<[i8; DEPTH], i32>(*row));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm512_dpbusd_epi32(*sum, *weights, row);
                }
            }
        }
        let mut by_panel = [Sums::default(); PANELS];
        for (row, sums) in sums.into_iter().enumerate() {
            for (panel, sum) in sums.into_iter().enumerate() {
                by_panel[panel][row] = cast(sum);
            }
        }
        by_panel
    }
}

/// Bytes made whole numbers of twice the size, two of which are multiplied and added at a time (AVX2).
#[cfg(target_arch = "x86_64")]
fn by_pairs(simd: pulp::x86::V3, product: Product<'_>, mut put: impl FnMut(usize, usize, &Sums)) {
    use std::arch::x86_64::__m256i;

    use pulp::bytemuck::cast;
    let Product { depth, blocks, panels } = product;
    let pair = |pair: [i8; 2]| cast::<[i16; 2], i32>(pair.map(i16::from));
    let halves = |rows: &Block| [rows.map(|row| pair([row[0], row[1]])), rows.map(|row| pair([row[2], row[3]]))];
    simd.vectorize(
        #[inline(always)]
        || {
            let (avx, avx2) = (simd.avx, simd.avx2);
            let blocks: Vec<[i32; ROWS]> = blocks.iter().flat_map(halves).collect();
            // As registers: from anything else each of them would be put together in memory, every time it is used.
            let mut weights: Vec<[__m256i; 2]> = vec![[avx._mm256_setzero_si256(); 2]; depth * 2];
            for (number, panel) in panels.chunks_exact(depth).enumerate() {
                for (weights, rows) in weights.iter_mut().zip(panel.as_flattened().as_chunks::<2>().0) {
                    let [upper, lower] = rows.map(|row| avx2._mm256_cvtepi8_epi16(cast(row)));
                    // In each half of a register of its own, which is put right when the sums are there.
                    *weights = [avx2._mm256_unpacklo_epi16(upper, lower), avx2._mm256_unpackhi_epi16(upper, lower)];
                }
                for (at, block) in blocks.chunks_exact(depth * 2).enumerate() {
                    let mut sums = [[avx._mm256_setzero_si256(); 2]; ROWS];
                    for (rows, weights) in block.iter().zip(&weights) {
                        for (sums, row) in sums.iter_mut().zip(rows) {
                            let row = avx._mm256_set1_epi32(*row);
                            for (sum, weights) in sums.iter_mut().zip(weights) {
                                *sum = avx2._mm256_add_epi32(*sum, avx2._mm256_madd_epi16(row, *weights));
                            }
                        }
                    }
                    let in_order = |[low, high]: [__m256i; 2]| {
                        let first = avx2._mm256_permute2x128_si256::<0x20>(low, high);
                        let last = avx2._mm256_permute2x128_si256::<0x31>(low, high);
                        cast::<[__m256i; 2], [i32; COLUMNS]>([first, last])
                    };
                    put(at, number, &sums.map(in_order));
                }
            }
        },
    );
}

/// On any processor.
fn plainly(product: Product<'_>, mut put: impl FnMut(usize, usize, &Sums)) {
    let Product { depth, blocks, panels } = product;
    for (number, panel) in panels.chunks_exact(depth).enumerate() {
        for (at, block) in blocks.chunks_exact(depth).enumerate() {
            let mut sums = [[0; COLUMNS]; ROWS];
            for (rows, piece) in block.iter().zip(panel) {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    for (factor, weights) in row.iter().zip(piece) {
                        let add =
                            |(sum, weight): (&mut i32, &i8)| *sum += i32::from(i16::from(*factor) * i16::from(*weight));
                        sums.iter_mut().zip(weights).for_each(add);
                    }
                }
            }
            put(at, number, &sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A product whose bytes reach both ends, computed in one way.
    fn found(depth: usize, compute: impl FnOnce(Product<'_>, &mut dyn FnMut(usize, usize, &Sums))) -> Vec<Sums> {
        let byte = |x: usize| (x * 37 % 256) as u8;
        let bytes = |count: usize| -> Vec<i8> { (0..count).map(|x| byte(x).cast_signed()).collect() };
        let (left, right) = (bytes(3 * depth * DEPTH * ROWS), bytes(2 * PANELS * depth * DEPTH * COLUMNS));
        let blocks: Vec<Block> = left.as_chunks().0.as_chunks().0.to_vec();
        let panels: Vec<Piece> = right.as_chunks().0.as_chunks().0.to_vec();
        let mut all = vec![[[0; COLUMNS]; ROWS]; 3 * 2 * PANELS];
        let put = &mut |block: usize, panel: usize, sums: &Sums| all[block * 2 * PANELS + panel] = *sums;
        compute(Product { depth, blocks: &blocks, panels: &panels }, put);
        for block in 0..3 {
            for panel in 0..2 * PANELS {
                for (row, sums) in all[block * 2 * PANELS + panel].iter().enumerate() {
                    for (column, sum) in sums.iter().enumerate() {
                        let at = |k: usize| i32::from(blocks[block * depth + k / DEPTH][row][k % DEPTH]);
                        let with = |k: usize| i32::from(panels[panel * depth + k / DEPTH][k % DEPTH][column]);
                        assert_eq!(*sum, (0..depth * DEPTH).map(|k| at(k) * with(k)).sum::<i32>());
                    }
                }
            }
        }
        all
    }

    #[test]
    fn every_way_gives_what_the_definition_says() {
        for depth in [1, 2, 96] {
            found(depth, |product, put| product.compute(put));
            found(depth, |product, put| plainly(product, put));
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                found(depth, |product, put| by_pairs(simd, product, put));
            }
        }
    }
}
