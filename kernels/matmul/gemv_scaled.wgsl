enable subgroups;
// matmul/gemv_scaled: matmul/gemv where B is quantised: int8, int4 or NF4, unpacked on the fly. A lane takes whole
// groups, so that it reads their scales once, and a word of each column at a time: with two, the loaded vectors would
// spill.
//   C = alpha · (A·dequantised(B)ᵀ + A2·B2ᵀ) + bias  (+ C)        contract of matmul/naive, without batches
// Shapes: A float[M, K], M at most ROWS; B packed[N, K] in groups along K; C float[M, N], A2 float[M, K2], B2 float[N,
// K2]; K2 a multiple of 4. Grid: [ceil(N / (4 · SUBGROUPS)), 1, 1]. Accumulates in f32: a lane over its groups in
// ascending order, then by butterflies.
// Traffic: B once. A is read again for every 4 · VEC4S columns, from the cache.
// uses: lib/gemv_operands.wgsl, lib/load_weight.wgsl, lib/nf4_lanes.wgsl, lib/scaled_levels.wgsl, lib/subgroup_reduce.wgsl, lib/gemv_store.wgsl

@group(0) @binding(2) var<storage, read> b: array<u32>;

const FORMAT = INT4; // tune: INT8 INT4 INT4_ZEROS NF4
const SG = 8u; // tune: 4u 8u 16u 32u 64u
const SUBGROUPS = 4u; // tune: 1u 4u 8u
const ROWS = 1u; // tune: 1u 4u
const VEC4S = 1u; // tune: 1u 2u
const PAIR = false; // tune: false true
alias Sums = array<vec4f, VEC4S * ROWS>;
alias Rows = array<vec4f, ROWS>;

@compute @workgroup_size(SG * SUBGROUPS)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = local % SG;
  let held = nf4_held(lane);
  let first = (wg.x * SUBGROUPS + local / SG) * (4u * VEC4S);
  let columns = four_columns(first);
  let columns2 = four_columns(first + 4u);
  let words = params.K / PER_WORD;
  let vec4s = params.K / 4u;
  let groups = params.K / params.group;
  let steps = params.group / PER_WORD;
  var sums: Sums;
  // Every lane takes part in every round, for the shuffles; past the last group its share counts nothing.
  for (var round = 0u; round < groups; round += SG) {
    let g = min(round + lane, groups - 1u);
    let at = columns * words + g * steps;
    let at2 = columns2 * words + g * steps;
    var parts = Sums();
    var totals = Rows();
    for (var step = 0u; step < steps; step++) {
      let w0 = b[at.x + step];
      let w1 = b[at.y + step];
      let w2 = b[at.z + step];
      let w3 = b[at.w + step];
      var v = vec4u();
      if (VEC4S > 1u) { v = vec4u(b[at2.x + step], b[at2.y + step], b[at2.z + step], b[at2.w + step]); }
      for (var m = 0u; m < ROWS; m++) {
        let x = min(m, params.M - 1u) * vec4s + (g * steps + step) * (PER_WORD / 4u);
        let x0 = a[x] * LOWER;
        if (FORMAT == INT8) {
          parts[m] += dots(x0, int8_levels(w0), int8_levels(w1), int8_levels(w2), int8_levels(w3));
          if (VEC4S > 1u) {
            parts[ROWS + m] += dots(x0, int8_levels(v.x), int8_levels(v.y), int8_levels(v.z), int8_levels(v.w));
          }
        } else {
          let x1 = a[x + 1u] * LOWER;
          parts[m] += dots(x0, low_four(w0, held), low_four(w1, held), low_four(w2, held), low_four(w3, held));
          parts[m] += dots(x1, high_four(w0, held), high_four(w1, held), high_four(w2, held), high_four(w3, held));
          if (VEC4S > 1u) {
            parts[ROWS + m] += dots(x0, low_four(v.x, held), low_four(v.y, held), low_four(v.z, held),
              low_four(v.w, held));
            parts[ROWS + m] += dots(x1, high_four(v.x, held), high_four(v.y, held), high_four(v.z, held),
              high_four(v.w, held));
          }
          if (IS_INT4) { totals[m] += x0 + x1; }
        }
      }
    }
    for (var part = 0u; part < VEC4S; part++) {
      let own = select(columns2, columns, part == 0u) * groups + g;
      let scale = select(vec4f(), vec4f(scales[own.x], scales[own.y], scales[own.z], scales[own.w]), round
        + lane < groups);
      for (var m = 0u; m < ROWS; m++) {
        var share = parts[part * ROWS + m];
        if (IS_INT4) { share -= dot(totals[m], RAISED) * zero_of(own); }
        sums[part * ROWS + m] += scale * share;
      }
    }
  }
  store_sums(&sums, first, lane);
}

fn zero_of(group: vec4u) -> vec4f {
  if (FORMAT == INT4) { return vec4f(8.0); }
  return vec4f(zeros[group.x], zeros[group.y], zeros[group.z], zeros[group.w]);
}
