// Four elements of a weight in any storage at once: one word or two, one scale, one division.
// Needs in the kernel: const FORMAT; lib/load_weight.wgsl, lib/weight_element.wgsl and what they need; binding b:
// array<u32> (the words).

// Neighbours of a row from `at` on, a multiple of 4. (Groups are multiples of 8, so they share a scale.)
fn row_four(at: u32) -> vec4f {
  if (FORMAT == F32) { return bitcast<vec4f>(vec4u(b[at], b[at + 1u], b[at + 2u], b[at + 3u])); }
  let word = at / PER_WORD;
  if (FORMAT == F16) { return f16_four(vec2u(b[word], b[word + 1u])); }
  if (FORMAT == BF16) { return bf16_four(vec2u(b[word], b[word + 1u])); }
  let g = at / params.group;
  if (FORMAT == INT8) { return int8_levels(b[word]) * scales[g]; }
  let part = at / 4u % 2u;
  if (FORMAT == NF4) { return nf4_levels(b[word], part) * scales[g]; }
  if (FORMAT == INT4) { return (int4_levels(b[word], part) - 8.0) * scales[g]; }
  return (int4_levels(b[word], part) - zeros[g]) * scales[g];
}

// Elements k of four rows of `length` elements from `first` on.
fn column_four(first: u32, k: u32, length: u32) -> vec4f {
  let at = first * length + k;
  if (!HAS_SCALES) {
    return vec4f(element(at), element(at + length), element(at + 2u * length), element(at + 3u * length));
  }
  let step = length / PER_WORD;
  let word = first * step + k / PER_WORD;
  let levels = level_of(vec4u(b[word], b[word + step], b[word + 2u * step], b[word + 3u * step]), k % PER_WORD);
  let groups = length / params.group;
  let g = first * groups + k / params.group;
  let scale = vec4f(scales[g], scales[g + groups], scales[g + 2u * groups], scales[g + 3u * groups]);
  if (FORMAT == INT4) { return (levels - 8.0) * scale; }
  if (FORMAT == INT4_ZEROS) {
    return (levels - vec4f(zeros[g], zeros[g + groups], zeros[g + 2u * groups], zeros[g + 3u * groups])) * scale;
  }
  return levels * scale;
}

fn element(at: u32) -> f32 { return weight_of(b[at / PER_WORD], at); }
