enable subgroups;
// matmul/packed_nn: matmul/subgroup_nn where B is a packed weight, unpacked on the fly. Used for dx = dy·W through a
// frozen base (QLoRA).
//   C = alpha · (A·dequantised(B) + A2·B2) + bias  (+ C)        contract of matmul/naive, without batches
// Shapes: A float[M, K], its rows a_pitch apart, B packed[K, N] in groups of neighbours along N, C float[M, N], A2
// float[M, K2], B2 float[K2, N]; K and K2 even, N a multiple of 4.
// Grid: [ceil(N / (4 · SG · VEC4S)), ceil(M / ROWS), 1]. Accumulates in f32 over ascending k, two terms a step.
// uses: lib/packed_operands.wgsl, lib/broadcast_tile.wgsl, lib/tile_store.wgsl, lib/load_weight.wgsl, lib/nf4_lanes.wgsl

@group(0) @binding(6) var<storage, read> b2: array<vec4f>;

const FORMAT = F16; // tune: F16 BF16 INT8 INT4 INT4_ZEROS NF4
const SG = 8u; // tune: 4u 8u 16u
const ROWS = 32u; // tune: 8u 16u 32u
const VEC4S = 2u; // tune: 1u 2u
const PAIR = false; // tune: false true
const SWAP = false;
alias Tile = array<vec4f, ROWS * VEC4S>;

@compute @workgroup_size(SG)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_row = wg.y * ROWS;
  let column = wg.x * (SG * VEC4S) + lane;
  let vec4s = params.N / 4u;
  let rows = vec4u(first_row + lane, first_row + lane + SG, first_row + lane + 2u * SG, first_row + lane + 3u * SG);
  let row = min(rows, vec4u(params.M - 1u));
  let columns = min(vec2u(column, column + SG), vec2u(vec4s - 1u));
  let group = select(params.N, params.group, HAS_SCALES);
  let groups = params.N / group;
  let in_row = columns * 4u / group;
  let levels = nf4_held(lane);
  var tile: Tile;

  let ia = row * (params.a_pitch / 2u);
  for (var k = 0u; k < params.K / 2u; k++) {
    let p = 2u * k;
    let held = Columns(
      four_of_b(p * vec4s + columns.x, p * groups + in_row.x, levels),
        four_of_b(p * vec4s + columns.y, p * groups + in_row.y, levels),
      four_of_b((p + 1u) * vec4s + columns.x, (p + 1u) * groups + in_row.x, levels),
        four_of_b((p + 1u) * vec4s + columns.y, (p + 1u) * groups + in_row.y, levels),
    );
    multiply_rows(&tile, a[ia.x + k], a[ia.y + k], a[ia.z + k], a[ia.w + k], held);
  }

  if (PAIR) {
    let ia2 = row * (params.K2 / 2u);
    var ib2 = columns;
    for (var k = 0u; k < params.K2 / 2u; k++) {
      let held = Columns(b2[ib2.x], b2[ib2.y], b2[ib2.x + vec4s], b2[ib2.y + vec4s]);
      multiply_rows(&tile, a2[ia2.x + k], a2[ia2.y + k], a2[ia2.z + k], a2[ia2.w + k], held);
      ib2 += 2u * vec4s;
    }
  }
  store_tile(&tile, 0u, first_row, column);
}

// Four neighbours of a row of B; `four` counts them from its start, `g` is their group.
fn four_of_b(four: u32, g: u32, held: vec2f) -> vec4f {
  if (FORMAT == F16) { return f16_four(vec2u(b[2u * four], b[2u * four + 1u])); }
  if (FORMAT == BF16) { return bf16_four(vec2u(b[2u * four], b[2u * four + 1u])); }
  if (FORMAT == INT8) { return int8_levels(b[four]) * scales[g]; }
  if (FORMAT == NF4) {
    return nf4_four(held, (vec4u(b[four / 2u] >> (16u * (four % 2u))) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u))
      * scales[g];
  }
  let levels = int4_levels(b[four / 2u], four % 2u);
  if (FORMAT == INT4) { return (levels - 8.0) * scales[g]; }
  return (levels - zeros[g]) * scales[g];
}
