enable subgroups;
// norm/layer_subgroup: layer normalisation over the last axis, one subgroup a row, four neighbouring columns a lane. Contract of norm/layer_naive,
// for cols a multiple of 4.
//   forward   y = (x - mean) · rstd · weight + bias,   rstd = 1 / √(var + eps), var = mean of (x - mean)²
//   backward  dx = rstd · (g - mean g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = (x - mean) · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight, bias float[cols]; stats float[rows, 2] = mean, rstd. Dense.
// Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32. No barrier: a row stays in the nearest cache between its passes.
// Traffic: 8 bytes an element forward, 12 backward (ideal). Source: Ba et al. 2016.
// uses: lib/subgroup_reduce.wgsl

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;
@group(0) @binding(6) var<storage, read> stats_saved: array<f32>;
@group(0) @binding(7) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dx: array<vec4<f32>>;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u

// A row past the end is computed again as the last one and not stored, so that control flow stays uniform in a subgroup.
@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  let quads = params.cols / 4u;
  let begin = min(row, params.rows - 1u) * quads;
  var total = vec4f();
  for (var i = index % SG; i < quads; i += SG) { total += x[begin + i]; }
  let mean = subgroup_sum(dot(total, vec4f(1.0))) / f32(params.cols);
  var squares = vec4f();
  for (var i = index % SG; i < quads; i += SG) {
    let d = x[begin + i] - mean;
    squares += d * d;
  }
  let rstd = 1.0 / sqrt(subgroup_sum(dot(squares, vec4f(1.0))) / f32(params.cols) + params.eps);
  if (row < params.rows) {
    for (var i = index % SG; i < quads; i += SG) { y[begin + i] = (x[begin + i] - mean) * rstd * weight[i] + bias[i]; }
    if (index % SG == 0u) {
      stats[2u * row] = mean;
      stats[2u * row + 1u] = rstd;
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {
  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;
  let quads = params.cols / 4u;
  let inside = min(row, params.rows - 1u);
  let begin = inside * quads;
  let mean = stats_saved[2u * inside];
  let rstd = stats_saved[2u * inside + 1u];
  var plain_sum = vec4f();
  var along_sum = vec4f();
  for (var i = index % SG; i < quads; i += SG) {
    let g = dy[begin + i] * weight[i];
    plain_sum += g;
    along_sum += g * (x[begin + i] - mean);
  }
  let plain = subgroup_sum(dot(plain_sum, vec4f(1.0))) / f32(params.cols);
  let along = subgroup_sum(dot(along_sum, vec4f(1.0))) * rstd * rstd / f32(params.cols);
  if (row < params.rows) {
    for (var i = index % SG; i < quads; i += SG) { dx[begin + i] = rstd * (dy[begin + i] * weight[i] - plain - (x[begin + i] - mean) * along); }
  }
}
