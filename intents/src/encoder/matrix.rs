//! Products of matrices and what goes with them, as much as the bundled encoder needs, with the widest vector instructions the
//! processor has.

use pulp::bytemuck::try_cast_slice;
use pulp::{Arch, Simd, WithSimd};

use super::product::{Block, COLUMNS, DEPTH, PANELS, Piece, Product, ROWS};

/// A matrix to multiply with from the right, and what is added to each row of the product.
pub(super) struct Layer {
    inputs: usize,
    /// Panels of [`COLUMNS`] columns, each row by row.
    panels: &'static [Piece],
    /// Factors of the columns.
    scales: Vec<[f32; COLUMNS]>,
    bias: Vec<[f32; COLUMNS]>,
}

impl Layer {
    /// From bytes in panels, with a factor and an addend per column. Nothing when sizes don't fit.
    pub(super) fn new(
        panels: &'static [u8],
        scales: Vec<f32>,
        bias: Vec<f32>,
        inputs: usize,
        outputs: usize,
    ) -> Option<Self> {
        let fits = panels.len() == inputs * outputs && inputs.is_multiple_of(COLUMNS);
        let fits = fits && outputs.is_multiple_of(COLUMNS * PANELS) && scales.len() == outputs && bias.len() == outputs;
        let panels = try_cast_slice(panels).ok()?;
        let by_panel = |floats: Vec<f32>| floats.as_chunks().0.to_vec();
        fits.then(|| Self { inputs, panels, scales: by_panel(scales), bias: by_panel(bias) })
    }

    /// `x`, rows as long as the matrix is high, times the matrix, and the bias. The rows are rounded to bytes for it.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let Bytes { blocks, rows } = Arch::new().dispatch(Rounding { x, width: self.inputs });
        let depth = self.inputs / DEPTH;
        let panels = self.scales.len();
        let mut out = vec![[0.0; COLUMNS]; rows.len() * panels];
        Product { depth, blocks: &blocks, panels: self.panels }.compute(
            #[inline(always)]
            |block, panel, sums| {
                let weights = self.panels[panel * depth..][..depth].as_flattened();
                let (scales, bias) = (&self.scales[panel], &self.bias[panel]);
                let rows = rows.iter().enumerate().skip(block * ROWS);
                for ((number, row), sums) in rows.zip(sums) {
                    let mut sums = sums.map(|sum| sum as f32);
                    for (place, missing) in &row.beyond {
                        for (sum, weight) in sums.iter_mut().zip(&weights[*place]) {
                            *sum += missing * f32::from(*weight);
                        }
                    }
                    let finished = |column: usize| sums[column] * (row.factor * scales[column]) + bias[column];
                    out[number * panels + panel] = std::array::from_fn(finished);
                }
            },
        );
        out.into_flattened()
    }
}

/// How far bytes reach, in root mean squares of a row. A few numbers are many times larger than the others: if bytes reached them
/// too, the others would be rounded too coarsely (cosine to the vector of the unrounded network 0.998 instead of 0.9996).
const REACH: f32 = 2.5;

/// Rows in bytes, in blocks whose last is filled up with zeros.
struct Bytes {
    blocks: Vec<Block>,
    rows: Vec<Row>,
}

/// What there is to a row besides its bytes.
struct Row {
    /// Size of a step.
    factor: f32,
    /// Places of numbers that no byte can hold, and the steps that are missing there.
    beyond: Vec<(usize, f32)>,
}

/// A whole number that a byte can hold, as one. The last byte of a float this large counts ones, and to look at it is faster than
/// the cast, which asks first whether the number fits.
#[inline(always)]
fn byte_of(whole: f32) -> i8 {
    /// 1.5 · 2²³
    const ONES: f32 = 12_582_912.0;
    (whole + ONES).to_bits() as i8
}

/// Rows of floats to be made bytes.
struct Rounding<'a> {
    x: &'a [f32],
    width: usize,
}

impl WithSimd for Rounding<'_> {
    type Output = Bytes;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Bytes {
        let Self { x, width } = self;
        let depth = width / DEPTH;
        let count = x.len() / width;
        let mut blocks = vec![Block::default(); count.div_ceil(ROWS) * depth];
        let mut rows = Vec::with_capacity(count);
        let (mut steps, mut bytes) = (vec![0.0_f32; width], vec![0_i8; width]);
        for (x, blocks) in x.chunks(width * ROWS).zip(blocks.chunks_exact_mut(depth)) {
            for (place, x) in x.chunks_exact(width).enumerate() {
                let reach = REACH * (sum(x, |x| x * x) / width as f32).sqrt();
                let factor = (reach / f32::from(i8::MAX)).max(f32::MIN_POSITIVE);
                let scale = 1.0 / factor;
                for ((steps, byte), x) in steps.iter_mut().zip(&mut bytes).zip(x) {
                    *steps = (x * scale).round_ties_even();
                    let held = steps.clamp(f32::from(-i8::MAX), f32::from(i8::MAX));
                    *byte = byte_of(held);
                    *steps -= held;
                }
                let mut beyond = Vec::new();
                for (part, missing) in steps.as_chunks::<COLUMNS>().0.iter().enumerate() {
                    // Nearly always there is nothing; to find that out all at once is faster.
                    if missing.iter().map(|missing| missing.abs().to_bits()).max() > Some(0) {
                        let places = (part * COLUMNS..).zip(missing.iter().copied());
                        beyond.extend(places.filter(|(_, missing)| *missing != 0.0));
                    }
                }
                for (block, bytes) in blocks.iter_mut().zip(bytes.as_chunks().0) {
                    block[place] = *bytes;
                }
                rows.push(Row { factor, beyond });
            }
        }
        Bytes { blocks, rows }
    }
}

