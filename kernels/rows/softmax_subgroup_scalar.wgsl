enable subgroups;
// rows/softmax_subgroup_scalar: over the last axis, one subgroup per row, lanes along the columns; no barrier. Same
// contract as rows/softmax_naive, any number of columns; where it is a multiple of four, rows/softmax_subgroup reads
// four at a time.
//   forward   y = exp(x - max x) / Σ exp(x - max x)
//   backward  dx = y · (dy - Σ y·dy)
// Shapes: x, y, dy, dx float[rows, cols], dense. Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32.
// Traffic: 8 bytes per element forward, 12 backward (ideal). The exponentials are computed twice rather than stored:
// measured faster. A row of -∞ alone gives 1/n.
// uses: lib/subgroup_reduce.wgsl, lib/special_values.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> y_saved: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u

// A row past the end is computed again as the last one and not stored, so that control flow stays uniform in a
// subgroup.
@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  let begin = min(row, params.rows - 1u) * params.cols + index % SG;
  let end = (min(row, params.rows - 1u) + 1u) * params.cols;
  var top = LEAST;
  var i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    top = max(top, x[i]);
    i += SG;
  }
  top = subgroup_max(top);
  var total = 0.0;
  i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    total += exp_of(x[i] - top);
    i += SG;
  }
  let sum = subgroup_sum(total);
  let scale = select(1.0 / sum, 0.0, sum == 0.0);
  let level = select(0.0, 1.0 / f32(params.cols), sum == 0.0);
  if (row < params.rows) {
    i = begin;
    for (var left = turns(i, end, SG); left > 0u; left--) {
      y[i] = exp(x[i] - top) * scale + level;
      i += SG;
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  let begin = min(row, params.rows - 1u) * params.cols + index % SG;
  let end = (min(row, params.rows - 1u) + 1u) * params.cols;
  var dot = 0.0;
  var i = begin;
  for (var left = turns(i, end, SG); left > 0u; left--) {
    dot += y_saved[i] * dy[i];
    i += SG;
  }
  dot = subgroup_sum(dot);
  if (row < params.rows) {
    i = begin;
    for (var left = turns(i, end, SG); left > 0u; left--) {
      dx[i] = y_saved[i] * (dy[i] - dot);
      i += SG;
    }
  }
}
