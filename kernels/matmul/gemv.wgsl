enable subgroups;
// matmul/gemv: few rows times a matrix, as decoding does: one subgroup for four columns, its lanes along k, where the
// matrix lies contiguous; or SPLIT, all subgroups of a workgroup for the same four, so that few columns fill a GPU too.
//   C = alpha · (A·Bᵀ + A2·B2ᵀ) + bias  (+ C)        contract of matmul/naive, without batches
// Shapes: A float[M, K], M at most ROWS; B [N, K] in f32, f16 or bf16; C float[M, N], A2 float[M, K2], B2 float[N, K2];
// K a multiple of 4 (8 for halves), K2 of 4.
// Grid: [ceil(N / (4 · SUBGROUPS)), 1, 1], if SPLIT [ceil(N / 4), 1, 1]. Accumulates in f32: a lane over its k in
// ascending order, then by butterflies, then the subgroups in order.
// Traffic: B once. A is read again for every four columns, from the cache.
// uses: lib/load_weight.wgsl, lib/subgroup_reduce.wgsl, lib/gemv_store.wgsl, lib/turns.wgsl

struct Params { M: u32, N: u32, K: u32, K2: u32, flags: u32, alpha: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> a2: array<vec4f>;
@group(0) @binding(6) var<storage, read> b2: array<vec4f>;

const FORMAT = F32; // tune: F32 F16 BF16
const SG = 8u; // tune: 4u 8u 16u 32u 64u
const SUBGROUPS = 4u; // tune: 1u 4u 8u
const ROWS = 1u; // tune: 1u 4u
const VEC4S = 1u; // eight columns would spill the loaded vectors
const PAIR = false; // tune: false true
const SPLIT = false; // tune: false true
alias Sums = array<vec4f, VEC4S * ROWS>;

var<workgroup> shares: array<vec4f, SUBGROUPS * ROWS>; // of each subgroup, if SPLIT

@compute @workgroup_size(SG * SUBGROUPS)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = local % SG;
  let own = local / SG;
  let first = select(wg.x * SUBGROUPS + own, wg.x, SPLIT) * 4u;
  let stride = select(SG, SG * SUBGROUPS, SPLIT);
  let steps = params.K / (4u * PER_WORD);
  let at = four_columns(first) * steps;
  let vec4s = params.K / 4u;
  var sums: Sums;
  var i = select(lane, local, SPLIT);
  for (var left = turns(i, steps, stride); left > 0u; left--) {
    let w0 = b[at.x + i];
    let w1 = b[at.y + i];
    let w2 = b[at.z + i];
    let w3 = b[at.w + i];
    for (var m = 0u; m < ROWS; m++) {
      sums[m] += word_dots(min(m, params.M - 1u) * vec4s + i * PER_WORD, w0, w1, w2, w3);
    }
    i += stride;
  }
  if (SPLIT) { store_shares(&sums, first, own, lane); } else { store_sums(&sums, first, lane); }
}

fn store_shares(sums: ptr<function, Sums>, first: u32, own: u32, lane: u32) {
  if (PAIR && own == 0u) { add_pair(sums, 0u, four_columns(first), lane); }
  for (var m = 0u; m < ROWS; m++) {
    let share = over_lanes((*sums)[m]);
    if (lane == 0u) { shares[own * ROWS + m] = share; }
  }
  workgroupBarrier();
  if (own > 0u) { return; }
  for (var m = 0u; m < ROWS; m++) {
    var sum = shares[m];
    for (var other = 1u; other < SUBGROUPS; other++) { sum += shares[other * ROWS + m]; }
    store_four(m, first, sum, lane);
  }
}

// One word of each of four columns · what stands at x of A.
fn word_dots(x: u32, w0: vec4u, w1: vec4u, w2: vec4u, w3: vec4u) -> vec4f {
  if (!IS_HALF) { return dots(a[x], bitcast<vec4f>(w0), bitcast<vec4f>(w1), bitcast<vec4f>(w2), bitcast<vec4f>(w3)); }
  return dots(a[x], half_four(w0.xy), half_four(w1.xy), half_four(w2.xy), half_four(w3.xy))
    + dots(a[x + 1u], half_four(w0.zw), half_four(w1.zw), half_four(w2.zw), half_four(w3.zw));
}

fn half_four(words: vec2u) -> vec4f {
  if (FORMAT == F16) { return f16_four(words); }
  return bf16_four(words);
}
