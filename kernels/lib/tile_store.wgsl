// How a subgroup tile reaches C: alpha, bias and edges, in a loop (unrolled stores would triple the compile time).
// Needs in the kernel: params with M, N, flags, alpha; bindings c (read_write) and bias, both array<vec4f>; const ROWS,
// VEC4S, SG, SWAP; alias Tile. flags: 1 bias, 2 add to C. Columns are counted in vec4s; a lane's second four lies SG
// vec4s after its first.

fn store_tile(tile: ptr<function, Tile>, batch: u32, first_row: u32, column: u32) {
  if (SWAP) { store_swapped(tile, batch, first_row, column); return; }
  let vec4s = params.N / 4u;
  let rows = min(ROWS, params.M - first_row) * VEC4S;
  for (var i = 0u; i < rows; i++) {
    let at = column + (i % VEC4S) * SG;
    if (at < vec4s) {
      var v = (*tile)[i] * params.alpha;
      if ((params.flags & 1u) != 0u) { v += bias[at]; }
      let index = (batch * params.M + first_row + i / VEC4S) * vec4s + at;
      if ((params.flags & 2u) != 0u) { v += c[index]; }
      c[index] = v;
    }
  }
}

// C is written transposed, float[N, M]: few rows, many columns. Without bias.
fn store_swapped(tile: ptr<function, Tile>, batch: u32, first_row: u32, column: u32) {
  let rows = min(ROWS, params.M - first_row) / 4u * VEC4S;
  for (var i = 0u; i < rows; i++) {
    let at = column + (i % VEC4S) * SG;
    let row = i / VEC4S * 4u;
    if (at < params.N / 4u) {
      let j = row * VEC4S + i % VEC4S;
      let block = transpose(mat4x4f((*tile)[j], (*tile)[j + VEC4S], (*tile)[j + 2u * VEC4S], (*tile)[j + 3u * VEC4S]))
        * params.alpha;
      var index = ((batch * params.N + at * 4u) * params.M + first_row + row) / 4u;
      for (var n = 0u; n < 4u; n++) {
        c[index] = select(block[n], block[n] + c[index], (params.flags & 2u) != 0u);
        index += params.M / 4u;
      }
    }
  }
}
