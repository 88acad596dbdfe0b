// Tiles of scores in registers, for devices with fast workgroup memory: ROWS by COLUMNS scores a workgroup, ACROSS
// lanes across and DOWN down. A lane holds vec4s of rows by vec4s of columns, each a mat4x4f: rows 4·down … and, where
// it has eight, 4·(down + DOWN) …; columns 4·across … and 4·(across + ACROSS) …
//   add_piece   scores += rows·columnsᵀ over DEPTH of the width, both operands transposed in workgroup memory
//   add_span    ROWS by D results += weights·values over SPAN of the columns; weights are stored by column, vec4s of
//               rows beside each other
// Every lane prefetches four rows by four numbers of an operand into registers. Sums are named variables, never an
// array: an array indexed by a loop that the compiler does not unroll would be kept in memory. In workgroup memory each
// vec4 of rows is rotated by the number of its line, so that neither access pattern causes bank conflicts.
// Needs in the kernel: const D, LANES (64u at least), LANES_ACROSS (8u or 16u), ROWS_A_LANE and COLUMNS_A_LANE (4u or
// 8u).

const ACROSS = clamp(LANES_ACROSS, D / 8u, D / 4u); // so that each lane has one or two vec4s of the width
const DOWN = LANES / ACROSS;
const ROWS = ROWS_A_LANE * DOWN;
const COLUMNS = COLUMNS_A_LANE * ACROSS;
const ROW_FOURS = ROWS / 4u;
const COLUMN_FOURS = COLUMNS / 4u;
const HAS_TWO_ROWS = ROWS_A_LANE > 4u;
const HAS_TWO_COLUMNS = COLUMNS_A_LANE > 4u;
const HAS_TWO_FOURS = D > 4u * ACROSS;

const DEPTH = min(32u, 16u * LANES / max(ROWS, COLUMNS));
const DEPTH_FOURS = DEPTH / 4u;
const PIECES = D / DEPTH;

const WIDTH_FOURS = D / 4u;
const SPAN = min(COLUMNS, 4u * LANES / WIDTH_FOURS);
const SPAN_FOURS = SPAN / 4u;
const SPANS = COLUMNS / SPAN;

var<workgroup> row_tile: array<vec4f, DEPTH * ROW_FOURS>;
var<workgroup> column_tile: array<vec4f, max(DEPTH * COLUMN_FOURS, SPAN * WIDTH_FOURS)>;
var<workgroup> weights: array<vec4f, COLUMNS * ROW_FOURS>;

/// A lane's scores, by four of columns and four of rows; columns inside.
struct Scores { c0r0: mat4x4f, c0r1: mat4x4f, c1r0: mat4x4f, c1r1: mat4x4f }

/// A lane's results, by four of rows and numbers 4·across … and 4·(across + ACROSS) … of the width; rows inside.
struct Sums { r0d0: mat4x4f, r0d1: mat4x4f, r1d0: mat4x4f, r1d1: mat4x4f }

/// Adjacent lanes stand 8 by 4, which read the fewest places of workgroup memory at a time.
fn across_of(lane: u32) -> u32 { return lane % 8u + 8u * ((lane / 32u) % (ACROSS / 8u)); }
fn down_of(lane: u32) -> u32 { return (lane % 32u) / 8u + 4u * ((lane / (4u * ACROSS)) % (DOWN / 4u)); }

fn outer(a: vec4f, b: vec4f) -> mat4x4f { return mat4x4f(a.x * b, a.y * b, a.z * b, a.w * b); }

/// What a lane fetches for a product: the first of its four rows (or columns), and where its four numbers begin in the
/// piece.
fn product_place(lane: u32) -> vec2u { return vec2u(4u * (lane / DEPTH_FOURS), 4u * (lane % DEPTH_FOURS)); }

/// What a lane fetches to accumulate: the first of its four columns in the span, and where its four numbers begin in
/// the width.
fn span_place(lane: u32) -> vec2u { return vec2u(4u * (lane / WIDTH_FOURS), 4u * (lane % WIDTH_FOURS)); }

fn put_rows(lane: u32, held: mat4x4f) {
  if (lane < DEPTH_FOURS * ROW_FOURS) {
    let line = lane % DEPTH_FOURS;
    let at = 4u * line * ROW_FOURS + (lane / DEPTH_FOURS + line) % ROW_FOURS;
    let across = transpose(held);
    row_tile[at] = across[0];
    row_tile[at + ROW_FOURS] = across[1];
    row_tile[at + 2u * ROW_FOURS] = across[2];
    row_tile[at + 3u * ROW_FOURS] = across[3];
  }
}

fn put_columns(lane: u32, held: mat4x4f) {
  if (lane < DEPTH_FOURS * COLUMN_FOURS) {
    let line = lane % DEPTH_FOURS;
    let at = 4u * line * COLUMN_FOURS + (lane / DEPTH_FOURS + line) % COLUMN_FOURS;
    let across = transpose(held);
    column_tile[at] = across[0];
    column_tile[at + COLUMN_FOURS] = across[1];
    column_tile[at + 2u * COLUMN_FOURS] = across[2];
    column_tile[at + 3u * COLUMN_FOURS] = across[3];
  }
}

