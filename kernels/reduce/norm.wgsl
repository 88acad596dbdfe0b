// reduce/norm: the Euclidean length over a middle axis, one lane per segment of a column.
//   forward   y[o, s, c] = √Σ x[o, i, c]² over i = s, s + segments, … < rows
//   backward  dx[o, i, c] = dy[o, c] · x[o, i, c] / y[o, c], 0 where the length is 0
// Shapes: x, dx float[outer, rows, cols], y float[outer, segments, cols], dy float[outer, cols], dense. The length of
// lengths is the length of all, so with segments > 1 the next dispatch takes y for x.
// Grid: ceil(outer · segments · cols / WG) workgroups in a line, backward ceil(outer · rows · cols / WG).
// Accumulates in f32, in blocks. Squares of very large or small numbers leave the range of f32: where that may have
// happened, the sum is recomputed from x · 2^80 or x · 2^-80, which rounds nothing.
// Traffic: 4 bytes per element forward, 8 backward.
// uses: lib/block_sum.wgsl, lib/special_values.wgsl

struct Params { outer: u32, rows: u32, cols: u32, segments: u32 }

alias T = f32;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> y_saved: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

const WG = 64u;

struct Segment { first: u32, end: u32, step: u32 }

fn squares(at: Segment, k: f32) -> f32 {
  var sums = Blocks();
  for (var i = at.first; i < at.end;) {
    let stop = min(i + BLOCK * at.step, at.end);
    var part = 0.0;
    for (; i < stop; i += at.step) {
      let v = x[i] * k;
      part += v * v;
    }
    sums = add_block(sums, part);
  }
  return sum_of(sums);
}

/// The bits of the largest |x|: integers in the order of the magnitudes, with NaN after ∞.
fn greatest_bits(at: Segment) -> u32 {
  var most = 0u;
  for (var i = at.first; i < at.end; i += at.step) { most = max(most, bitcast<u32>(x[i]) & 0x7fffffffu); }
  return most;
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.outer * params.segments * params.cols) { return; }
  let part = item / params.cols;
  let o = part / params.segments;
  let begin = o * params.rows * params.cols + item - part * params.cols;
  let at = Segment(begin + (part - o * params.segments) * params.cols, begin + params.rows * params.cols,
    params.segments * params.cols);
  let usual = squares(at, 1.0);
  var length = sqrt(usual);
  if (usual < 0x1p-60f || (bitcast<u32>(usual) & 0x7f800000u) == 0x7f800000u) {
    let most = greatest_bits(at);
    if (most > 0x7f800000u) {
      length = quiet_nan();
    } else if (most == 0x7f800000u) {
      length = infinity();
    } else if (most > 0x3f800000u) {
      length = sqrt(squares(at, 0x1p-80f)) * 0x1p+80f;
    } else {
      length = sqrt(squares(at, 0x1p+80f)) * 0x1p-80f;
    }
  }
  y[item] = length;
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  let area = params.rows * params.cols;
  if (item >= params.outer * area) { return; }
  let column = item / area * params.cols + item % params.cols;
  let length = y_saved[column];
  // Division is exact enough only where the divisor is not near an end of f32.
  let k = select(select(1.0, 0x1p+64f, length < 0x1p-64f), 0x1p-64f, length > 0x1p+64f);
  dx[item] = select(dy[column] * ((x[item] * k) / (length * k)), 0.0, length == 0.0);
}
