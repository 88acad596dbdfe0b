// The arithmetic of a subgroup tile: ROWS rows of C, 4·VEC4S columns a lane, two terms of the sum at a time. One
// operand's rows lie across the lanes and are distributed by broadcasts whose lanes are constants: a rolled loop of
// shuffles is 15 times slower on software adapters.
// Needs in the kernel: `enable subgroups;`, const SG (subgroup size), const ROWS, const VEC4S (1u or 2u), alias Tile =
// array<vec4f, ROWS * VEC4S>.

// What a lane holds of the other operand: terms p and q at its first and second four columns.
struct Columns { p0: vec4f, p1: vec4f, q0: vec4f, q1: vec4f }

fn add_row(c: ptr<function, Tile>, row: u32, p: f32, q: f32, b: Columns) {
  (*c)[row * VEC4S] = (*c)[row * VEC4S] + p * b.p0 + q * b.q0;
  if (VEC4S > 1u) { (*c)[row * VEC4S + VEC4S - 1u] = (*c)[row * VEC4S + VEC4S - 1u] + p * b.p1 + q * b.q1; }
}

// Lane l holds both terms of row first + l.
fn add_rows(c: ptr<function, Tile>, first: u32, a: vec2f, b: Columns) {
  add_row(c, first, subgroupBroadcast(a.x, 0u), subgroupBroadcast(a.y, 0u), b);
  add_row(c, first + 1u, subgroupBroadcast(a.x, 1u), subgroupBroadcast(a.y, 1u), b);
  add_row(c, first + 2u, subgroupBroadcast(a.x, 2u), subgroupBroadcast(a.y, 2u), b);
  add_row(c, first + 3u, subgroupBroadcast(a.x, 3u), subgroupBroadcast(a.y, 3u), b);
  if (SG > 4u) {
    add_row(c, first + 4u, subgroupBroadcast(a.x, 4u), subgroupBroadcast(a.y, 4u), b);
    add_row(c, first + 5u, subgroupBroadcast(a.x, 5u), subgroupBroadcast(a.y, 5u), b);
    add_row(c, first + 6u, subgroupBroadcast(a.x, 6u), subgroupBroadcast(a.y, 6u), b);
    add_row(c, first + 7u, subgroupBroadcast(a.x, 7u), subgroupBroadcast(a.y, 7u), b);
  }
  if (SG > 8u) {
    add_row(c, first + 8u, subgroupBroadcast(a.x, 8u), subgroupBroadcast(a.y, 8u), b);
    add_row(c, first + 9u, subgroupBroadcast(a.x, 9u), subgroupBroadcast(a.y, 9u), b);
    add_row(c, first + 10u, subgroupBroadcast(a.x, 10u), subgroupBroadcast(a.y, 10u), b);
    add_row(c, first + 11u, subgroupBroadcast(a.x, 11u), subgroupBroadcast(a.y, 11u), b);
    add_row(c, first + 12u, subgroupBroadcast(a.x, 12u), subgroupBroadcast(a.y, 12u), b);
    add_row(c, first + 13u, subgroupBroadcast(a.x, 13u), subgroupBroadcast(a.y, 13u), b);
    add_row(c, first + 14u, subgroupBroadcast(a.x, 14u), subgroupBroadcast(a.y, 14u), b);
    add_row(c, first + 15u, subgroupBroadcast(a.x, 15u), subgroupBroadcast(a.y, 15u), b);
  }
}

// Lane l holds rows first + 4l … first + 4l + 3: one vector a term.
fn add_fours(c: ptr<function, Tile>, first: u32, p: vec4f, q: vec4f, b: Columns) {
  add_four(c, first, subgroupBroadcast(p, 0u), subgroupBroadcast(q, 0u), b);
  add_four(c, first + 4u, subgroupBroadcast(p, 1u), subgroupBroadcast(q, 1u), b);
  if (ROWS > 8u) {
    add_four(c, first + 8u, subgroupBroadcast(p, 2u), subgroupBroadcast(q, 2u), b);
    add_four(c, first + 12u, subgroupBroadcast(p, 3u), subgroupBroadcast(q, 3u), b);
  }
  if (ROWS > 16u && SG > 4u) {
    add_four(c, first + 16u, subgroupBroadcast(p, 4u), subgroupBroadcast(q, 4u), b);
    add_four(c, first + 20u, subgroupBroadcast(p, 5u), subgroupBroadcast(q, 5u), b);
    add_four(c, first + 24u, subgroupBroadcast(p, 6u), subgroupBroadcast(q, 6u), b);
    add_four(c, first + 28u, subgroupBroadcast(p, 7u), subgroupBroadcast(q, 7u), b);
  }
}

fn add_four(c: ptr<function, Tile>, row: u32, p: vec4f, q: vec4f, b: Columns) {
  add_row(c, row, p.x, q.x, b);
  add_row(c, row + 1u, p.y, q.y, b);
  add_row(c, row + 2u, p.z, q.z, b);
  add_row(c, row + 3u, p.w, q.w, b);
}

// A step with rows of A: a lane has its row of each SG rows. The compiler drops what is beyond ROWS, and its loads.
fn multiply_rows(tile: ptr<function, Tile>, rows0: vec2f, rows1: vec2f, rows2: vec2f, rows3: vec2f, held: Columns) {
  add_rows(tile, 0u, rows0, held);
  if (ROWS > SG) { add_rows(tile, SG, rows1, held); }
  if (ROWS > 2u * SG) {
    add_rows(tile, 2u * SG, rows2, held);
    add_rows(tile, 3u * SG, rows3, held);
  }
}

// A step with columns of A: a lane has four rows of each 4·SG rows.
fn multiply_fours(tile: ptr<function, Tile>, p0: vec4f, p1: vec4f, q0: vec4f, q1: vec4f, held: Columns) {
  add_fours(tile, 0u, p0, q0, held);
  if (ROWS > 4u * SG) { add_fours(tile, 4u * SG, p1, q1, held); }
}
