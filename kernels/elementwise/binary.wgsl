// elementwise/binary: one function of two tensors, with broadcasting.
//   dense       y[i] = f(a[i], b[i])
//   rows        y[r, c] = f(a[r, c], b[c]): a bias; one lane keeps b for ROWS rows
//   strided     y = f(a, b) for any strides: each lane computes SPAN adjacent elements of the last axis, which pays the
//     divisions once
//   backward_a  da = dy · ∂f/∂a (MAX, MIN: one half each where a = b)      backward_b  db = dy · ∂f/∂b
// The gradients of ADD, SUB, MUL and DIV are such functions themselves.
// MAX and MIN give NaN where a or b is NaN.
// Shapes: up to 4 axes after adjacent ones are merged; y dense. T and U are vec4s where sizes and offsets (then in
// vec4s) allow.
// Grid: dense, backward: ceil(items / (WG · STEPS)); rows: ceil(cols · ceil(rows / ROWS) / WG); strided: ceil(lines ·
// parts / WG); all in a line.
// Traffic: 12 bytes per element (8 where b repeats).
// uses: lib/broadcast_pair.wgsl, lib/extremes.wgsl, lib/run.wgsl, lib/turns.wgsl

alias T = vec4<f32>; // tune: f32 vec4<f32>
alias U = vec4<u32>; // tune: u32 vec4<u32>

@group(0) @binding(3) var<storage, read_write> y: array<T>;
@group(0) @binding(4) var<storage, read> dy: array<T>;

const ADD = 0u;
const SUB = 1u;
const MUL = 2u;
const DIV = 3u;
const MAX = 4u;
const MIN = 5u;
const OP = ADD; // tune: ADD SUB MUL DIV MAX MIN
const WG = 64u;
const STEPS = 1u; // tune: 1u 4u 16u 64u
const ROWS = 8u;
const SPAN = 8u;

fn f(u: T, v: T) -> T {
  switch OP {
    case SUB { return u - v; }
    case MUL { return u * v; }
    case DIV { return u / v; }
    case MAX { return greater(u, v); }
    case MIN { return lesser(u, v); }
    default { return u + v; }
  }
}

@compute @workgroup_size(WG)
fn dense(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i] = f(a[params.a_offset + i], b[params.b_offset + i]);
    i += 8u;
  }
}

// Here n2 is the number of rows and n3 that of columns.
@compute @workgroup_size(WG)
fn rows(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  let first = item / params.n3 * ROWS;
  let col = item % params.n3;
  if (first >= params.n2) { return; }
  let kept = b[params.b_offset + col];
  var i = first * params.n3 + col;
  for (var left = min(ROWS, params.n2 - first); left > 0u; left--) {
    y[i] = f(a[params.a_offset + i], kept);
    i += params.n3;
  }
}

@compute @workgroup_size(WG)
fn strided(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let item = (wg.y * count.x + wg.x) * WG + lane;
  if (item >= params.items) { return; }
  let span = span_of(item);
  var k = span.first;
  for (var left = turns(k, span.end, 1u); left > 0u; left--) {
    y[span.to + k] = f(a[span.from_a + k * params.a_stride3], b[span.from_b + k * params.b_stride3]);
    k++;
  }
}

// The part of g that goes to u: none where f takes v, not even ∞ or NaN; all where one of them is NaN.
fn share_of(g: T, u: T, v: T) -> T {
  if (OP == MIN) { return select(select(g, T(0.0), u > v), 0.5 * g, u == v); }
  return select(select(g, T(0.0), u < v), 0.5 * g, u == v);
}

@compute @workgroup_size(WG)
fn backward_a(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i] = share_of(dy[i], a[i], b[i]);
    i += 8u;
  }
}

@compute @workgroup_size(WG)
fn backward_b(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i] = share_of(dy[i], b[i], a[i]);
    i += 8u;
  }
}
