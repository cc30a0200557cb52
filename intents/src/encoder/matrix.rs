//! Products of matrices, as much as the bundled encoder needs, with the widest vector instructions the processor has.

use pulp::Arch;

/// Columns and rows that are computed together: as many sums as fit into the registers.
const COLUMNS: usize = 16;
const ROWS: usize = 4;

/// A matrix to multiply with from the right.
pub(super) struct Matrix {
    inputs: usize,
    outputs: usize,
    /// Panels of [`COLUMNS`] columns, each row by row.
    panels: Vec<f32>,
    arch: Arch,
}

impl Matrix {
    /// From bytes, row by row, with a factor per column. Nothing when sizes don't fit.
    pub(super) fn new(bytes: &[u8], scales: &[f32], inputs: usize, outputs: usize) -> Option<Self> {
        if bytes.len() != inputs * outputs || scales.len() != outputs || !outputs.is_multiple_of(COLUMNS) {
            return None;
        }
        let mut panels = Vec::with_capacity(bytes.len());
        for first in (0..outputs).step_by(COLUMNS) {
            let scales = &scales[first..first + COLUMNS];
            for row in bytes.chunks_exact(outputs) {
                let row = &row[first..first + COLUMNS];
                panels.extend(row.iter().zip(scales).map(|(x, scale)| f32::from(x.cast_signed()) * scale));
            }
        }
        Some(Self { inputs, outputs, panels, arch: Arch::new() })
    }

    /// `x`, rows as long as the matrix is high, times the matrix.
    pub(super) fn multiply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len() / self.inputs * self.outputs];
        self.arch.dispatch(
            #[inline(always)]
            || self.multiply_into(x, &mut out),
        );
        out
    }

    #[inline(always)]
    fn multiply_into(&self, x: &[f32], out: &mut [f32]) {
        for (number, panel) in self.panels.chunks_exact(self.inputs * COLUMNS).enumerate() {
            let at = number * COLUMNS;
            let mut rows = x.chunks_exact(self.inputs * ROWS);
            let mut results = out.chunks_exact_mut(self.outputs * ROWS);
            for (x, out) in rows.by_ref().zip(results.by_ref()) {
                let (a, rest) = x.split_at(self.inputs);
                let (b, rest) = rest.split_at(self.inputs);
                let (c, d) = rest.split_at(self.inputs);
                let mut sums = [[0.0_f32; COLUMNS]; ROWS];
                for ((((weights, a), b), c), d) in panel.as_chunks::<COLUMNS>().0.iter().zip(a).zip(b).zip(c).zip(d) {
                    for column in 0..COLUMNS {
                        sums[0][column] += a * weights[column];
                        sums[1][column] += b * weights[column];
                        sums[2][column] += c * weights[column];
                        sums[3][column] += d * weights[column];
                    }
                }
                for (row, sums) in out.chunks_exact_mut(self.outputs).zip(&sums) {
                    row[at..at + COLUMNS].copy_from_slice(sums);
                }
            }
            let (rows, results) = (rows.remainder(), results.into_remainder());
            for (x, out) in rows.chunks_exact(self.inputs).zip(results.chunks_exact_mut(self.outputs)) {
                let mut sums = [0.0_f32; COLUMNS];
                for (weights, x) in panel.as_chunks::<COLUMNS>().0.iter().zip(x) {
                    for column in 0..COLUMNS {
                        sums[column] += x * weights[column];
                    }
                }
                out[at..at + COLUMNS].copy_from_slice(&sums);
            }
        }
    }
}

/// Adds `bias` to each row.
pub(super) fn add(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
    }
}

/// Negative numbers become 0.
pub(super) fn rectify(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.max(0.0));
}

/// Each row to mean 0 and variance 1, then scaled and shifted by column (Ba et al. 2016, "Layer normalization").
pub(super) fn normalised(x: &mut [f32], gain: &[f32], shift: &[f32], epsilon: f32) {
    for row in x.chunks_exact_mut(gain.len()) {
        let mean = row.iter().sum::<f32>() / row.len() as f32;
        row.iter_mut().for_each(|x| *x -= mean);
        let variance = row.iter().map(|x| x * x).sum::<f32>() / row.len() as f32;
        let factor = 1.0 / (variance + epsilon).sqrt();
        row.iter_mut().zip(gain).zip(shift).for_each(|((x, gain), shift)| *x = *x * factor * gain + shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_what_the_definition_says_for_any_number_of_rows() {
        let (inputs, outputs) = (7, 32);
        let bytes: Vec<u8> = (0..inputs * outputs).map(|x| (x * 37 % 251) as u8).collect();
        let scales: Vec<f32> = (0..outputs).map(|x| 0.01 + x as f32 / 1000.0).collect();
        let matrix = Matrix::new(&bytes, &scales, inputs, outputs).unwrap();
        for rows in [0, 1, 4, 6, 9] {
            let x: Vec<f32> = (0..rows * inputs).map(|x| (x % 11) as f32 - 5.0).collect();
            let product = matrix.multiply(&x);
            for row in 0..rows {
                for column in 0..outputs {
                    let term = |k: usize| {
                        x[row * inputs + k] * f32::from(bytes[k * outputs + column].cast_signed()) * scales[column]
                    };
                    let expected: f32 = (0..inputs).map(term).sum();
                    assert!((product[row * outputs + column] - expected).abs() < 1e-3);
                }
            }
        }
        assert!(Matrix::new(&bytes, &scales[1..], inputs, outputs).is_none());
    }

    #[test]
    fn rows_are_normalised_each_for_itself() {
        let mut x = vec![1.0, 3.0, 10.0, 10.0];
        normalised(&mut x, &[1.0, 2.0], &[0.5, 0.0], 0.0);
        assert_eq!(x[..2], [-0.5, 2.0]);
        let mut flat = vec![10.0, 10.0];
        normalised(&mut flat, &[1.0, 2.0], &[0.5, 0.0], 1e-6);
        assert_eq!(flat, [0.5, 0.0]);
    }
}
