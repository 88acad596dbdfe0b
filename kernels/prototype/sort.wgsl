// prototype/sort: what the hard assignment needs in index order, without atomics.
//   sort   order[b] = the tokens of batch item b by (index, token); first[b, n] = where centre n begins, first[b,
//          centres] = tokens
//   gates  dgates = (Σ ds·cosine, Σ ds): the gradients of α and β
// Shapes: index, order u32[batch, tokens], first u32[batch, centres + 1], stats float[batch, tokens, 3], dgate
// float[batch, tokens, 2], dgates float[2].
// Grid: sort one lane per centre, ceil(rows / WG) workgroups in a line with rows = batch·centres, each visiting its
// item's tokens twice (tokens are few: 576); gates one workgroup, 64 partial sums added in lane order, rows =
// batch·tokens.
// Source: SQ-LLaVA, specification 1.4.2 step 8 and 1.4.4.

struct Params { rows: u32, tokens: u32, centres: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> first: array<u32>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(5) var<storage, read> dgate: array<f32>;
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;

const WG = 64u;

var<workgroup> partial: array<vec2f, WG>;

@compute @workgroup_size(WG)
fn sort(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let row = (wg.y * count.x + wg.x) * WG + lane;
  if (row >= params.rows) { return; }
  let batch = row / params.centres;
  let centre = row - batch * params.centres;
  let begin = batch * params.tokens;
  let end = begin + params.tokens;
  var next = begin;
  for (var i = begin; i < end; i++) { next += u32(index[i] < centre); }
  first[row + batch] = next - begin;
  if (centre + 1u == params.centres) { first[row + batch + 1u] = params.tokens; }
  for (var i = begin; i < end; i++) {
    if (index[i] == centre) {
      order[next] = i - begin;
      next++;
    }
  }
}

@compute @workgroup_size(WG)
fn gates(@builtin(local_invocation_index) lane: u32) {
  var sums = vec2f();
  for (var row = lane; row < params.rows; row += WG) { sums += dgate[2u * row] * vec2f(stats[3u * row + 1u], 1.0); }
  partial[lane] = sums;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var other = 1u; other < WG; other++) { sums += partial[other]; }
  dgates[0] = sums.x;
  dgates[1] = sums.y;
}
