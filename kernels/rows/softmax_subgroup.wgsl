enable subgroups;
// rows/softmax_subgroup: over the last axis, one subgroup for STRIP rows in turn, four adjacent columns a lane; no
// barrier. Contract of rows/softmax_naive, for cols a multiple of 4.
//   forward   y = exp(x - max x) / Σ exp(x - max x)
//   backward  dx = y · (dy - Σ y·dy)
// Shapes: x, y, dy, dx float[rows, cols], dense. Grid: ceil(rows / (WG / SG · STRIP)) workgroups in a line. Accumulates
// in f32.
// Traffic: 8 bytes per element forward, 12 backward (ideal). The largest and the sum are found in one pass; the
// exponentials are computed twice rather than stored: measured faster. A long strip pays for the start of a subgroup
// once, which matters on a software adapter. A row of -∞ alone gives 1/n.
// uses: lib/subgroup_reduce.wgsl, lib/online_sum.wgsl, lib/special_values.wgsl, lib/turns.wgsl

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> y_saved: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u
const STRIP = 1u; // tune: 1u 4u 8u

fn first_row(wg: vec3u, count: vec3u, index: u32) -> u32 {
  return ((wg.y * count.x + wg.x) * (WG / SG) + index / SG) * STRIP;
}

// A row past the end is the last one once more, so that control flow stays uniform in a subgroup: the same lanes store
// the same numbers twice. A subgroup that begins past the end stores nothing.
@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let first = first_row(wg, count, index);
  let lane = index % SG;
  let vec4s = params.cols / 4u;
  for (var r = 0u; r < STRIP; r++) {
    let begin = min(first + r, params.rows - 1u) * vec4s;
    var seen = online_start();
    var i = lane;
    let main = vec4s - vec4s % (4u * SG);
    for (var left = turns(i, main, 4u * SG); left > 0u; left--) {
      let a = x[begin + i];
      let b = x[begin + i + SG];
      let c = x[begin + i + 2u * SG];
      let d = x[begin + i + 3u * SG];
      seen = online_sixteen(seen, a, b, c, d);
      i += 4u * SG;
    }
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      seen = online_four(seen, x[begin + i]);
      i += SG;
    }
    let all = online_subgroup(seen);
    let scale = select(1.0 / all.total, 0.0, all.total == 0.0);
    let level = select(0.0, 1.0 / f32(params.cols), all.total == 0.0);
    if (first < params.rows) {
      let twos = vec4s - vec4s % (2u * SG);
      for (i = lane; i < twos; i += 2u * SG) {
        let a = x[begin + i];
        let b = x[begin + i + SG];
        y[begin + i] = exp(a - all.top) * scale + level;
        y[begin + i + SG] = exp(b - all.top) * scale + level;
      }
      for (var left = turns(i, vec4s, SG); left > 0u; left--) {
        y[begin + i] = exp(x[begin + i] - all.top) * scale + level;
        i += SG;
      }
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let first = first_row(wg, count, index);
  let lane = index % SG;
  let vec4s = params.cols / 4u;
  for (var r = 0u; r < STRIP; r++) {
    let begin = min(first + r, params.rows - 1u) * vec4s;
    var along = vec4f();
    var i = lane;
    for (var left = turns(i, vec4s, SG); left > 0u; left--) {
      along += y_saved[begin + i] * dy[begin + i];
      i += SG;
    }
    let shared_part = subgroup_sum(dot(along, vec4f(1.0)));
    if (first < params.rows) {
      i = lane;
      for (var left = turns(i, vec4s, SG); left > 0u; left--) {
        dx[begin + i] = y_saved[begin + i] * (dy[begin + i] - shared_part);
        i += SG;
      }
    }
  }
}
