// How a product of few rows ends: the second pair (LoRA), the sum over the lanes, alpha, bias and edges. 4 · VEC4S
// columns of C a subgroup.
// Needs in the kernel: `enable subgroups;`; params with M, N, K2, flags, alpha; bindings c (read_write) and bias:
// array<f32>, a2 and b2: array<vec4f>; const SG, VEC4S, ROWS, PAIR; alias Sums = array<vec4f, VEC4S * ROWS>, a lane's
// share of each four columns of each row; lib/subgroup_reduce.wgsl. flags: 1 bias, 2 add to C.

// x · each of four rows of weights.
fn dots(x: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return vec4f(dot(x, w0), dot(x, w1), dot(x, w2), dot(x, w3));
}

// The four columns from `first` on; past the edge the last one again.
fn four_columns(first: u32) -> vec4u {
  return min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(params.N - 1u));
}

fn add_pair(sums: ptr<function, Sums>, part: u32, columns: vec4u, lane: u32) {
  let vec4s = params.K2 / 4u;
  let at = columns * vec4s;
  for (var i = lane; i < vec4s; i += SG) {
    for (var m = 0u; m < ROWS; m++) {
      (*sums)[part * ROWS + m] += dots(a2[min(m, params.M - 1u) * vec4s + i], b2[at.x + i], b2[at.y + i], b2[at.z + i],
        b2[at.w + i]);
    }
  }
}

// The sum of a share over the lanes, in every lane.
fn over_lanes(share: vec4f) -> vec4f {
  return vec4f(subgroup_sum(share.x), subgroup_sum(share.y), subgroup_sum(share.z), subgroup_sum(share.w));
}

// Row m of the four columns from `first` on.
fn store_four(m: u32, first: u32, sum: vec4f, lane: u32) {
  let whole = sum * params.alpha;
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

fn store_sums(sums: ptr<function, Sums>, first: u32, lane: u32) {
  for (var part = 0u; part < VEC4S; part++) {
    if (PAIR) { add_pair(sums, part, four_columns(first + 4u * part), lane); }
    for (var m = 0u; m < ROWS; m++) {
      store_four(m, first + 4u * part, over_lanes((*sums)[part * ROWS + m]), lane);
    }
  }
}
