// Two tensors of any strides, broadcast to one shape: params, bindings, and where a lane finds SPAN adjacent elements
// of the last axis, which pays the divisions once.
// Needs in the kernel: alias T, const SPAN.

struct Params {
  items: u32, a_offset: u32, b_offset: u32,
  parts: u32, n1: u32, n2: u32, n3: u32,
  a_stride0: u32, a_stride1: u32, a_stride2: u32, a_stride3: u32,
  b_stride0: u32, b_stride1: u32, b_stride2: u32, b_stride3: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> b: array<T>;

// Elements first … end of a line of the result, which begins at `to`, and where the lines of a and b begin.
struct Span { first: u32, end: u32, to: u32, from_a: u32, from_b: u32 }

fn span_of(item: u32) -> Span {
  let line = item / params.parts;
  let first = (item - line * params.parts) * SPAN;
  let upper = line / params.n2;
  let c2 = line - upper * params.n2;
  let c0 = upper / params.n1;
  let c1 = upper - c0 * params.n1;
  let from_a = params.a_offset + c0 * params.a_stride0 + c1 * params.a_stride1 + c2 * params.a_stride2;
  let from_b = params.b_offset + c0 * params.b_stride0 + c1 * params.b_stride1 + c2 * params.b_stride2;
  return Span(first, min(first + SPAN, params.n3), line * params.n3, from_a, from_b);
}
