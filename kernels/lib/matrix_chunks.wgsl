// Operands of matmul/subgroup_matrix, from chunks of 16 bytes in memory to f16 in workgroup memory.
// Needs in the kernel: what that kernel declares; lib/load_weight.wgsl, lib/weight_chunk.wgsl.

// Elements of a line of a tile in workgroup memory, of the way to the next, and of the whole tile.
const A_LINE = select(DEPTH, ROWS, TRANSPOSE_A);
const B_LINE = select(COLUMNS, DEPTH, TRANSPOSE_B);
const A_STRIDE = A_LINE + PAD;
const B_STRIDE = B_LINE + PAD;
const A_TILE = ROWS * DEPTH / A_LINE * A_STRIDE;
const B_TILE = COLUMNS * DEPTH / B_LINE * B_STRIDE;
// In fours, all buffers.
const A_FOURS = BUFFERS * A_TILE / 4u;
const B_FOURS = BUFFERS * B_TILE / 4u;
// Elements of a chunk, chunks of a tile, and how many of them a lane reads ahead.
const A_CHUNK = select(8u, 4u, A_FORMAT == F32);
const B_CHUNK = 4u * PER_WORD;
const A_CHUNKS = ROWS * DEPTH / A_CHUNK;
const B_CHUNKS = COLUMNS * DEPTH / B_CHUNK;
const A_EACH = (A_CHUNKS + LANES - 1u) / LANES;
const B_EACH = (B_CHUNKS + LANES - 1u) / LANES;

// From where a tile's chunks are read: the batch's first element, the tile's first row or column, its first term, and
// the number of terms.
struct Span { start: u32, first: u32, k: u32, terms: u32 }

// A chunk of B, with the scale and the zero of its levels.
struct Weights { words: vec4u, scale: f32, zero: f32 }

// What a lane reads ahead of A: registers, since no index is left to a loop.
struct AChunks { c0: vec4u, c1: vec4u, c2: vec4u, c3: vec4u, c4: vec4u, c5: vec4u, c6: vec4u, c7: vec4u }

struct BChunks { c0: Weights, c1: Weights, c2: Weights, c3: Weights, c4: Weights, c5: Weights, c6: Weights, c7: Weights
  }

// Rows and columns past the edge repeat the last ones, whose sums nobody writes; terms past the end are zero.
fn chunk_of_a(at: u32, span: Span) -> vec4u {
  let line = at / (A_LINE / A_CHUNK);
  let along = at % (A_LINE / A_CHUNK) * A_CHUNK;
  let row = min(span.first + select(line, along, TRANSPOSE_A), params.M - select(1u, A_CHUNK, TRANSPOSE_A));
  let k = span.k + select(along, line, TRANSPOSE_A);
  let words = a[(span.start + select(row * params.K + k, k * params.M + row, TRANSPOSE_A)) / A_CHUNK];
  if (TAIL) { return select(vec4u(), words, k < span.terms); }
  return words;
}

fn chunk_of_b(at: u32, span: Span) -> Weights {
  let line = at / (B_LINE / B_CHUNK);
  let along = at % (B_LINE / B_CHUNK) * B_CHUNK;
  let column = min(span.first + select(along, line, TRANSPOSE_B), params.N - select(B_CHUNK, 1u, TRANSPOSE_B));
  let k = span.k + select(line, along, TRANSPOSE_B);
  let element = span.start + select(k * params.N + column, column * params.K + k, TRANSPOSE_B);
  var chunk = Weights(b[element / B_CHUNK], 1.0, 0.0);
  if (HAS_SCALES) { chunk.scale = scales[element / params.group]; }
  if (FORMAT == INT4) { chunk.zero = 8.0; }
  if (FORMAT == INT4_ZEROS) { chunk.zero = zeros[element / params.group]; }
  if (TAIL && k >= span.terms) { return Weights(); } // a scale of zero, whatever the levels
  return chunk;
}

fn put_a(tile: u32, at: u32, words: vec4u) {
  if (A_CHUNKS % LANES != 0u && at >= A_CHUNKS) { return; }
  let first = (tile + at / (A_LINE / A_CHUNK) * A_STRIDE + at % (A_LINE / A_CHUNK) * A_CHUNK) / 4u;
  let to = min(first, A_FOURS - A_CHUNK / 4u);
  if (A_FORMAT == F32) {
    a_tile[to] = vec4<f16>(bitcast<vec4f>(words));
  } else {
    a_tile[to] = four_halves(words.xy);
    a_tile[to + 1u] = four_halves(words.zw);
  }
}

fn put_b(tile: u32, at: u32, chunk: Weights) {
  if (B_CHUNKS % LANES != 0u && at >= B_CHUNKS) { return; }
  let to = (tile + at / (B_LINE / B_CHUNK) * B_STRIDE + at % (B_LINE / B_CHUNK) * B_CHUNK) / 4u;
  put_weights(to, chunk.words, chunk.scale, chunk.zero);
}

fn read_a(lane: u32, span: Span) -> AChunks {
  var chunks: AChunks;
  chunks.c0 = chunk_of_a(lane, span);
  if (A_EACH > 1u) { chunks.c1 = chunk_of_a(lane + LANES, span); }
  if (A_EACH > 2u) { chunks.c2 = chunk_of_a(lane + 2u * LANES, span); }
  if (A_EACH > 3u) { chunks.c3 = chunk_of_a(lane + 3u * LANES, span); }
  if (A_EACH > 4u) { chunks.c4 = chunk_of_a(lane + 4u * LANES, span); }
  if (A_EACH > 5u) { chunks.c5 = chunk_of_a(lane + 5u * LANES, span); }
  if (A_EACH > 6u) { chunks.c6 = chunk_of_a(lane + 6u * LANES, span); }
  if (A_EACH > 7u) { chunks.c7 = chunk_of_a(lane + 7u * LANES, span); }
  return chunks;
}

