// prototype/members_naive: sums over the tokens of one centre, one lane per element, which looks at every token. Same
// contract, formulas and shapes as prototype/members, with index u32[batch, tokens] in the place of its lists.
// Grid: ceil(rows · cols / WG) workgroups in a line. Accumulates in f32.

struct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> f: array<f32>;
@group(0) @binding(4) var<storage, read_write> group: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read_write> dgroup: array<f32>;
@group(0) @binding(7) var<storage, read> x: array<f32>;
@group(0) @binding(8) var<storage, read> dgate: array<f32>;
@group(0) @binding(9) var<storage, read> centre_unit: array<f32>;
@group(0) @binding(10) var<storage, read> inverse: array<f32>;
@group(0) @binding(11) var<storage, read_write> dcentre: array<f32>;
@group(0) @binding(12) var<storage, read_write> pooled: array<f32>;

const WG = 64u;

struct Element { inside: bool, i: u32, row: u32, col: u32, centre: u32, begin: u32, end: u32 }

fn element(i: u32) -> Element {
  let row = i / params.cols;
  let batch = row / params.centres;
  return Element(row < params.rows, i, row, i % params.cols, row % params.centres, batch * params.tokens, (batch + 1u)
    * params.tokens);
}

fn is_in_bin(at: Element, token: u32) -> bool {
  let l = token - at.begin;
  return l >= at.centre * params.tokens / params.centres && l * params.centres < (at.centre + 1u) * params.tokens;
}

@compute @workgroup_size(WG)
fn pool(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let at = element((wg.y * count.x + wg.x) * WG + lane);
  if (!at.inside) { return; }
  var in_bin = 0.0;
  var sum = 0.0;
  for (var token = at.begin; token < at.end; token++) {
    if (is_in_bin(at, token)) {
      in_bin += 1.0;
      sum += x[token * params.cols + at.col];
    }
  }
  pooled[at.i] = sum / in_bin;
}

@compute @workgroup_size(WG)
fn gather_features(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let at = element((wg.y * count.x + wg.x) * WG + lane);
  if (!at.inside) { return; }
  var members = 0.0;
  var sum = 0.0;
  var in_bin = 0.0;
  var in_bin_sum = 0.0;
  for (var token = at.begin; token < at.end; token++) {
    let value = f[token * params.cols + at.col];
    if (index[token] == at.centre) {
      members += 1.0;
      sum += stats[3u * token] * value;
    }
    if (is_in_bin(at, token)) {
      in_bin += 1.0;
      in_bin_sum += value;
    }
  }
  group[at.i] = (sum + in_bin_sum / in_bin) / (members + 1.0);
}

@compute @workgroup_size(WG)
fn gather_gradient(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let at = element((wg.y * count.x + wg.x) * WG + lane);
  if (!at.inside) { return; }
  var members = 0.0;
  var sum = 0.0;
  for (var token = at.begin; token < at.end; token++) {
    if (index[token] == at.centre) {
      members += 1.0;
      sum += stats[3u * token] * dy[token * params.cols + at.col];
    }
  }
  dgroup[at.i] = sum / (members + 1.0);
}

@compute @workgroup_size(WG)
fn gather_cosine(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let at = element((wg.y * count.x + wg.x) * WG + lane);
  if (!at.inside) { return; }
  let scale = inverse[at.row];
  let unit = select(centre_unit[at.i], 0.0, scale >= 1e12);
  var sum = 0.0;
  for (var token = at.begin; token < at.end; token++) {
    if (index[token] == at.centre) {
      sum += dgate[2u * token + 1u] * (stats[3u * token + 2u] * x[token * params.cols + at.col]
        - stats[3u * token + 1u] * unit);
    }
  }
  dcentre[at.i] = scale * sum;
}
