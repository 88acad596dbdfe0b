// The arithmetic of a subgroup tile, four terms of the sum at a time: rows across the lanes, distributed by shuffles
// whose lanes are constants once the call is inlined.
// Needs in the kernel: `enable subgroups;`, const SG (subgroup size), const ROWS, const VEC4S (1u or 2u), alias Tile =
// array<vec4f, ROWS * VEC4S>.

// Four terms of four rows or columns.
struct Terms { p: vec4f, q: vec4f, r: vec4f, s: vec4f }

fn add_row(tile: ptr<function, Tile>, row: u32, v: vec4f, b0: Terms, b1: Terms) {
  let at = row * VEC4S;
  (*tile)[at] = (*tile)[at] + v.x * b0.p + v.y * b0.q + v.z * b0.r + v.w * b0.s;
  if (VEC4S > 1u) {
    (*tile)[at + VEC4S - 1u] = (*tile)[at + VEC4S - 1u] + v.x * b1.p + v.y * b1.q + v.z * b1.r + v.w * b1.s;
  }
}

// Lane l holds four terms of row first + l.
fn add_rows(tile: ptr<function, Tile>, first: u32, terms: vec4f, b0: Terms, b1: Terms) {
  add_row(tile, first, subgroupShuffle(terms, 0u), b0, b1);
  add_row(tile, first + 1u, subgroupShuffle(terms, 1u), b0, b1);
  add_row(tile, first + 2u, subgroupShuffle(terms, 2u), b0, b1);
  add_row(tile, first + 3u, subgroupShuffle(terms, 3u), b0, b1);
  if (SG > 4u) {
    add_row(tile, first + 4u, subgroupShuffle(terms, 4u), b0, b1);
    add_row(tile, first + 5u, subgroupShuffle(terms, 5u), b0, b1);
    add_row(tile, first + 6u, subgroupShuffle(terms, 6u), b0, b1);
    add_row(tile, first + 7u, subgroupShuffle(terms, 7u), b0, b1);
  }
}

// Lane l holds four terms of rows 4l … 4l + 3.
fn add_all_fours(tile: ptr<function, Tile>, rows: Terms, b0: Terms, b1: Terms) {
  add_fours(tile, 0u, rows, b0, b1);
  add_fours(tile, 1u, rows, b0, b1);
  add_fours(tile, 2u, rows, b0, b1);
  add_fours(tile, 3u, rows, b0, b1);
  if (ROWS > 16u) {
    add_fours(tile, 4u, rows, b0, b1);
    add_fours(tile, 5u, rows, b0, b1);
    add_fours(tile, 6u, rows, b0, b1);
    add_fours(tile, 7u, rows, b0, b1);
  }
}

fn add_fours(tile: ptr<function, Tile>, lane: u32, rows: Terms, b0: Terms, b1: Terms) {
  let four = transpose(mat4x4f(subgroupShuffle(rows.p, lane), subgroupShuffle(rows.q, lane),
    subgroupShuffle(rows.r, lane), subgroupShuffle(rows.s, lane)));
  add_row(tile, 4u * lane, four[0], b0, b1);
  add_row(tile, 4u * lane + 1u, four[1], b0, b1);
  add_row(tile, 4u * lane + 2u, four[2], b0, b1);
  add_row(tile, 4u * lane + 3u, four[3], b0, b1);
}
