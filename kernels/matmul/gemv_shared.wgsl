// matmul/gemv_shared: matmul/gemv for devices whose subgroups vary or are missing, in every storage: 64 lanes for
// four columns, summed in workgroup memory.
//   C = alpha · (A·Bᵀ + A2·B2ᵀ) + bias  (+ C)        contract of matmul/naive, without batches
// Shapes: A float[M, K], M at most ROWS; B [N, K] as FORMAT says; C float[M, N], A2 float[M, K2], B2 float[N, K2]; K
// and K2 multiples of 4.
// Grid: [ceil(N / 4), 1, 1]. Accumulates in f32: a lane over its k in ascending order, then by a tree. Traffic: B once.
// uses: lib/gemv_operands.wgsl, lib/load_weight.wgsl, lib/weight_element.wgsl, lib/weight_vec4.wgsl, lib/turns.wgsl

@group(0) @binding(2) var<storage, read> b: array<u32>;

const FORMAT = F32; // tune: F32 F16 BF16 INT8 INT4 INT4_ZEROS NF4
const ROWS = 1u; // tune: 1u 4u
const WG = 64u;

var<workgroup> shared_sums: array<vec4f, WG * ROWS>;

@compute @workgroup_size(WG)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = wg.x * 4u;
  let columns = min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(params.N - 1u));
  let vec4s = params.K / 4u;
  var sums = array<vec4f, ROWS>();
  var i = lane;
  for (var left = turns(i, vec4s, WG); left > 0u; left--) {
    let at = 4u * (columns * vec4s + i); // written so, a compiler sees that four neighbours are one load
    let w = mat4x4f(row_four(at.x), row_four(at.y), row_four(at.z), row_four(at.w));
    for (var m = 0u; m < ROWS; m++) { sums[m] += a[min(m, params.M - 1u) * vec4s + i] * w; }
    i += WG;
  }
  let fours2 = params.K2 / 4u;
  i = lane;
  for (var left = turns(i, fours2, WG); left > 0u; left--) {
    let at = columns * fours2 + i;
    let w = mat4x4f(b2[at.x], b2[at.y], b2[at.z], b2[at.w]);
    for (var m = 0u; m < ROWS; m++) { sums[m] += a2[min(m, params.M - 1u) * fours2 + i] * w; }
    i += WG;
  }

  for (var m = 0u; m < ROWS; m++) { shared_sums[m * WG + lane] = sums[m]; }
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      for (var m = 0u; m < ROWS; m++) { shared_sums[m * WG + lane] += shared_sums[m * WG + lane + half]; }
    }
    workgroupBarrier();
  }
  let row = lane / 4u;
  let column = first + lane % 4u;
  if (row < min(ROWS, params.M) && column < params.N) {
    var value = shared_sums[row * WG][lane % 4u] * params.alpha;
    let at = row * params.N + column;
    if ((params.flags & 1u) != 0u) { value += bias[column]; }
    if ((params.flags & 2u) != 0u) { value += c[at]; }
    c[at] = value;
  }
}
