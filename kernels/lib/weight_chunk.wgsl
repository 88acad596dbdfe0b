// Sixteen bytes of a weight of any storage as f16, four elements at a time: word by word, so that no loop indexes an
// array.
// Needs in the kernel: enable f16; const FORMAT; b_tile: array<vec4<f16>, B_FOURS> in workgroup memory;
// lib/load_weight.wgsl; fill_nf4_table before put_weights.

// A table in workgroup memory can be read by many lanes at different indices at once; a constant one cannot. Where it
// is not needed it still takes 16 bytes: matrices are loaded from multiples of 16, and a table of 4 bytes shifted the
// tiles behind it, so that NVIDIA's driver read from the wrong place.
var<workgroup> nf4_table: array<f32, select(4u, 16u, FORMAT == NF4)>;

fn fill_nf4_table(lane: u32) {
  if (FORMAT != NF4) { return; }
  if (lane < 16u) { nf4_table[lane] = nf4_level(lane); }
  workgroupBarrier();
}

// Elements 0 to 3 (part 0) or 4 to 7 (part 1) of a word of four bits an element.
fn four_of_nibbles(word: u32, part: u32, scale: f32, zero: f32) -> vec4<f16> {
  if (FORMAT != NF4) { return vec4<f16>((int4_levels(word, part) - zero) * scale); }
  let half = word >> (16u * part);
  let levels = vec4f(nf4_table[half % 16u], nf4_table[(half >> 4u) % 16u], nf4_table[(half >> 8u) % 16u],
    nf4_table[(half >> 12u) % 16u]);
  return vec4<f16>(levels * scale);
}

fn four_of_bytes(word: u32, scale: f32) -> vec4<f16> { return vec4<f16>(int8_levels(word) * scale); }

// Held to the tile once, so that the compiler need not do it for each four.
fn put_weights(first: u32, words: vec4u, scale: f32, zero: f32) {
  let to = min(first, B_FOURS - PER_WORD);
  if (FORMAT == F32) {
    b_tile[to] = vec4<f16>(bitcast<vec4f>(words));
  } else if (FORMAT == F16) {
    b_tile[to] = four_halves(words.xy);
    b_tile[to + 1u] = four_halves(words.zw);
  } else if (FORMAT == BF16) {
    b_tile[to] = vec4<f16>(bf16_four(words.xy));
    b_tile[to + 1u] = vec4<f16>(bf16_four(words.zw));
  } else if (FORMAT == INT8) {
    b_tile[to] = four_of_bytes(words.x, scale);
    b_tile[to + 1u] = four_of_bytes(words.y, scale);
    b_tile[to + 2u] = four_of_bytes(words.z, scale);
    b_tile[to + 3u] = four_of_bytes(words.w, scale);
  } else {
    b_tile[to] = four_of_nibbles(words.x, 0u, scale, zero);
    b_tile[to + 1u] = four_of_nibbles(words.x, 1u, scale, zero);
    b_tile[to + 2u] = four_of_nibbles(words.y, 0u, scale, zero);
    b_tile[to + 3u] = four_of_nibbles(words.y, 1u, scale, zero);
    b_tile[to + 4u] = four_of_nibbles(words.z, 0u, scale, zero);
    b_tile[to + 5u] = four_of_nibbles(words.z, 1u, scale, zero);
    b_tile[to + 6u] = four_of_nibbles(words.w, 0u, scale, zero);
    b_tile[to + 7u] = four_of_nibbles(words.w, 1u, scale, zero);
  }
}

fn four_halves(words: vec2u) -> vec4<f16> { return bitcast<vec4<f16>>(words); }
