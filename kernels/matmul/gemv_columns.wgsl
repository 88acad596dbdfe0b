enable subgroups;
// matmul/gemv_columns: matmul/gemv_scaled with one or two columns per lane: four words of a column at a time, and x,
// which all lanes need, is loaded once per subgroup and distributed by shuffles. Half the loads of matmul/gemv_scaled,
// each of which costs a software adapter separately.
//   C = alpha · (A·dequantised(B)ᵀ + A2·B2ᵀ) + bias  (+ C)        contract of matmul/naive, without batches
// Shapes: A float[M, K], M at most ROWS; B packed[N, K] in groups along K, of a multiple of four words; C float[M, N],
// A2 float[M, K2], B2 float[N, K2]; K2 a multiple of 4. Grid: [ceil(N / (SG · COLUMNS · SUBGROUPS)), 1, 1]. Accumulates
// in f32 over ascending k, a group at a time. Traffic: B once.
// uses: lib/gemv_operands.wgsl, lib/load_weight.wgsl, lib/nf4_lanes.wgsl, lib/scaled_levels.wgsl

@group(0) @binding(2) var<storage, read> b: array<vec4u>;

const FORMAT = INT4; // tune: INT8 INT4 INT4_ZEROS NF4
const SG = 8u; // tune: 8u 16u
const SUBGROUPS = 4u; // tune: 1u 4u 8u
const ROWS = 1u; // tune: 1u 4u
const COLUMNS = 2u; // tune: 1u 2u
const PAIR = false; // tune: false true
const VEC4S = PER_WORD; // vec4s of x to four words
alias Sums = array<f32, COLUMNS * ROWS>;

@compute @workgroup_size(SG * SUBGROUPS)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = local % SG;
  let held = nf4_held(lane);
  let first = (wg.x * SUBGROUPS + local / SG) * (SG * COLUMNS) + lane;
  let groups = params.K / params.group;
  let steps = params.group / (4u * PER_WORD);
  var sums: Sums;
  for (var g = 0u; g < groups; g++) {
    var parts = Sums();
    var totals = array<f32, ROWS>();
    for (var step = 0u; step < steps; step++) {
      let at = g * steps + step;
      let words = b[column_at(first, 0u) * groups * steps + at];
      var more = vec4u();
      if (COLUMNS > 1u) { more = b[column_at(first, COLUMNS - 1u) * groups * steps + at]; }
      for (var m = 0u; m < ROWS; m++) {
        let x = a[min(m, params.M - 1u) * (params.K / 4u) + at * VEC4S + lane % VEC4S] * LOWER;
        parts[m] += words_dot(x, words, held);
        if (COLUMNS > 1u) { parts[(COLUMNS - 1u) * ROWS + m] += words_dot(x, more, held); }
        if (IS_INT4) { totals[m] += sum_of_fours(x); }
      }
    }
    for (var n = 0u; n < COLUMNS; n++) {
      let own = column_at(first, n) * groups + g;
      var zero = 8.0;
      if (FORMAT == INT4_ZEROS) { zero = zeros[own]; }
      for (var m = 0u; m < ROWS; m++) {
        sums[n * ROWS + m] += scales[own] * (parts[n * ROWS + m] - select(0.0, zero * totals[m], IS_INT4));
      }
    }
  }
  for (var n = 0u; n < COLUMNS; n++) {
    for (var m = 0u; m < ROWS; m++) { store(m, first + n * SG, sums[n * ROWS + m]); }
  }
}

// The lane's column n; past the edge the last one.
fn column_at(first: u32, n: u32) -> u32 { return min(first + n * SG, params.N - 1u); }

// Σ x · level over four words of one column; the vec4s of x lie across the lanes.
fn words_dot(x: vec4f, words: vec4u, held: vec2f) -> f32 {
  if (FORMAT == INT8) {
    return dot(subgroupShuffle(x, 0u), int8_levels(words.x)) + dot(subgroupShuffle(x, 1u), int8_levels(words.y))
      + dot(subgroupShuffle(x, 2u), int8_levels(words.z)) + dot(subgroupShuffle(x, 3u), int8_levels(words.w));
  }
  return dot(subgroupShuffle(x, 0u), low_four(words.x, held)) + dot(subgroupShuffle(x, 1u), high_four(words.x, held))
    + dot(subgroupShuffle(x, 2u), low_four(words.y, held)) + dot(subgroupShuffle(x, 3u), high_four(words.y, held))
    + dot(subgroupShuffle(x, 4u), low_four(words.z, held)) + dot(subgroupShuffle(x, 5u), high_four(words.z, held))
    + dot(subgroupShuffle(x, 6u), low_four(words.w, held)) + dot(subgroupShuffle(x, 7u), high_four(words.w, held));
}

// Σ x over the vec4s of int4's words.
fn sum_of_fours(x: vec4f) -> f32 {
  let own = dot(x, RAISED);
  let pairs = own + subgroupShuffleXor(own, 1u);
  let vec4s = pairs + subgroupShuffleXor(pairs, 2u);
  return vec4s + subgroupShuffleXor(vec4s, 4u);
}

fn store(m: u32, column: u32, sum: f32) {
  if (m >= params.M || column >= params.N) { return; }
  var value = sum;
  if (PAIR) {
    let vec4s = params.K2 / 4u;
    for (var i = 0u; i < vec4s; i++) { value += dot(a2[m * vec4s + i], b2[column * vec4s + i]); }
  }
  value *= params.alpha;
  if ((params.flags & 1u) != 0u) { value += bias[column]; }
  if ((params.flags & 2u) != 0u) { value += c[m * params.N + column]; }
  c[m * params.N + column] = value;
}
