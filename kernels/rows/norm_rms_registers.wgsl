enable subgroups;
// rows/norm_rms_registers: root-mean-square normalisation over a short last axis, one subgroup for STRIP rows, of which
// each lane holds four vec4s in registers, so that a row is read once. Contract of rows/norm_rms_naive, for cols a
// multiple of 4, at most 16 · SG.
//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)
//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd
// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd. Dense.
// Grid: ceil(rows / (WG / SG · STRIP)) workgroups in a line. Accumulates in f32, as rows/norm_rms_subgroup does.
// Traffic: 8 bytes per element forward, 12 backward. Source: Zhang & Sennrich 2019.
// uses: lib/norm_rms_operands.wgsl, lib/subgroup_rows.wgsl, lib/subgroup_reduce.wgsl, lib/row_values.wgsl, lib/narrow_rows.wgsl, lib/narrowing.wgsl, lib/turns.wgsl

alias T = vec4<f32>;
const WIDTH = 4u;

const SG = 8u; // tune: 4u 8u 16u 32u 64u
const WG = 64u; // tune: 64u 128u 256u
const STRIP = 1u; // tune: 1u 4u 8u

/// A lane's part of a row: vec4s `lane`, `lane + SG` …, 0 past the end.
struct Part { a: vec4f, b: vec4f, c: vec4f, d: vec4f }

fn x_at(begin: u32, i: u32, vec4s: u32) -> vec4f {
  return select(vec4f(), x[begin + min(i, vec4s - 1u)], i < vec4s);
}

fn dy_at(begin: u32, i: u32, vec4s: u32) -> vec4f {
  return select(vec4f(), dy[begin + min(i, vec4s - 1u)], i < vec4s);
}

fn x_part(begin: u32, i: u32, vec4s: u32) -> Part {
  return Part(x_at(begin, i, vec4s), x_at(begin, i + SG, vec4s), x_at(begin, i + 2u * SG, vec4s),
    x_at(begin, i + 3u * SG, vec4s));
}

fn dy_part(begin: u32, i: u32, vec4s: u32) -> Part {
  return Part(dy_at(begin, i, vec4s), dy_at(begin, i + SG, vec4s), dy_at(begin, i + 2u * SG, vec4s),
    dy_at(begin, i + 3u * SG, vec4s));
}

fn weight_part(i: u32, vec4s: u32) -> Part {
  let last = vec4s - 1u;
  return Part(weight[min(i, last)], weight[min(i + SG, last)], weight[min(i + 2u * SG, last)],
    weight[min(i + 3u * SG, last)]);
}

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let first = subgroup_id(wg, count, index) * STRIP;
  let lane = index % SG;
  let vec4s = params.cols / 4u;
  let scale = weight_part(lane, vec4s);
  for (var r = 0u; r < STRIP; r++) {
    let row = at(first + r);
    let begin = row * vec4s;
    let p = x_part(begin, lane, vec4s);
    let squares = p.a * p.a + p.b * p.b + p.c * p.c + p.d * p.d;
    let square = subgroup_sum(dot(squares, vec4f(1.0))) / f32(params.cols);
    var rstd = 1.0 / sqrt(square + params.eps);
    if (overflows(square)) { rstd = -narrow_rms(begin, vec4s); }
    let k = narrowing(rstd);
    let size = abs(rstd);
    if (first < params.rows) {
      if (lane == 0u) { stats[row] = rstd; }
      if (lane < vec4s) { y[begin + lane] = p.a * k * size * scale.a; }
      if (lane + SG < vec4s) { y[begin + lane + SG] = p.b * k * size * scale.b; }
      if (lane + 2u * SG < vec4s) { y[begin + lane + 2u * SG] = p.c * k * size * scale.c; }
      if (lane + 3u * SG < vec4s) { y[begin + lane + 3u * SG] = p.d * k * size * scale.d; }
    }
  }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) index: u32) {
  let first = subgroup_id(wg, count, index) * STRIP;
  let lane = index % SG;
  let vec4s = params.cols / 4u;
  let scale = weight_part(lane, vec4s);
  for (var r = 0u; r < STRIP; r++) {
    let row = at(first + r);
    let begin = row * vec4s;
    let rstd = stats_saved[row];
    let k = narrowing(rstd);
    let size = abs(rstd);
    let x_row = x_part(begin, lane, vec4s);
    let dy_row = dy_part(begin, lane, vec4s);
    let sums = dy_row.a * scale.a * (x_row.a * k) + dy_row.b * scale.b * (x_row.b * k)
      + dy_row.c * scale.c * (x_row.c * k) + dy_row.d * scale.d * (x_row.d * k);
    let along = subgroup_sum(dot(sums, vec4f(1.0))) * rstd * rstd / f32(params.cols);
    if (first < params.rows) {
      if (lane < vec4s) { dx[begin + lane] = size * (dy_row.a * scale.a - x_row.a * k * along) * k; }
      if (lane + SG < vec4s) { dx[begin + lane + SG] = size * (dy_row.b * scale.b - x_row.b * k * along) * k; }
      if (lane + 2u * SG < vec4s) {
        dx[begin + lane + 2u * SG] = size * (dy_row.c * scale.c - x_row.c * k * along) * k;
      }
      if (lane + 3u * SG < vec4s) {
        dx[begin + lane + 3u * SG] = size * (dy_row.d * scale.d - x_row.d * k * along) * k;
      }
    }
  }
}
