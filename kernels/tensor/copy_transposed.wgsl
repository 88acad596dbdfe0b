// tensor/copy_transposed: tensor/copy_elements for a view that is contiguous along an axis other than the last: tiles
// of 32 rows by 64 columns go through workgroup memory, so that both sides are read and written along memory. For real
// GPUs.
//   gather   y[place(o) + r · dense_step + c] = x[view(o) + r + c · view_step]        scatter  the other way
// o counts the axes beside those two, at most three; view and place are Σ_k coordinate_k(o) · stride_k of the view and
// of the dense tensor, the outermost first; size_k is the length of axis k. The axis of r has `rows` elements, which
// are neighbours in the view, the last axis, of c, has cols. 32-bit elements of any kind. Grid: outer · ceil(rows / 32)
// · ceil(cols / 64) workgroups in a line. Traffic: 8 bytes per element.

struct Params {
  outer: u32, rows: u32, cols: u32, view_step: u32, dense_step: u32, x_offset: u32, y_offset: u32,
  view0: u32, view1: u32, view2: u32, dense0: u32, dense1: u32, dense2: u32, size1: u32, size2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

const ROWS = 32u;
const COLS = 64u;
const WG = 256u;
/// Elements a lane moves; all its loads are in flight together.
const EACH = ROWS * COLS / WG;
const PITCH = ROWS + 1u; // columns one bank apart
var<workgroup> tile: array<u32, COLS * PITCH>;

struct Place { is_inside: bool, view: u32, dense: u32, row: u32, col: u32 }

fn place_of(item: u32) -> Place {
  let across = (params.cols + COLS - 1u) / COLS;
  let down = (params.rows + ROWS - 1u) / ROWS;
  let line = item / across;
  let o = line / down;
  let c2 = o % params.size2;
  let upper = o / params.size2;
  let c1 = upper % params.size1;
  let c0 = upper / params.size1;
  return Place(o < params.outer, c0 * params.view0 + c1 * params.view1 + c2 * params.view2,
    c0 * params.dense0 + c1 * params.dense1 + c2 * params.dense2,
    (line - o * down) * ROWS, (item - line * across) * COLS);
}

fn view_at(at: Place, row: u32, col: u32) -> u32 { return at.view + at.row + row + (at.col + col) * params.view_step; }
fn dense_at(at: Place, row: u32, col: u32) -> u32 {
  return at.dense + (at.row + row) * params.dense_step + at.col + col;
}

@compute @workgroup_size(WG)
fn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let at = place_of(wg.y * count.x + wg.x);
  if (!at.is_inside) { return; }
  let last_row = params.rows - 1u - at.row;
  let last_col = params.cols - 1u - at.col;
  var held: array<u32, EACH>;
  // Past an edge the last element once more: loads without branches are in flight together.
  for (var n = 0u; n < EACH; n++) {
    let col = lane / ROWS + n * (WG / ROWS);
    held[n] = x[params.x_offset + view_at(at, min(lane % ROWS, last_row), min(col, last_col))];
  }
  for (var n = 0u; n < EACH; n++) { tile[(lane / ROWS + n * (WG / ROWS)) * PITCH + lane % ROWS] = held[n]; }
  workgroupBarrier();
  let col = lane % COLS;
  for (var n = 0u; n < EACH; n++) {
    let row = lane / COLS + n * (WG / COLS);
    if (row <= last_row && col <= last_col) { y[params.y_offset + dense_at(at, row, col)] = tile[col * PITCH + row]; }
  }
}

@compute @workgroup_size(WG)
fn scatter(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let at = place_of(wg.y * count.x + wg.x);
  if (!at.is_inside) { return; }
  let last_row = params.rows - 1u - at.row;
  let last_col = params.cols - 1u - at.col;
  var held: array<u32, EACH>;
  // As in gather.
  for (var n = 0u; n < EACH; n++) {
    let row = lane / COLS + n * (WG / COLS);
    held[n] = x[params.x_offset + dense_at(at, min(row, last_row), min(lane % COLS, last_col))];
  }
  for (var n = 0u; n < EACH; n++) { tile[lane % COLS * PITCH + lane / COLS + n * (WG / COLS)] = held[n]; }
  workgroupBarrier();
  let row = lane % ROWS;
  for (var n = 0u; n < EACH; n++) {
    let col = lane / ROWS + n * (WG / ROWS);
    if (row <= last_row && col <= last_col) { y[params.y_offset + view_at(at, row, col)] = tile[col * PITCH + row]; }
  }
}