// The chunks that were read ahead, and those of a large tile that were not.
fn write_a(lane: u32, chunks: AChunks, tile: u32, span: Span) {
  put_a(tile, lane, chunks.c0);
  if (A_EACH > 1u) { put_a(tile, lane + LANES, chunks.c1); }
  if (A_EACH > 2u) { put_a(tile, lane + 2u * LANES, chunks.c2); }
  if (A_EACH > 3u) { put_a(tile, lane + 3u * LANES, chunks.c3); }
  if (A_EACH > 4u) { put_a(tile, lane + 4u * LANES, chunks.c4); }
  if (A_EACH > 5u) { put_a(tile, lane + 5u * LANES, chunks.c5); }
  if (A_EACH > 6u) { put_a(tile, lane + 6u * LANES, chunks.c6); }
  if (A_EACH > 7u) { put_a(tile, lane + 7u * LANES, chunks.c7); }
  for (var i = 8u; i < A_EACH; i++) { put_a(tile, lane + i * LANES, chunk_of_a(lane + i * LANES, span)); }
}

fn read_b(lane: u32, span: Span) -> BChunks {
  var chunks: BChunks;
  chunks.c0 = chunk_of_b(lane, span);
  if (B_EACH > 1u) { chunks.c1 = chunk_of_b(lane + LANES, span); }
  if (B_EACH > 2u) { chunks.c2 = chunk_of_b(lane + 2u * LANES, span); }
  if (B_EACH > 3u) { chunks.c3 = chunk_of_b(lane + 3u * LANES, span); }
  if (B_EACH > 4u) { chunks.c4 = chunk_of_b(lane + 4u * LANES, span); }
  if (B_EACH > 5u) { chunks.c5 = chunk_of_b(lane + 5u * LANES, span); }
  if (B_EACH > 6u) { chunks.c6 = chunk_of_b(lane + 6u * LANES, span); }
  if (B_EACH > 7u) { chunks.c7 = chunk_of_b(lane + 7u * LANES, span); }
  return chunks;
}

// The chunks that were read ahead, and those of a large tile that were not.
fn write_b(lane: u32, chunks: BChunks, tile: u32, span: Span) {
  put_b(tile, lane, chunks.c0);
  if (B_EACH > 1u) { put_b(tile, lane + LANES, chunks.c1); }
  if (B_EACH > 2u) { put_b(tile, lane + 2u * LANES, chunks.c2); }
  if (B_EACH > 3u) { put_b(tile, lane + 3u * LANES, chunks.c3); }
  if (B_EACH > 4u) { put_b(tile, lane + 4u * LANES, chunks.c4); }
  if (B_EACH > 5u) { put_b(tile, lane + 5u * LANES, chunks.c5); }
  if (B_EACH > 6u) { put_b(tile, lane + 6u * LANES, chunks.c6); }
  if (B_EACH > 7u) { put_b(tile, lane + 7u * LANES, chunks.c7); }
  for (var i = 8u; i < B_EACH; i++) { put_b(tile, lane + i * LANES, chunk_of_b(lane + i * LANES, span)); }
}

// A step of the second pair, which is f32 and short: read where it is put, four at a time.
fn write_pair(lane: u32, buffer: u32, first_row: u32, first_column: u32, k: u32) {
  for (var at = lane; at < ROWS * DEPTH / 4u; at += LANES) { put_a2(buffer * A_TILE, at, first_row, k); }
  for (var at = lane; at < COLUMNS * DEPTH / 4u; at += LANES) { put_b2(buffer * B_TILE, at, first_column, k); }
}

fn put_a2(tile: u32, at: u32, first_row: u32, first_k: u32) {
  let line = at / (DEPTH / 4u);
  let along = at % (DEPTH / 4u) * 4u;
  let k = first_k + along;
  let four = a2[(min(first_row + line, params.M - 1u) * params.K2 + k) / 4u];
  a_tile[(tile + line * A_STRIDE + along) / 4u] = vec4<f16>(select(vec4f(), four, k < params.K2));
}

fn put_b2(tile: u32, at: u32, first_column: u32, first_k: u32) {
  let line = at / (B_LINE / 4u);
  let along = at % (B_LINE / 4u) * 4u;
  let column = min(first_column + select(along, line, TRANSPOSE_B), params.N - select(4u, 1u, TRANSPOSE_B));
  let k = first_k + select(line, along, TRANSPOSE_B);
  let four = b2[select(k * params.N + column, column * params.K2 + k, TRANSPOSE_B) / 4u];
  b_tile[(tile + line * B_STRIDE + along) / 4u] = vec4<f16>(select(vec4f(), four, k < params.K2));
}

// One matrix of each subgroup, to where it lies inside.
fn write_results(own: u32, lane: u32, z: u32, row: u32, column: u32) {
  workgroupBarrier();
  for (var at = lane % SG; at < MATRIX_M * MATRIX_N; at += SG) {
    let to = vec2u(column + at % MATRIX_N, row + at / MATRIX_N);
    if (to.x < params.N && to.y < params.M) {
      var value = results[own + at] * params.alpha;
      if ((params.flags & 1u) != 0u) { value += bias[to.x]; }
      c[(z * params.M + to.y) * params.N + to.x] = value;
    }
  }
  workgroupBarrier();
}