fn put_span(lane: u32, held: mat4x4f) {
  if (lane < WIDTH_FOURS * SPAN_FOURS) {
    let at = 4u * ((lane / WIDTH_FOURS) % SPAN_FOURS) * WIDTH_FOURS + lane % WIDTH_FOURS;
    column_tile[at] = held[0];
    column_tile[at + WIDTH_FOURS] = held[1];
    column_tile[at + 2u * WIDTH_FOURS] = held[2];
    column_tile[at + 3u * WIDTH_FOURS] = held[3];
  }
}

/// Stores what was fetched for a step: PIECES of both operands, then SPANS of values.
fn put_operands(lane: u32, step: u32, rows: mat4x4f, columns: mat4x4f) {
  if (step < PIECES) {
    put_rows(lane, rows);
    put_columns(lane, columns);
  } else {
    put_span(lane, columns);
  }
}

/// Four columns of weights, each four rows.
fn put_weights(column_four: u32, row_four: u32, w: mat4x4f) {
  let at = 4u * (column_four % COLUMN_FOURS) * ROW_FOURS + (row_four + column_four) % ROW_FOURS;
  weights[at] = w[0];
  weights[at + ROW_FOURS] = w[1];
  weights[at + 2u * ROW_FOURS] = w[2];
  weights[at + 3u * ROW_FOURS] = w[3];
}

fn weights_at(column_four: u32, row_four: u32) -> mat4x4f {
  let at = 4u * (column_four % COLUMN_FOURS) * ROW_FOURS + (row_four + column_four) % ROW_FOURS;
  return mat4x4f(weights[at], weights[at + ROW_FOURS], weights[at + 2u * ROW_FOURS], weights[at + 3u * ROW_FOURS]);
}

/// Adds the product of both tiles.
fn add_piece(lane: u32, s: ptr<function, Scores>) {
  let across = across_of(lane) % ACROSS;
  let down = down_of(lane) % DOWN;
  for (var line = 0u; line < DEPTH_FOURS; line++) {
    let row0 = (down + line) % ROW_FOURS;
    let row1 = (down + DOWN + line) % ROW_FOURS;
    let column0 = (across + line) % COLUMN_FOURS;
    let column1 = (across + ACROSS + line) % COLUMN_FOURS;
    for (var n = 0u; n < 4u; n++) {
      let row_line = (4u * line + n) * ROW_FOURS;
      let column_line = (4u * line + n) * COLUMN_FOURS;
      (*s).c0r0 += outer(column_tile[column_line + column0], row_tile[row_line + row0]);
      if (HAS_TWO_ROWS) { (*s).c0r1 += outer(column_tile[column_line + column0], row_tile[row_line + row1]); }
      if (HAS_TWO_COLUMNS) { (*s).c1r0 += outer(column_tile[column_line + column1], row_tile[row_line + row0]); }
      if (HAS_TWO_ROWS && HAS_TWO_COLUMNS) {
        (*s).c1r1 += outer(column_tile[column_line + column1], row_tile[row_line + row1]);
      }
    }
  }
}

/// Adds the span's weights times the values in the column tile.
fn add_span(lane: u32, step: u32, o: ptr<function, Sums>) {
  let across = across_of(lane) % ACROSS;
  let down = down_of(lane) % DOWN;
  for (var line = 0u; line < SPAN_FOURS; line++) {
    let turn = (step * SPAN_FOURS + line) % COLUMN_FOURS;
    let row0 = (down + turn) % ROW_FOURS;
    let row1 = (down + DOWN + turn) % ROW_FOURS;
    for (var n = 0u; n < 4u; n++) {
      let at = (4u * line + n) * WIDTH_FOURS + across;
      let weight_line = (4u * turn + n) * ROW_FOURS;
      let w0 = weights[weight_line + row0];
      (*o).r0d0 += outer(w0, column_tile[at]);
      if (HAS_TWO_FOURS) { (*o).r0d1 += outer(w0, column_tile[at + ACROSS]); }
      if (HAS_TWO_ROWS) {
        let w1 = weights[weight_line + row1];
        (*o).r1d0 += outer(w1, column_tile[at]);
        if (HAS_TWO_FOURS) { (*o).r1d1 += outer(w1, column_tile[at + ACROSS]); }
      }
    }
  }
}

fn scaled(o: mat4x4f, by: vec4f) -> mat4x4f { return mat4x4f(o[0] * by.x, o[1] * by.y, o[2] * by.z, o[3] * by.w); }

fn scale_rows(o: ptr<function, Sums>, by0: vec4f, by1: vec4f) {
  (*o).r0d0 = scaled((*o).r0d0, by0);
  if (HAS_TWO_FOURS) { (*o).r0d1 = scaled((*o).r0d1, by0); }
  if (HAS_TWO_ROWS) {
    (*o).r1d0 = scaled((*o).r1d0, by1);
    if (HAS_TWO_FOURS) { (*o).r1d1 = scaled((*o).r1d1, by1); }
  }
}
