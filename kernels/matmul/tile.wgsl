// matmul/tile: 256 lanes a tile of 64 by 64, staged through workgroup memory, 4 by 4 results a lane; every layout, size
// and format. For software adapters without subgroups, and for products that fit no other kernel.
//   C[z] = alpha · (op(A[z])·op(B[z]) + A2·op(B2)) + bias  (+ C[z])        contract of matmul/naive
// Grid: [ceil(N / 64), ceil(M / 64), batches]. Accumulates in f32 over ascending k. Workgroup memory: 8 KiB.
// Traffic: each element of A is read N / 64 times, of B M / 64 times.
// Source: S. Boehm, How to Optimize a CUDA Matmul Kernel, kernels 5 and 6 (https://siboehm.com/articles/22/CUDA-MMM).
// B may be a packed weight, unpacked on the fly (FORMAT); group is the number of its adjacent elements that share a
// scale.
// uses: lib/matmul_params.wgsl, lib/matmul_operands.wgsl, lib/load_weight.wgsl, lib/weight_element.wgsl, lib/weight_vec4.wgsl

const FORMAT = F32; // tune: F32 F16 BF16 INT8 INT4 INT4_ZEROS NF4
const TRANSPOSE_A = false; // tune: false true
const TRANSPOSE_B = false; // tune: false true
const SIDE = 64u;
const VEC4S = SIDE / 4u;
const DEPTH = 256u / VEC4S; // so that each lane stages one vec4 of each operand

var<workgroup> a_tile: array<vec4f, 256>;
var<workgroup> b_tile: array<vec4f, 256>;

@compute @workgroup_size(16, 16)
fn multiply(@builtin(workgroup_id) wg: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let outer = wg.z / params.batch_inner;
  let inner = wg.z - outer * params.batch_inner;
  let a_start = outer * params.a_outer + inner * params.a_inner;
  let b_start = outer * params.b_outer + inner * params.b_inner;
  let first_row = wg.y * SIDE;
  let first_column = wg.x * SIDE;
  let x = lane % 16u;
  let y = lane / 16u;
  // Adjacent lanes stage adjacent elements of memory.
  let a_place = select(vec2u(lane % DEPTH, lane / DEPTH), vec2u(lane / VEC4S, lane % VEC4S), TRANSPOSE_A);
  let b_place = select(vec2u(lane / VEC4S, lane % VEC4S), vec2u(lane % DEPTH, lane / DEPTH), TRANSPOSE_B);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();

  let terms = select(params.K, params.K_last, inner == params.batch_inner - 1u);
  let steps = (terms + DEPTH - 1u) / DEPTH;
  let all_steps = steps + (params.K2 + DEPTH - 1u) / DEPTH;
  for (var step = 0u; step < all_steps; step++) {
    if (step < steps) {
      a_tile[a_place.x * VEC4S + a_place.y] =
        four_of_a(a_start, first_row + 4u * a_place.y, step * DEPTH + a_place.x, terms);
      b_tile[b_place.x * VEC4S + b_place.y] =
        four_of_b(b_start, first_column + 4u * b_place.y, step * DEPTH + b_place.x, terms);
    } else {
      a_tile[a_place.x * VEC4S + a_place.y] =
        four_of_a2(first_row + 4u * a_place.y, (step - steps) * DEPTH + a_place.x);
      b_tile[b_place.x * VEC4S + b_place.y] =
        four_of_b2(first_column + 4u * b_place.y, (step - steps) * DEPTH + b_place.x);
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let held = a_tile[k * VEC4S + y];
      let across = b_tile[k * VEC4S + x];
      sum0 += held.x * across;
      sum1 += held.y * across;
      sum2 += held.z * across;
      sum3 += held.w * across;
    }
    workgroupBarrier();
  }

  let row = first_row + 4u * y;
  let column = first_column + 4u * x;
  put_four(wg.z, row, column, sum0);
  put_four(wg.z, row + 1u, column, sum1);
  put_four(wg.z, row + 2u, column, sum2);
  put_four(wg.z, row + 3u, column, sum3);
}

fn put_four(batch: u32, row: u32, column: u32, sums: vec4f) {
  if (row >= params.M) { return; }
  let at = (batch * params.M + row) * params.N + column;
  put(sums.x, at, column);
  put(sums.y, at + 1u, column + 1u);
  put(sums.z, at + 2u, column + 2u);
  put(sums.w, at + 3u, column + 3u);
}

fn put(sum: f32, at: u32, column: u32) {
  if (column >= params.N) { return; }
  var value = sum * params.alpha;
  if ((params.flags & 1u) != 0u) { value += bias[column]; }
  if ((params.flags & 2u) != 0u) { value += c[at]; }
  c[at] = value;
}

// Four rows (columns) of one term; zero past an edge.
fn four_of_a(start: u32, row: u32, k: u32, terms: u32) -> vec4f {
  let inside = vec4<bool>(k < terms) & (vec4u(row) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.M));
  let step = select(params.K, 1u, TRANSPOSE_A);
  let at = start + select(row * params.K + k, k * params.M + row, TRANSPOSE_A);
  return select(vec4f(), vec4f(a[at], a[at + step], a[at + 2u * step], a[at + 3u * step]), inside);
}

fn four_of_b(start: u32, column: u32, k: u32, terms: u32) -> vec4f {
  let inside = vec4<bool>(k < terms) & (vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.N));
  if (HAS_SCALES) { // one batch, and rows of a multiple of 8
    if (TRANSPOSE_B) { return select(vec4f(), column_four(column, k, params.K), inside); }
    return select(vec4f(), row_four(k * params.N + column), inside);
  }
  let step = select(1u, params.K, TRANSPOSE_B);
  let at = start + select(k * params.N + column, column * params.K + k, TRANSPOSE_B);
  return select(vec4f(), vec4f(element(at), element(at + step), element(at + 2u * step), element(at + 3u * step)),
    inside);
}

fn four_of_a2(row: u32, k: u32) -> vec4f {
  let inside = vec4<bool>(k < params.K2) & (vec4u(row) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.M));
  let at = row * params.K2 + k;
  return select(vec4f(), vec4f(a2[at], a2[at + params.K2], a2[at + 2u * params.K2], a2[at + 3u * params.K2]), inside);
}

fn four_of_b2(column: u32, k: u32) -> vec4f {
  let inside = vec4<bool>(k < params.K2) & (vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.N));
  let step = select(1u, params.K2, TRANSPOSE_B);
  let at = select(k * params.N + column, column * params.K2 + k, TRANSPOSE_B);
  return select(vec4f(), vec4f(b2[at], b2[at + step], b2[at + 2u * step], b2[at + 3u * step]), inside);
}
