// prototype/tokens: the steps of the prototype extractor that treat every channel alike, one workgroup a row, lanes along the channels.
//   pool      pooled[n] = mean of x[l] over bin n: l in [⌊n·L/N⌋, ⌈(n + 1)·L/N⌉)
//   relative  y[n] = centre_unit[n] - centre_unit[0]
//   residual  y[l] = x[l] + gate[l]·group[index[l]]
//   token_df  df[l] = gate[l]·dpooled[index[l]] + Σ over the bins n of l: dpooled[n] / length of n     (dpooled is dgroup here)
//   token_dx  dx[l] = dy[l] + α·ds[l]·(centre_unit[index[l]] - cosine[l]·x[l]/‖x[l]‖) / ‖x[l]‖
//   spread    dx[l] += Σ over the bins n of l: dpooled[n] / length of n
// Shapes: of tokens float[batch, tokens, cols], index u32[batch, tokens], stats float[batch, tokens, 3] = (gate, cosine, 1/‖x‖),
// dgate float[batch, tokens, 2] = (ds, α·ds); of centres float[batch, centres, cols]. All dense.
// T is vec4<f32> where cols (then counted in fours) is a multiple of 4; T = f32 is the baseline. Grid: rows in a line over x and y, ceil(cols / (WG · STEPS)) in
// z, where rows are those of what is written. Traffic: each operand once. Source: SQ-LLaVA, specification 1.4.2 to 1.4.4.
// uses: lib/run.wgsl

struct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }

alias T = f32; // tune: f32 vec4<f32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> pooled: array<T>;
@group(0) @binding(4) var<storage, read> centre_unit: array<T>;
@group(0) @binding(5) var<storage, read> index: array<u32>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read> group: array<T>;
@group(0) @binding(8) var<storage, read> dgate: array<f32>;
@group(0) @binding(9) var<storage, read> dpooled: array<T>;
@group(0) @binding(10) var<storage, read> dy: array<T>;
@group(0) @binding(11) var<storage, read_write> df: array<T>;
@group(0) @binding(12) var<storage, read_write> dx: array<T>;

const WG = 64u;
const STEPS = 4u; // tune: 1u 4u

fn bin_start(n: u32) -> u32 { return n * params.tokens / params.centres; }
fn bin_end(n: u32) -> u32 { return ((n + 1u) * params.tokens + params.centres - 1u) / params.centres; }

// The bins of a token: ⌊l·N/L⌋ to ⌈(l + 1)·N/L⌉ - 1, rarely more than two, and the share of each of the first two that is its own.
struct Bins { first: u32, last: u32, shares: vec2f }

fn share(n: u32) -> f32 { return 1.0 / f32(bin_end(n) - bin_start(n)); }

fn bins_of(row: u32) -> Bins {
  let batch = row / params.tokens;
  let token = row - batch * params.tokens;
  let n = token * params.centres / params.tokens;
  let base = batch * params.centres;
  return Bins(base + n, base + ((token + 1u) * params.centres + params.tokens - 1u) / params.tokens, vec2f(share(n), share(n + 1u)));
}

// What pooling sends back to a token.
fn from_bins(bins: Bins, col: u32) -> T {
  var sum = bins.shares.x * dpooled[bins.first * params.cols + col];
  if (bins.last > bins.first + 1u) { sum += bins.shares.y * dpooled[(bins.first + 1u) * params.cols + col]; }
  for (var n = bins.first + 2u; n < bins.last; n++) { sum += share(n % params.centres) * dpooled[n * params.cols + col]; }
  return sum;
}

// Where the row of the centre that a token was assigned to begins.
fn assigned(row: u32) -> u32 { return (row / params.tokens * params.centres + index[row]) * params.cols; }

@compute @workgroup_size(WG)
fn pool(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let batch = row / params.centres;
  let start = bin_start(row - batch * params.centres);
  let end = bin_end(row - batch * params.centres);
  for (var col = begin; col < end_col; col += 8u) {
    var sum = T();
    for (var token = start; token < end; token++) { sum += x[(batch * params.tokens + token) * params.cols + col]; }
    pooled[row * params.cols + col] = sum / f32(end - start);
  }
}

@compute @workgroup_size(WG)
fn relative(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let zeroth = row / params.centres * params.centres * params.cols;
  for (var col = begin; col < end_col; col += 8u) { y[row * params.cols + col] = centre_unit[row * params.cols + col] - centre_unit[zeroth + col]; }
}

@compute @workgroup_size(WG)
fn residual(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let gate = stats[3u * row];
  let centre = assigned(row);
  for (var col = begin; col < end_col; col += 8u) { y[row * params.cols + col] = x[row * params.cols + col] + gate * group[centre + col]; }
}

@compute @workgroup_size(WG)
fn token_df(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let gate = stats[3u * row];
  let centre = assigned(row);
  let bins = bins_of(row);
  for (var col = begin; col < end_col; col += 8u) { df[row * params.cols + col] = gate * dpooled[centre + col] + from_bins(bins, col); }
}

@compute @workgroup_size(WG)
fn token_dx(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let inverse = stats[3u * row + 2u];
  let along = select(stats[3u * row + 1u], 0.0, inverse >= 1e12) * inverse;
  let scale = dgate[2u * row + 1u] * inverse;
  let centre = assigned(row);
  for (var col = begin; col < end_col; col += 8u) {
    let i = row * params.cols + col;
    dx[i] = dy[i] + scale * (centre_unit[centre + col] - along * x[i]);
  }
}

@compute @workgroup_size(WG)
fn spread(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let bins = bins_of(row);
  for (var col = begin; col < end_col; col += 8u) { dx[row * params.cols + col] += from_bins(bins, col); }
}
