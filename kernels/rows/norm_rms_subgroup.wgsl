enable subgroups;
// rows/norm_rms_subgroup: root-mean-square normalisation over the last axis, one subgroup for STRIP rows forward and
// ROWS backward, which share what they read of weight, four adjacent columns a lane. Contract of
// rows/norm_rms_naive, for cols a multiple of 4.
//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)
//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd. Dense.
// Grid: ceil(rows / (WG / SG · STRIP)) workgroups in a line, backward with ROWS for STRIP. Accumulates in f32. No
// barrier: rows stay in the L1 cache between their passes. A long strip pays for the start of a subgroup once,
// which matters on a software adapter. Forward the sums are found row by row, since four loads of one row at a time
// hide more than one load of four rows; backward two rows at once, which share what they read of weight.
// Traffic: 8 bytes per element forward, 12 backward (ideal). Source: Zhang & Sennrich 2019.
// uses: lib/norm_rms_operands.wgsl, lib/subgroup_rows.wgsl, lib/subgroup_reduce.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl, lib/turns.wgsl

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
  var rstd: array<f32, STRIP>;
  for (var r = 0u; r < STRIP; r++) {
    let begin = at(first + r) * vec4s;
    var squares = vec4f();
    var i = lane;
    for (var left = turns(i, main, 4u * SG); left > 0u; left--) {
      let a = x[begin + i];
      let b = x[begin + i + SG];
      let c = x[begin + i + 2u * SG];
      let d = x[begin + i + 3u * SG];
      squares += a * a + b * b + c * c + d * d;
      i += 4u * SG;
    }
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      squares += x[begin + i] * x[begin + i];
      i += SG;
    }
    let square = subgroup_sum(dot(squares, vec4f(1.0))) / f32(params.cols);
    var row_rstd = 1.0 / sqrt(square + params.eps);
    if (overflows(square)) { row_rstd = -narrow_rms(begin, vec4s); }
    if (first < params.rows && lane == 0u) { stats[at(first + r)] = row_rstd; }
    // An index that is known when the loop is unrolled keeps the array in registers; rstd[r] would not.
    for (var k = 0u; k < STRIP; k++) { rstd[k] = select(rstd[k], row_rstd, k == r); }
  }
  if (first < params.rows) {
    var begin: array<u32, STRIP>;
    for (var r = 0u; r < STRIP; r++) { begin[r] = at(first + r) * vec4s; }
    var i = lane;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      let scale = weight[i];
      for (var r = 0u; r < STRIP; r++) {
        y[begin[r] + i] = x[begin[r] + i] * narrowing(rstd[r]) * abs(rstd[r]) * scale;
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
  var rstd: array<f32, ROWS>;
  var along: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r += BOTH) {
    var begin: array<u32, BOTH>;
    var along_sum = array<vec4f, BOTH>();
    var narrow: array<f32, BOTH>;
    for (var k = 0u; k < BOTH; k++) {
      begin[k] = at(first + r + k) * vec4s;
      narrow[k] = narrowing(stats_saved[at(first + r + k)]);
    }
    var i = lane;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      let scale = weight[i];
      for (var k = 0u; k < BOTH; k++) { along_sum[k] += dy[begin[k] + i] * scale * (x[begin[k] + i] * narrow[k]); }
      i += SG;
    }
    for (var k = 0u; k < BOTH; k++) {
      let row_rstd = stats_saved[at(first + r + k)];
      let row_along = subgroup_sum(dot(along_sum[k], vec4f(1.0))) * row_rstd * row_rstd / f32(params.cols);
      // As in forward: rstd[r + k] would not be kept in a register.
      for (var j = 0u; j < ROWS; j++) {
        rstd[j] = select(rstd[j], row_rstd, j == r + k);
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
        dx[begin[r] + i] = abs(rstd[r]) * (dy[begin[r] + i] * scale - x[begin[r] + i] * k * along[r]) * k;
      }
      i += SG;
    }
  }
}