/// Gain and shift of a normalisation.
pub(super) struct Norm {
    gain: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    pub(super) fn new(gain: Vec<f32>, shift: Vec<f32>, epsilon: f32) -> Self {
        Self { gain, shift, epsilon }
    }

    /// Each row to mean 0 and variance 1, then scaled and shifted by column (Ba et al. 2016, "Layer normalization").
    pub(super) fn apply(&self, x: &mut [f32]) {
        Arch::new().dispatch(Normalisation { norm: self, x });
    }
}

struct Normalisation<'a> {
    norm: &'a Norm,
    x: &'a mut [f32],
}

impl WithSimd for Normalisation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Norm { gain, shift, epsilon } = self.norm;
        for row in self.x.chunks_exact_mut(gain.len()) {
            let length = row.len() as f32;
            let mean = sum(row, |x| x) / length;
            let variance = sum(row, |x| (x - mean) * (x - mean)) / length;
            let factor = 1.0 / (variance + epsilon).sqrt();
            for ((x, gain), shift) in row.iter_mut().zip(gain).zip(shift) {
                *x = (*x - mean) * factor * gain + shift;
            }
        }
    }
}

/// Sum over a row in as many lanes as a register may have.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; COLUMNS];
    let (chunks, rest) = row.as_chunks::<COLUMNS>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += of(*x));
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| of(*x)).sum::<f32>()
}

/// Adds `y` to `x`.
pub(super) fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// Gaussian error linear units (Hendrycks and Gimpel 2016), in the form with the hyperbolic tangent.
pub(super) fn gelu(x: &mut [f32]) {
    /// √(2/π)
    const SLOPE: f32 = 0.797_884_6;
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for x in x {
                *x = 0.5 * *x * (1.0 + tanh(SLOPE * (*x + 0.044_715 * *x * *x * *x)));
            }
        },
    );
}

/// The hyperbolic tangent by Lambert's continued fraction, cut after seven terms: right to 1e-4, and made of nothing but
/// products and one quotient.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let x = x.clamp(-4.97, 4.97);
    let square = x * x;
    let above = x * (135_135.0 + square * (17_325.0 + square * (378.0 + square)));
    above / (135_135.0 + square * (62_370.0 + square * (3_150.0 + square * 28.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_what_the_definition_says_for_any_number_of_rows() {
        let (inputs, outputs) = (16, 64);
        let bytes: Vec<u8> = (0..inputs * outputs).map(|x| (x * 37 % 251) as u8).collect();
        let weight = |row: usize, column: usize| {
            f32::from(bytes[column / COLUMNS * inputs * COLUMNS + row * COLUMNS + column % COLUMNS].cast_signed())
        };
        let scales: Vec<f32> = (0..outputs).map(|x| 0.01 + x as f32 / 1000.0).collect();
        let bias: Vec<f32> = (0..outputs).map(|x| x as f32 - 9.0).collect();
        let leaked: &'static [u8] = bytes.clone().leak();
        let layer = Layer::new(leaked, scales.clone(), bias.clone(), inputs, outputs).unwrap();
        for rows in [0, 1, 4, 6, 9, 12, 31] {
            // One number of each row is larger than bytes reach.
            let x = |x| if x % inputs == 3 { 127.0 } else { (x % 11) as f32 - 5.0 };
            let x: Vec<f32> = (0..rows * inputs).map(x).collect();
            let product = layer.apply(&x);
            assert_eq!(product.len(), rows * outputs);
            for row in 0..rows {
                let x = &x[row * inputs..][..inputs];
                let step = REACH * (x.iter().map(|x| x * x).sum::<f32>() / inputs as f32).sqrt() / 127.0;
                assert!(x[3] > 127.0 * step);
                for column in 0..outputs {
                    let sum = |of: fn(f32, f32) -> f32| (0..inputs).map(|k| of(x[k], weight(k, column))).sum::<f32>();
                    let expected = sum(|x, weight| x * weight) * scales[column] + bias[column];
                    let rounded = sum(|_, weight| weight.abs()) * scales[column] * step / 2.0;
                    assert!((product[row * outputs + column] - expected).abs() < rounded + 1e-2);
                }
            }
        }
        assert!(Layer::new(leaked, scales[1..].to_vec(), bias, inputs, outputs).is_none());
    }

    #[test]
    fn rows_are_normalised_each_for_itself() {
        let norm = |gain: &[f32], shift: &[f32], epsilon| Norm::new(gain.to_vec(), shift.to_vec(), epsilon);
        let mut x = vec![1.0, 3.0, 10.0, 10.0];
        norm(&[1.0, 2.0], &[0.5, 0.0], 0.0).apply(&mut x);
        assert_eq!(x[..2], [-0.5, 2.0]);
        let mut flat = vec![10.0, 10.0];
        norm(&[1.0, 2.0], &[0.5, 0.0], 1e-6).apply(&mut flat);
        assert_eq!(flat, [0.5, 0.0]);
    }

    #[test]
    fn the_activation_is_near_its_definition() {
        for step in -200..=200 {
            let x = step as f32 / 20.0;
            let mut found = [x];
            gelu(&mut found);
            let expected = 0.5 * x * (1.0 + (0.797_884_6 * (x + 0.044_715 * x.powi(3))).tanh());
            assert!((found[0] - expected).abs() < 1e-3, "{x}: {} {expected}", found[0]);
        }
    }
}
