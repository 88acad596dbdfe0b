// How a product of few rows ends: the second pair (LoRA), the sum over the lanes, alpha, bias and edges. Four columns of C a subgroup.
// Needs in the kernel: `enable subgroups;`; params with M, N, K2, flags, alpha; bindings c (read_write) and bias: array<f32>, a2 and b2: array<vec4f>; const SG,
// ROWS, PAIR; alias Sums = array<vec4f, ROWS>, a lane's share of four columns of each row; lib/subgroup_reduce.wgsl. flags: 1 bias, 2 add to C.

// x · each of four rows of weights.
fn dots(x: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f { return vec4f(dot(x, w0), dot(x, w1), dot(x, w2), dot(x, w3)); }

fn add_pair(sums: ptr<function, Sums>, columns: vec4u, lane: u32) {
  let fours = params.K2 / 4u;
  let at = columns * fours;
  for (var i = lane; i < fours; i += SG) {
    for (var m = 0u; m < ROWS; m++) {
      (*sums)[m] += dots(a2[min(m, params.M - 1u) * fours + i], b2[at.x + i], b2[at.y + i], b2[at.z + i], b2[at.w + i]);
    }
  }
}

fn store_sums(sums: ptr<function, Sums>, first: u32, columns: vec4u, lane: u32) {
  if (PAIR) { add_pair(sums, columns, lane); }
  for (var m = 0u; m < ROWS; m++) {
    let part = (*sums)[m];
    let whole = vec4f(subgroup_sum(part.x), subgroup_sum(part.y), subgroup_sum(part.z), subgroup_sum(part.w)) * params.alpha;
    for (var n = lane; n < 4u; n += SG) {
      let column = first + n;
      if (m < params.M && column < params.N) {
        var value = whole[n];
        if ((params.flags & 1u) != 0u) { value += bias[column]; }
        if ((params.flags & 2u) != 0u) { value += c[m * params.N + column]; }
        c[m * params.N + column] = value;
      }
    }
  }
}
