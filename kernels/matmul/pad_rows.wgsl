// matmul/pad_rows: y[r, c] = x[r, c] with rows `pitch` vec4s apart in y. Rows of an operand that lie a large power of
// two apart fall into one set of the CPU's L1 cache, where a product that walks many rows at once evicts what
// it will need next: a copy first costs far less (1024³: 1.4 times as fast).
// Shapes: x float[rows, 4 · width], y float[rows, 4 · pitch]; width a multiple of 64, which is what a run of
// lib/run.wgsl covers.
// Grid: ceil(rows · width / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element.
// uses: lib/run.wgsl, lib/turns.wgsl

struct Params { items: u32, width: u32, pitch: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

const WG = 64u;
const STEPS = 8u;

@compute @workgroup_size(WG)
fn pad(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let begin = run_begin(wg, count, lane);
  let end = run_end(begin, params.items);
  let gap = begin / params.width * (params.pitch - params.width);
  var i = begin;
  for (var left = turns(i, end, 8u); left > 0u; left--) {
    y[i + gap] = x[i];
    i += 8u;
  }
}
