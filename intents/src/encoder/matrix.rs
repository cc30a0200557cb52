//! Products of matrices and what goes with them, as much as the bundled encoder needs, with the widest vector instructions the
//! processor has.

use pulp::{Arch, Simd, WithSimd};

/// Columns that lie side by side in the file and are computed together.
pub(super) const COLUMNS: usize = 16;

/// A matrix to multiply with from the right, and what is added to each row of the product.
pub(super) struct Layer {
    inputs: usize,
    outputs: usize,
    /// Panels of [`COLUMNS`] columns, each row by row.
    panels: &'static [u8],
    /// Factors of the columns.
    scales: Vec<f32>,
    bias: Vec<f32>,
    arch: Arch,
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
        let fits = panels.len() == inputs * outputs && outputs.is_multiple_of(COLUMNS);
        let fits = fits && scales.len() == outputs && bias.len() == outputs;
        fits.then(|| Self { inputs, outputs, panels, scales, bias, arch: Arch::new() })
    }

    /// `x`, rows as long as the matrix is high, times the matrix, and the bias.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len() / self.inputs * self.outputs];
        self.arch.dispatch(Product { layer: self, x, out: &mut out });
        out
    }
}

struct Product<'a> {
    layer: &'a Layer,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    /// As many rows at once as sums fit into the registers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.by_rows::<S, 8, 1>(simd),
            8 => self.by_rows::<S, 6, 2>(simd),
            4 => self.by_rows::<S, 3, 4>(simd),
            _ => self.by_rows::<S, 1, 16>(simd),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn by_rows<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { layer, x, out } = self;
        let mut weights = vec![[0.0_f32; COLUMNS]; layer.inputs];
        for (number, panel) in layer.panels.as_chunks::<COLUMNS>().0.chunks_exact(layer.inputs).enumerate() {
            // From bytes once for all rows of `x`.
            for (weight, byte) in weights.as_flattened_mut().iter_mut().zip(panel.as_flattened()) {
                *weight = f32::from(byte.cast_signed());
            }
            let at = number * COLUMNS;
            let (scales, bias) = (&layer.scales[at..][..COLUMNS], &layer.bias[at..][..COLUMNS]);
            let blocks = x.chunks(layer.inputs * ROWS).zip(out.chunks_mut(layer.outputs * ROWS));
            for (rows, out) in blocks {
                let sums = block::<S, ROWS, VECTORS>(simd, &weights, rows);
                for (out, sums) in out.chunks_exact_mut(layer.outputs).zip(sums) {
                    let out = &mut out[at..][..COLUMNS];
                    for (((out, sum), scale), bias) in out.iter_mut().zip(sums).zip(scales).zip(bias) {
                        *out = sum * scale + bias;
                    }
                }
            }
        }
    }
}

/// Products of `ROWS` rows with one panel. Where there are fewer rows the last one is computed again: that costs less than to
/// wait for one sum after the other.
#[inline(always)]
fn block<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    weights: &[[f32; COLUMNS]],
    rows: &[f32],
) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let inputs = weights.len();
    let last = rows.len() / inputs - 1;
    let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &rows[row.min(last) * inputs..][..inputs]);
    for (k, weights) in weights.iter().enumerate() {
        let (weights, _) = S::as_simd_f32s(weights);
        for (row, sums) in rows.iter().zip(&mut sums) {
            let factor = simd.splat_f32s(row[k]);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_e_f32s(factor, *weights, *sum);
            }
        }
    }
    let mut out = [[0.0; COLUMNS]; ROWS];
    for (out, sums) in out.iter_mut().zip(sums) {
        let (out, _) = S::as_mut_simd_f32s(out);
        out.copy_from_slice(&sums);
    }
    out
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
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for row in x.chunks_exact_mut(self.gain.len()) {
                    let length = row.len() as f32;
                    let mean = sum(row, |x| x) / length;
                    let variance = sum(row, |x| (x - mean) * (x - mean)) / length;
                    let factor = 1.0 / (variance + self.epsilon).sqrt();
                    for ((x, gain), shift) in row.iter_mut().zip(&self.gain).zip(&self.shift) {
                        *x = (*x - mean) * factor * gain + shift;
                    }
                }
            },
        );
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
        let (inputs, outputs) = (7, 32);
        let bytes: Vec<u8> = (0..inputs * outputs).map(|x| (x * 37 % 251) as u8).collect();
        let weight = |row: usize, column: usize| {
            f32::from(bytes[column / COLUMNS * inputs * COLUMNS + row * COLUMNS + column % COLUMNS].cast_signed())
        };
        let scales: Vec<f32> = (0..outputs).map(|x| 0.01 + x as f32 / 1000.0).collect();
        let bias: Vec<f32> = (0..outputs).map(|x| x as f32 - 9.0).collect();
        let leaked: &'static [u8] = bytes.clone().leak();
        let layer = Layer::new(leaked, scales.clone(), bias.clone(), inputs, outputs).unwrap();
        for rows in [0, 1, 4, 6, 9, 12, 31] {
            let x: Vec<f32> = (0..rows * inputs).map(|x| (x % 11) as f32 - 5.0).collect();
            let product = layer.apply(&x);
            assert_eq!(product.len(), rows * outputs);
            for row in 0..rows {
                for column in 0..outputs {
                    let sum: f32 = (0..inputs).map(|k| x[row * inputs + k] * weight(k, column)).sum();
                    let expected = sum * scales[column] + bias[column];
                    assert!((product[row * outputs + column] - expected).abs() < 1e-3);
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
