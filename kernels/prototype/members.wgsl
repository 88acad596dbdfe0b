// prototype/members: sums over the tokens of one centre, lanes along the channels of its row, a lane holding STEPS
// sums; tokens in ascending order, taken from the lists of prototype/sort, so no [centres, tokens, cols] product
// exists.
//   pool             pooled[n]  = mean of x over bin n: l in [⌊n·L/N⌋, ⌈(n + 1)·L/N⌉)
//   gather_features  group[n]   = (Σ_{l→n} gate[l]·f[l] + mean of f over bin n) / (members + 1)
//   gather_gradient  dgroup[n]  = Σ_{l→n} gate[l]·dy[l] / (members + 1)
//   gather_cosine    dcentre[n] = inverse[n] · Σ_{l→n} α·ds[l]·(x[l]/‖x[l]‖ - cosine[l]·centre_unit[n])
// Shapes: of tokens float[batch, tokens, cols], order u32[batch, tokens], stats float[batch, tokens, 3] = (gate,
// cosine, 1/‖x‖), dgate float[batch, tokens, 2] = (ds, α·ds); of centres float[batch, centres, cols], first u32[batch,
// centres + 1], inverse float[batch, centres].
// All dense. T is vec4<f32> where cols (then counted in vec4s) is a multiple of 4. Grid: as lib/row_run says, over the
// centres.
// Accumulates in f32. Traffic: each token row once. Source: SQ-LLaVA, specification 1.4.2 step 9 and 1.4.4.
// uses: lib/row_run.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }

alias T = f32; // tune: f32 vec4<f32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> first: array<u32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> f: array<T>;
@group(0) @binding(5) var<storage, read_write> group: array<T>;
@group(0) @binding(6) var<storage, read> dy: array<T>;
@group(0) @binding(7) var<storage, read_write> dgroup: array<T>;
@group(0) @binding(8) var<storage, read> x: array<T>;
@group(0) @binding(9) var<storage, read> dgate: array<f32>;
@group(0) @binding(10) var<storage, read> centre_unit: array<T>;
@group(0) @binding(11) var<storage, read> inverse: array<f32>;
@group(0) @binding(12) var<storage, read_write> dcentre: array<T>;
@group(0) @binding(13) var<storage, read_write> pooled: array<T>;

const WG = 64u;
const STEPS = 4u; // tune: 1u 4u

// The tokens of a bin or the members of a centre, begin to end; token l is row base + l, a member is order[i].
struct Tokens { begin: u32, end: u32, base: u32 }

fn bin_of(row: u32) -> Tokens {
  let batch = row / params.centres;
  let n = row - batch * params.centres;
  return Tokens(n * params.tokens / params.centres, ((n + 1u) * params.tokens + params.centres - 1u) / params.centres,
    batch * params.tokens);
}

fn members_of(row: u32) -> Tokens {
  let batch = row / params.centres;
  let base = batch * params.tokens;
  return Tokens(base + first[row + batch], base + first[row + batch + 1u], base);
}

// Column k of a lane's share, the last one of the row where it has fewer.
fn column(begin: u32, k: u32) -> u32 { return min(begin + 8u * k, params.cols - 1u); }

@compute @workgroup_size(WG)
fn pool(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  let begin = col_begin(wg, lane);
  if (row >= params.rows || begin >= params.cols) { return; }
  let bin = bin_of(row);
  var sums = array<T, STEPS>();
  var l = bin.begin;
  for (var left = turns(l, bin.end, 1u); left > 0u; left--) {
    for (var k = 0u; k < STEPS; k++) { sums[k] += x[(bin.base + l) * params.cols + column(begin, k)]; }
    l++;
  }
  for (var k = 0u; k < STEPS; k++) {
    if (begin + 8u * k < params.cols) {
      pooled[row * params.cols + begin + 8u * k] = sums[k] / f32(bin.end - bin.begin);
    }
  }
}

@compute @workgroup_size(WG)
fn gather_features(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  let begin = col_begin(wg, lane);
  if (row >= params.rows || begin >= params.cols) { return; }
  let bin = bin_of(row);
  let members = members_of(row);
  var sums = array<T, STEPS>();
  var l = bin.begin;
  for (var left = turns(l, bin.end, 1u); left > 0u; left--) {
    for (var k = 0u; k < STEPS; k++) { sums[k] += f[(bin.base + l) * params.cols + column(begin, k)]; }
    l++;
  }
  for (var k = 0u; k < STEPS; k++) { sums[k] /= f32(bin.end - bin.begin); }
  var i = members.begin;
  for (var left = turns(i, members.end, 1u); left > 0u; left--) {
    let token = members.base + order[i];
    let gate = stats[3u * token];
    for (var k = 0u; k < STEPS; k++) { sums[k] += gate * f[token * params.cols + column(begin, k)]; }
    i++;
  }
  for (var k = 0u; k < STEPS; k++) {
    if (begin + 8u * k < params.cols) {
      group[row * params.cols + begin + 8u * k] = sums[k] / f32(members.end - members.begin + 1u);
    }
  }
}

@compute @workgroup_size(WG)
fn gather_gradient(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  let begin = col_begin(wg, lane);
  if (row >= params.rows || begin >= params.cols) { return; }
  let members = members_of(row);
  var sums = array<T, STEPS>();
  var i = members.begin;
  for (var left = turns(i, members.end, 1u); left > 0u; left--) {
    let token = members.base + order[i];
    let gate = stats[3u * token];
    for (var k = 0u; k < STEPS; k++) { sums[k] += gate * dy[token * params.cols + column(begin, k)]; }
    i++;
  }
  for (var k = 0u; k < STEPS; k++) {
    if (begin + 8u * k < params.cols) {
      dgroup[row * params.cols + begin + 8u * k] = sums[k] / f32(members.end - members.begin + 1u);
    }
  }
}

@compute @workgroup_size(WG)
fn gather_cosine(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = run_row(wg, count, lane);
  let begin = col_begin(wg, lane);
  if (row >= params.rows || begin >= params.cols) { return; }
  let members = members_of(row);
  let scale = inverse[row];
  var sums = array<T, STEPS>();
  var along = 0.0;
  var i = members.begin;
  for (var left = turns(i, members.end, 1u); left > 0u; left--) {
    let token = members.base + order[i];
    let dcosine = dgate[2u * token + 1u];
    let part = dcosine * stats[3u * token + 2u];
    along += dcosine * stats[3u * token + 1u];
    for (var k = 0u; k < STEPS; k++) { sums[k] += part * x[token * params.cols + column(begin, k)]; }
    i++;
  }
  along = select(along, 0.0, scale >= 1e12);
  for (var k = 0u; k < STEPS; k++) {
    if (begin + 8u * k < params.cols) {
      let at = row * params.cols + begin + 8u * k;
      dcentre[at] = scale * (sums[k] - along * centre_unit[at]);
    }
  }
}
