enable subgroups;
// matmul/packed_nt: matmul/subgroup_nt where B is a packed weight, unpacked on the fly: half, a quarter or an eighth of
// the words.
//   C = alpha · (A·dequantised(B)ᵀ + A2·B2ᵀ) + bias  (+ C)        contract of matmul/naive, without batches
// Shapes: A float[M, K], its rows a_pitch apart, B packed[N, K] in groups of neighbours along K, C float[M, N], A2
// float[M, K2], B2 float[N, K2]; K and K2 even, N a multiple of 4.
// Grid: [ceil(N / (4 · SG · VEC4S)), ceil(M / ROWS), 1]. Accumulates in f32 over ascending k.
// A step takes two terms, as there; a word is read again for each of its pairs, which is cheaper than to hold it.
// Scales are read once a group.
// uses: lib/packed_operands.wgsl, lib/broadcast_tile.wgsl, lib/tile_store.wgsl, lib/load_weight.wgsl, lib/nf4_lanes.wgsl

@group(0) @binding(6) var<storage, read> b2: array<vec2f>;

const FORMAT = F16; // tune: F16 BF16 INT8 INT4 INT4_ZEROS NF4
const SG = 8u; // tune: 4u 8u 16u
const ROWS = 32u; // tune: 8u 16u 32u
const VEC4S = 2u; // tune: 1u 2u
const PAIR = false; // tune: false true
const SWAP = false;
const PAIRS = PER_WORD / 2u; // of terms, in a word
alias Tile = array<vec4f, ROWS * VEC4S>;

@compute @workgroup_size(SG)
fn multiply(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_row = wg.y * ROWS;
  let column = wg.x * (SG * VEC4S) + lane;
  let rows = vec4u(first_row + lane, first_row + lane + SG, first_row + lane + 2u * SG, first_row + lane + 3u * SG);
  let row = min(rows, vec4u(params.M - 1u));
  let left = min(column, params.N / 4u - 1u) * 4u;
  let right = min(column + SG, params.N / 4u - 1u) * 4u;
  let held_levels = nf4_held(lane);
  var tile: Tile;

  let ia = row * (params.a_pitch / 2u);
  let step = params.K / PER_WORD;
  let ib = vec2u(left, right) * step;
  let group = select(params.K, params.group, HAS_SCALES);
  let groups = params.K / group;
  for (var g = 0u; g < groups; g++) {
    let scales0 = four_scales(left * groups + g, groups);
    let scales1 = four_scales(right * groups + g, groups);
    let zeros0 = four_zeros(left * groups + g, groups);
    let zeros1 = four_zeros(right * groups + g, groups);
    for (var k = g * group / 2u; k < (g + 1u) * group / 2u; k++) {
      let at = ib + k / PAIRS;
      let words0 = vec4u(b[at.x], b[at.x + step], b[at.x + 2u * step], b[at.x + 3u * step]);
      let words1 = vec4u(b[at.y], b[at.y + step], b[at.y + 2u * step], b[at.y + 3u * step]);
      let term = k % PAIRS * 2u;
      let held = Columns(
        (levels_at(words0, term, held_levels) - zeros0) * scales0, (levels_at(words1, term, held_levels) - zeros1)
          * scales1,
        (levels_at(words0, term + 1u, held_levels) - zeros0) * scales0,
          (levels_at(words1, term + 1u, held_levels) - zeros1) * scales1,
      );
      multiply_rows(&tile, a[ia.x + k], a[ia.y + k], a[ia.z + k], a[ia.w + k], held);
    }
  }

  if (PAIR) {
    let step2 = params.K2 / 2u;
    let ia2 = row * step2;
    let ib2 = vec2u(left, right) * step2;
    for (var k = 0u; k < step2; k++) {
      let w0 = b2[ib2.x + k];
      let w1 = b2[ib2.x + step2 + k];
      let w2 = b2[ib2.x + 2u * step2 + k];
      let w3 = b2[ib2.x + 3u * step2 + k];
      let w4 = b2[ib2.y + k];
      let w5 = b2[ib2.y + step2 + k];
      let w6 = b2[ib2.y + 2u * step2 + k];
      let w7 = b2[ib2.y + 3u * step2 + k];
      let held = Columns(vec4f(w0.x, w1.x, w2.x, w3.x), vec4f(w4.x, w5.x, w6.x, w7.x), vec4f(w0.y, w1.y, w2.y, w3.y),
        vec4f(w4.y, w5.y, w6.y, w7.y));
      multiply_rows(&tile, a2[ia2.x + k], a2[ia2.y + k], a2[ia2.z + k], a2[ia2.w + k], held);
    }
  }
  store_tile(&tile, 0u, first_row, column);
}

fn levels_at(words: vec4u, at: u32, held: vec2f) -> vec4f {
  if (FORMAT == NF4) { return nf4_four(held, (words >> vec4u(4u * at)) & vec4u(15u)); }
  return level_of(words, at);
}

fn four_scales(first: u32, groups: u32) -> vec4f {
  if (!HAS_SCALES) { return vec4f(1.0); }
  return vec4f(scales[first], scales[first + groups], scales[first + 2u * groups], scales[first + 3u * groups]);
}

fn four_zeros(first: u32, groups: u32) -> vec4f {
  if (FORMAT == INT4_ZEROS) {
    return vec4f(zeros[first], zeros[first + groups], zeros[first + 2u * groups], zeros[first + 3u * groups]);
  }
  return vec4f(select(0.0, 8.0, FORMAT == INT4));
}
