// reduce/spread: the gradients of reductions over a middle axis.
//   spread  dx[o, k, c] = scale · dy[o, c]                        of sum and mean
//   pick    dx[o, k, c] = (k = chosen[o, c]) ? dy[o, c] : 0       of max and min
// Shapes: dx float[outer, rows, cols], dy float[outer, cols], chosen u32[outer, cols], dense. T and I are vec4s where
// cols is a multiple of 4.
// Grid: each lane computes SPAN rows of a column, ceil(outer · parts · cols / WG) workgroups in a line. Traffic: 4
// bytes per element.
// uses: lib/turns.wgsl

struct Params { outer: u32, rows: u32, cols: u32, parts: u32, scale: f32 }

alias T = f32; // tune: f32 vec4<f32>
alias I = u32; // tune: u32 vec4<u32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> chosen: array<I>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;

const WG = 64u;
const SPAN = 8u;

struct Place { is_inside: bool, source: u32, first: u32, last: u32, start: u32 }

fn place(item: u32) -> Place {
  let upper = item / params.cols;
  let col = item - upper * params.cols;
  let o = upper / params.parts;
  let first = (upper - o * params.parts) * SPAN;
  return Place(item < params.outer * params.parts * params.cols, o * params.cols + col, first,
    min(first + SPAN, params.rows), o * params.rows * params.cols + col);
}

@compute @workgroup_size(WG)
fn spread(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let p = place((wg.y * count.x + wg.x) * WG + lane);
  if (!p.is_inside) { return; }
  let value = dy[p.source] * params.scale;
  var k = p.first;
  for (var left = turns(k, p.last, 1u); left > 0u; left--) {
    dx[p.start + k * params.cols] = value;
    k++;
  }
}

@compute @workgroup_size(WG)
fn pick(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let p = place((wg.y * count.x + wg.x) * WG + lane);
  if (!p.is_inside) { return; }
  let value = dy[p.source];
  let winner = chosen[p.source];
  var k = p.first;
  for (var left = turns(k, p.last, 1u); left > 0u; left--) {
    dx[p.start + k * params.cols] = select(T(), value, winner == I(k));
    k++;
  }
}
