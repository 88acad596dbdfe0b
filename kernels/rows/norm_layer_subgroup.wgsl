enable subgroups;
// rows/norm_layer_subgroup: layer normalisation over the last axis, one subgroup for STRIP rows forward and ROWS
// backward, which share what they read of weight and bias, four adjacent columns a lane. Contract of
// rows/norm_layer_naive, for cols a multiple of 4.
//   forward   y = (x - mean) · rstd · weight + bias,   rstd = 1 / √(var + eps), var = mean of (x - mean)²
//   backward  dx = rstd · (g - mean g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = (x - mean) · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight, bias float[cols]; stats float[rows, 2] = mean, rstd. Dense.
// Grid: ceil(rows / (WG / SG · STRIP)) workgroups in a line, backward with ROWS for STRIP. Accumulates in f32. No
// barrier: rows stay in the L1 cache between their passes. A long strip pays for the start of a subgroup once,
// which matters on a software adapter. Forward the sums are found row by row, since four loads of one row at a time
// hide more than one load of four rows; backward two rows at once, which share what they read of weight.
// Mean and variance in one pass, about a pivot: the mean of the first 4 · SG columns, which differs from the mean by no
// more than √(cols / (4 · SG)) standard deviations, so that the difference of the sums keeps its digits.
// Traffic: 8 bytes per element forward, 12 backward (ideal). Source: Ba et al. 2016.
// uses: lib/norm_layer_operands.wgsl, lib/subgroup_rows.wgsl, lib/subgroup_reduce.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl, lib/turns.wgsl

alias T = vec4<f32>;
const WIDTH = 4u;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u
const STRIP = 1u; // tune: 1u 4u 8u
const ROWS = 1u; // tune: 1u 2u 4u
const BOTH = min(ROWS, 2u);

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let first = subgroup_id(wg, count, index) * STRIP;
  let lane = index % SG;
  let vec4s = params.cols / 4u;
  let main = vec4s - vec4s % (4u * SG);
  var mean: array<f32, STRIP>;
  var rstd: array<f32, STRIP>;
  for (var r = 0u; r < STRIP; r++) {
    let begin = at(first + r) * vec4s;
    let four = select(vec4f(), x[begin + min(lane, vec4s - 1u)], lane < vec4s);
    let pivot = subgroup_sum(dot(four, vec4f(0.25))) / f32(min(vec4s, SG));
    var sums = vec4f();
    var squares = vec4f();
    var i = lane;
    for (var left = turns(i, main, 4u * SG); left > 0u; left--) {
      let a = x[begin + i] - pivot;
      let b = x[begin + i + SG] - pivot;
      let c = x[begin + i + 2u * SG] - pivot;
      let d = x[begin + i + 3u * SG] - pivot;
      sums += a + b + c + d;
      squares += a * a + b * b + c * c + d * d;
      i += 4u * SG;
    }
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      let v = x[begin + i] - pivot;
      sums += v;
      squares += v * v;
      i += SG;
    }
    let off = subgroup_sum(dot(sums, vec4f(1.0))) / f32(params.cols);
    var row_mean = pivot + off;
    let square = subgroup_sum(dot(squares, vec4f(1.0))) / f32(params.cols);
    var row_rstd = 1.0 / sqrt(max(square - off * off, 0.0) + params.eps);
    if (overflows(square)) {
      let narrow = narrow_layer(begin, vec4s);
      row_mean = narrow.x;
      row_rstd = -narrow.y;
    }
    if (first < params.rows && lane == 0u) {
      stats[2u * at(first + r)] = row_mean;
      stats[2u * at(first + r) + 1u] = row_rstd;
    }
    // An index that is known when the loop is unrolled keeps the arrays in registers; mean[r] would not.
    for (var k = 0u; k < STRIP; k++) {
      mean[k] = select(mean[k], row_mean, k == r);
      rstd[k] = select(rstd[k], row_rstd, k == r);
    }
  }
  if (first < params.rows) {
    var begin: array<u32, STRIP>;
    for (var r = 0u; r < STRIP; r++) { begin[r] = at(first + r) * vec4s; }
    var i = lane;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      let scale = weight[i];
      let shift = bias[i];
      for (var r = 0u; r < STRIP; r++) {
        y[begin[r] + i] = (x[begin[r] + i] * narrowing(rstd[r]) - mean[r]) * abs(rstd[r]) * scale + shift;
      }
      i += SG;
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let first = subgroup_id(wg, count, index) * ROWS;
  let lane = index % SG;
  let vec4s = params.cols / 4u;
  var mean: array<f32, ROWS>;
  var rstd: array<f32, ROWS>;
  var plain: array<f32, ROWS>;
  var along: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r += BOTH) {
    var begin: array<u32, BOTH>;
    var row_mean: array<f32, BOTH>;
    var narrow: array<f32, BOTH>;
    var plain_sum = array<vec4f, BOTH>();
    var along_sum = array<vec4f, BOTH>();
    for (var k = 0u; k < BOTH; k++) {
      begin[k] = at(first + r + k) * vec4s;
      narrow[k] = narrowing(stats_saved[2u * at(first + r + k) + 1u]);
      row_mean[k] = stats_saved[2u * at(first + r + k)];
    }
    var i = lane;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      let scale = weight[i];
      for (var k = 0u; k < BOTH; k++) {
        let g = dy[begin[k] + i] * scale;
        plain_sum[k] += g;
        along_sum[k] += g * (x[begin[k] + i] * narrow[k] - row_mean[k]);
      }
      i += SG;
    }
    for (var k = 0u; k < BOTH; k++) {
      let row_rstd = stats_saved[2u * at(first + r + k) + 1u];
      let row_plain = subgroup_sum(dot(plain_sum[k], vec4f(1.0))) / f32(params.cols);
      let row_along = subgroup_sum(dot(along_sum[k], vec4f(1.0))) * row_rstd * row_rstd / f32(params.cols);
      // As in forward: mean[r + k] would not be kept in a register.
      for (var j = 0u; j < ROWS; j++) {
        mean[j] = select(mean[j], row_mean[k], j == r + k);
        rstd[j] = select(rstd[j], row_rstd, j == r + k);
        plain[j] = select(plain[j], row_plain, j == r + k);
        along[j] = select(along[j], row_along, j == r + k);
      }
    }
  }
  if (first < params.rows) {
    var begin: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) { begin[r] = at(first + r) * vec4s; }
    var i = lane;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      let scale = weight[i];
      for (var r = 0u; r < ROWS; r++) {
        let k = narrowing(rstd[r]);
        dx[begin[r] + i] = abs(rstd[r]) * (dy[begin[r] + i] * scale - plain[r]
          - (x[begin[r] + i] * k - mean[r]) * along[r]) * k;
      }
      i += SG;
    }
  }
}
