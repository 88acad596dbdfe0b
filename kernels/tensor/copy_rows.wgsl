// tensor/copy_rows: tensor/copy_elements for a view whose last axis has some length: rows of it, eight lanes along
// each, so that one index computation serves many elements.
//   gather   y[r · cols + c] = x[place(r) + c · step]        scatter  y[place(r) + c · step] = x[r · cols + c]
// place(r) = Σ_k coordinate_k(r) · stride_k over the view's axes but the last, the outermost first; size_k is the
// length of axis k; AXES of them are used.
// Elements are four neighbours each where T is vec4<u32>: then sizes, offsets and strides count vec4s, and step is 1.
// Grid: as lib/row_run says, each eight lanes taking ROWS rows one after the other. Traffic: 8 bytes per element.
// uses: lib/row_run.wgsl, lib/turns.wgsl

struct Params {
  rows: u32, cols: u32, step: u32, x_offset: u32, y_offset: u32,
  stride0: u32, stride1: u32, stride2: u32, stride3: u32, stride4: u32,
  size1: u32, size2: u32, size3: u32, size4: u32,
}

alias T = vec4<u32>; // tune: u32 vec4<u32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

const WG = 64u;
const STEPS = 1u; // tune: 1u 32u
const ROWS = 1u; // tune: 1u 4u 16u
const AXES = 1u; // tune: 1u 2u 3u 4u 5u

// Where a row of the view begins, and its coordinates along the axes but the first.
struct Place { at: u32, c1: u32, c2: u32, c3: u32, c4: u32 }

fn place(row: u32) -> Place {
  var rest = row;
  var p = Place();
  if (AXES > 4u) {
    p.c4 = rest % params.size4;
    rest /= params.size4;
  }
  if (AXES > 3u) {
    p.c3 = rest % params.size3;
    rest /= params.size3;
  }
  if (AXES > 2u) {
    p.c2 = rest % params.size2;
    rest /= params.size2;
  }
  if (AXES > 1u) {
    p.c1 = rest % params.size1;
    rest /= params.size1;
  }
  p.at = rest * params.stride0 + p.c1 * params.stride1 + p.c2 * params.stride2 + p.c3 * params.stride3
    + p.c4 * params.stride4;
  return p;
}

// The next row's, without divisions: an axis at its end begins again, and the one before it moves on.
fn next_place(p: Place) -> Place {
  var n = p;
  var moves = true;
  if (AXES > 4u) {
    n.at += params.stride4;
    n.c4++;
    moves = n.c4 == params.size4;
    n.at -= select(0u, params.size4 * params.stride4, moves);
    n.c4 = select(n.c4, 0u, moves);
  }
  if (AXES > 3u) {
    n.at += select(0u, params.stride3, moves);
    n.c3 += u32(moves);
    moves = n.c3 == params.size3;
    n.at -= select(0u, params.size3 * params.stride3, moves);
    n.c3 = select(n.c3, 0u, moves);
  }
  if (AXES > 2u) {
    n.at += select(0u, params.stride2, moves);
    n.c2 += u32(moves);
    moves = n.c2 == params.size2;
    n.at -= select(0u, params.size2 * params.stride2, moves);
    n.c2 = select(n.c2, 0u, moves);
  }
  if (AXES > 1u) {
    n.at += select(0u, params.stride1, moves);
    n.c1 += u32(moves);
    moves = n.c1 == params.size1;
    n.at -= select(0u, params.size1 * params.stride1, moves);
    n.c1 = select(n.c1, 0u, moves);
  }
  n.at += select(0u, params.stride0, moves);
  return n;
}

@compute @workgroup_size(WG)
fn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let first = run_row(wg, count, lane) * ROWS;
  var p = place(first);
  var row = first;
  for (var left = turns(row, min(first + ROWS, params.rows), 1u); left > 0u; left--) {
    let source = params.x_offset + p.at;
    var col = col_begin(wg, lane);
    for (var more = turns(col, col_end(wg, params.cols), 8u); more > 0u; more--) {
      y[params.y_offset + row * params.cols + col] = x[source + col * params.step];
      col += 8u;
    }
    if (ROWS > 1u) { p = next_place(p); }
    row++;
  }
}

@compute @workgroup_size(WG)
fn scatter(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let first = run_row(wg, count, lane) * ROWS;
  var p = place(first);
  var row = first;
  for (var left = turns(row, min(first + ROWS, params.rows), 1u); left > 0u; left--) {
    let goal = params.y_offset + p.at;
    var col = col_begin(wg, lane);
    for (var more = turns(col, col_end(wg, params.cols), 8u); more > 0u; more--) {
      y[goal + col * params.step] = x[params.x_offset + row * params.cols + col];
      col += 8u;
    }
    if (ROWS > 1u) { p = next_place(p); }
    row++;
  }
}
