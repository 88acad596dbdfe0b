// prototype/members: sums over the tokens of one centre, one workgroup a centre, lanes along the channels; tokens in ascending order,
// taken from the lists of prototype/sort, so no [centres, tokens, cols] product exists.
//   gather_features  group[n]   = (Σ_{l→n} gate[l]·f[l] + mean of f over bin n) / (members + 1)
//   gather_gradient  dgroup[n]  = Σ_{l→n} gate[l]·dy[l] / (members + 1)
//   gather_cosine    dcentre[n] = inverse[n] · Σ_{l→n} α·ds[l]·(x[l]/‖x[l]‖ - cosine[l]·centre_unit[n])
// Shapes: of tokens float[batch, tokens, cols], order u32[batch, tokens], stats float[batch, tokens, 3] = (gate, cosine, 1/‖x‖),
// dgate float[batch, tokens, 2] = (ds, α·ds); of centres float[batch, centres, cols], first u32[batch, centres + 1], inverse float[batch, centres].
// All dense. T is vec4<f32> where cols (then counted in fours) is a multiple of 4. Grid: batch·centres in a line over x and y, ceil(cols / (WG · STEPS)) in z.
// Accumulates in f32. Traffic: each token row once. Source: SQ-LLaVA, specification 1.4.2 step 9 and 1.4.4.
// uses: lib/run.wgsl

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

const WG = 64u;
const STEPS = 4u; // tune: 1u 4u

// The part of `order` that holds a centre's tokens.
struct Members { begin: u32, end: u32, base: u32 }

fn members_of(row: u32) -> Members {
  let batch = row / params.centres;
  let base = batch * params.tokens;
  return Members(base + first[row + batch], base + first[row + batch + 1u], base);
}

@compute @workgroup_size(WG)
fn gather_features(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let members = members_of(row);
  let centre = row % params.centres;
  let start = centre * params.tokens / params.centres;
  let end = ((centre + 1u) * params.tokens + params.centres - 1u) / params.centres;
  for (var col = begin; col < end_col; col += 8u) {
    var pooled = T();
    for (var token = start; token < end; token++) { pooled += f[(members.base + token) * params.cols + col]; }
    var sum = pooled / f32(end - start);
    for (var i = members.begin; i < members.end; i++) {
      let token = members.base + order[i];
      sum += stats[3u * token] * f[token * params.cols + col];
    }
    group[row * params.cols + col] = sum / f32(members.end - members.begin + 1u);
  }
}

@compute @workgroup_size(WG)
fn gather_gradient(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let members = members_of(row);
  for (var col = begin; col < end_col; col += 8u) {
    var sum = T();
    for (var i = members.begin; i < members.end; i++) {
      let token = members.base + order[i];
      sum += stats[3u * token] * dy[token * params.cols + col];
    }
    dgroup[row * params.cols + col] = sum / f32(members.end - members.begin + 1u);
  }
}

@compute @workgroup_size(WG)
fn gather_cosine(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = wg.y * count.x + wg.x;
  if (row >= params.rows) { return; }
  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);
  let end_col = run_end(begin, params.cols);
  let members = members_of(row);
  let scale = inverse[row];
  for (var col = begin; col < end_col; col += 8u) {
    var sum = T();
    var along = 0.0;
    for (var i = members.begin; i < members.end; i++) {
      let token = members.base + order[i];
      let dcosine = dgate[2u * token + 1u];
      sum += dcosine * stats[3u * token + 2u] * x[token * params.cols + col];
      along += dcosine * stats[3u * token + 1u];
    }
    along = select(along, 0.0, scale >= 1e12);
    dcentre[row * params.cols + col] = scale * (sum - along * centre_unit[row * params.cols + col]);
  }
}
