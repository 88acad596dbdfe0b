// prototype/tokens: the steps of the prototype extractor that treat every channel alike, lanes along the channels of a
// row.
//   relative  y[n] = centre_unit[n] - centre_unit[0]
//   residual  y[l] = x[l] + gate[l]·group[index[l]]
//   token_df  df[l] = gate[l]·dpooled[index[l]] + Σ over the bins n of l: dpooled[n] / length of n     (dpooled is
//             dgroup here)
//   token_dx  dx[l] = dy[l] + α·ds[l]·(centre_unit[index[l]] - cosine[l]·x[l]/‖x[l]‖) / ‖x[l]‖
//   spread    dx[l] += Σ over the bins n of l: dpooled[n] / length of n
// Shapes: of tokens float[batch, tokens, cols], index u32[batch, tokens], stats float[batch, tokens, 3] = (gate,
// cosine, 1/‖x‖), dgate float[batch, tokens, 2] = (ds, α·ds); of centres float[batch, centres, cols]. All dense. T is
// vec4<f32> where cols (then counted in vec4s) is a multiple of 4; T = f32 is the baseline. Grid: as lib/row_run says,
// over the rows that are written; bin n is l in [⌊n·L/N⌋, ⌈(n + 1)·L/N⌉). Traffic: each operand once. Source: SQ-LLaVA,
// specification 1.4.2 to 1.4.4.
// uses: lib/row_run.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }

alias T = f32; // tune: f32 vec4<f32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read> centre_unit: array<T>;
@group(0) @binding(4) var<storage, read> index: array<u32>;
@group(0) @binding(5) var<storage, read> stats: array<f32>;
@group(0) @binding(6) var<storage, read> group: array<T>;
@group(0) @binding(7) var<storage, read> dgate: array<f32>;
@group(0) @binding(8) var<storage, read> dpooled: array<T>;
@group(0) @binding(9) var<storage, read> dy: array<T>;
@group(0) @binding(10) var<storage, read_write> df: array<T>;
@group(0) @binding(11) var<storage, read_write> dx: array<T>;

const WG = 64u;
const STEPS = 32u; // tune: 1u 32u

// The part of what bin n sends back that a token of it gets.
fn share(n: u32) -> f32 {
  let start = n * params.tokens / params.centres;
  return 1.0 / f32(((n + 1u) * params.tokens + params.centres - 1u) / params.centres - start);
}

// The bins of a token, ⌊l·N/L⌋ to ⌈(l + 1)·N/L⌉ - 1: where the rows of the first two begin and the token's shares of
// them, and all of them. There is a third only where there are more centres than tokens; where there is one, the second
// is the first once more, with a share of 0.
struct Bins { rows: vec2u, shares: vec2f, first: u32, last: u32 }

fn bins_of(row: u32) -> Bins {
  let batch = row / params.tokens;
  let token = row - batch * params.tokens;
  let n = token * params.centres / params.tokens;
  let last = ((token + 1u) * params.centres + params.tokens - 1u) / params.tokens;
  let both = last > n + 1u;
  let begin = (batch * params.centres + n) * params.cols;
  return Bins(begin + vec2u(0u, select(0u, params.cols, both)), vec2f(share(n), select(0.0, share(n + 1u), both)), n,
    last);
}

fn from_two(bins: Bins, col: u32) -> T {
  return bins.shares.x * dpooled[bins.rows.x + col] + bins.shares.y * dpooled[bins.rows.y + col];
}

// Where the row of the centre that a token was assigned to begins.
fn assigned(row: u32) -> u32 { return (row / params.tokens * params.centres + index[row]) * params.cols; }

@compute @workgroup_size(WG)
fn relative(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  if (row >= params.rows) { return; }
  let begin = col_begin(wg, lane);
  let end_col = col_end(wg, params.cols);
  let zeroth = row / params.centres * params.centres * params.cols;
  var col = begin;
  for (var left = turns(col, end_col, 8u); left > 0u; left--) {
    y[row * params.cols + col] = centre_unit[row * params.cols + col] - centre_unit[zeroth + col];
    col += 8u;
  }
}

@compute @workgroup_size(WG)
fn residual(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  if (row >= params.rows) { return; }
  let begin = col_begin(wg, lane);
  let end_col = col_end(wg, params.cols);
  let gate = stats[3u * row];
  let centre = assigned(row);
  var col = begin;
  for (var left = turns(col, end_col, 8u); left > 0u; left--) {
    y[row * params.cols + col] = x[row * params.cols + col] + gate * group[centre + col];
    col += 8u;
  }
}

@compute @workgroup_size(WG)
fn token_df(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  if (row >= params.rows) { return; }
  let begin = col_begin(wg, lane);
  let end_col = col_end(wg, params.cols);
  let gate = stats[3u * row];
  let centre = assigned(row);
  let bins = bins_of(row);
  var col = begin;
  for (var left = turns(col, end_col, 8u); left > 0u; left--) {
    df[row * params.cols + col] = gate * dpooled[centre + col] + from_two(bins, col);
    col += 8u;
  }
  var n = bins.first + 2u;
  for (var left = turns(n, bins.last, 1u); left > 0u; left--) {
    let part = share(n);
    col = begin;
    for (var more = turns(col, end_col, 8u); more > 0u; more--) {
      df[row * params.cols + col] += part * dpooled[bins.rows.x + (n - bins.first) * params.cols + col];
      col += 8u;
    }
    n++;
  }
}

@compute @workgroup_size(WG)
fn token_dx(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  if (row >= params.rows) { return; }
  let begin = col_begin(wg, lane);
  let end_col = col_end(wg, params.cols);
  let inverse = stats[3u * row + 2u];
  let along = select(stats[3u * row + 1u], 0.0, inverse >= 1e12) * inverse;
  let scale = dgate[2u * row + 1u] * inverse;
  let centre = assigned(row);
  var col = begin;
  for (var left = turns(col, end_col, 8u); left > 0u; left--) {
    let i = row * params.cols + col;
    dx[i] = dy[i] + scale * (centre_unit[centre + col] - along * x[i]);
    col += 8u;
  }
}

@compute @workgroup_size(WG)
fn spread(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  if (row >= params.rows) { return; }
  let begin = col_begin(wg, lane);
  let end_col = col_end(wg, params.cols);
  let bins = bins_of(row);
  var col = begin;
  for (var left = turns(col, end_col, 8u); left > 0u; left--) {
    dx[row * params.cols + col] += from_two(bins, col);
    col += 8u;
  }
  var n = bins.first + 2u;
  for (var left = turns(n, bins.last, 1u); left > 0u; left--) {
    let part = share(n);
    col = begin;
    for (var more = turns(col, end_col, 8u); more > 0u; more--) {
      dx[row * params.cols + col] += part * dpooled[bins.rows.x + (n - bins.first) * params.cols + col];
      col += 8u;
    }
    n++;
  }
}
