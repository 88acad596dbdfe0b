// attention/rotate: rotary position embedding in the layout of Hugging Face ("rotate half").
//   forward   y[d] = x[d] · cos a - x[d + D/2] · sin a,   y[d + D/2] = x[d + D/2] · cos a + x[d] · sin a,   d < D/2
//   backward  the same with -a (a rotation's transpose): sign = -1
// a = position · theta^(-2d/D). The angle is never formed: table holds cos, sin of the low and the high byte of the
// position, computed in float64, and their complex product is the rotation; so every position from 0 to 65535 is right
// to f32 and equal on every driver; any other gives NaN.
// Shapes: x float[B, T, H, D] with strides (last axis dense), y float[B, T, H, D] dense; table float[low or high, cos
// or sin, 256, D/2]; positions i32: [B, T], [T] or [1] = the first of a run. rotate_two: x2, y2 [B, T, H2, D] as well,
// as q and k are. T is vec4<f32> where D/2, strides and offsets (then counted in vec4s) are multiples of 4.
// Grid: one lane for each (b, t, d) in x and y, and for a share of the heads, which it takes in a loop, in z.
// Traffic: 8 bytes per element (ideal). Source: Su et al. 2021.
// uses: lib/special_values.wgsl, lib/turns.wgsl

struct Params {
  tokens: u32, heads: u32, half_width: u32, lanes: u32,
  x_offset: u32, x_batch: u32, x_token: u32, x_head: u32,
  heads2: u32, x2_offset: u32, x2_batch: u32, x2_token: u32, x2_head: u32,
  mode: u32, start: u32, sign: f32,
}

alias T = f32; // tune: f32 vec4<f32>

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> table: array<T>;
@group(0) @binding(3) var<storage, read> positions: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<T>;
@group(0) @binding(5) var<storage, read> x2: array<T>;
@group(0) @binding(6) var<storage, read_write> y2: array<T>;

const WG = 64u;

// mode: 0 = start + the token's index, 1 = that with positions[0] for start, 2 = positions[t], 3 = positions[b, t]
fn position_of(b: u32, t: u32) -> u32 {
  if (params.mode == 1u) { return t + u32(positions[0]); }
  if (params.mode == 2u) { return u32(positions[t]); }
  if (params.mode == 3u) { return u32(positions[b * params.tokens + t]); }
  return params.start + t;
}

// What a lane rotates, how many heads from which one on, and by which angle.
struct Turn { token: u32, b: u32, t: u32, d: u32, head: u32, heads: u32, cosine: T, sine: T }

fn turn_of(i: u32, share: u32, shares: u32) -> Turn {
  let heads = (max(params.heads, params.heads2) + shares - 1u) / shares;
  let token = i / params.half_width;
  let d = i - token * params.half_width;
  let b = token / params.tokens;
  let t = token - b * params.tokens;
  let position = position_of(b, t);
  let low = (position & 255u) * params.half_width + d;
  let high = (512u + ((position >> 8u) & 255u)) * params.half_width + d;
  let plane = 256u * params.half_width;
  let beyond = position >= 65536u; // below 0 too, which wraps
  let cosine = select(table[low] * table[high] - table[low + plane] * table[high + plane], T(quiet_nan()), beyond);
  let sine = params.sign * (table[low] * table[high + plane] + table[low + plane] * table[high]);
  return Turn(token, b, t, d, share * heads, heads, cosine, sine);
}

fn rotate_x(turn: Turn) {
  var read_at = params.x_offset + turn.b * params.x_batch + turn.t * params.x_token + turn.head * params.x_head
    + turn.d;
  var write_at = (turn.token * params.heads + turn.head) * 2u * params.half_width + turn.d;
  for (var left = turns(turn.head, min(turn.head + turn.heads, params.heads), 1u); left > 0u; left--) {
    let first = x[read_at];
    let second = x[read_at + params.half_width];
    y[write_at] = first * turn.cosine - second * turn.sine;
    y[write_at + params.half_width] = second * turn.cosine + first * turn.sine;
    read_at += params.x_head;
    write_at += 2u * params.half_width;
  }
}

fn rotate_x2(turn: Turn) {
  var read_at = params.x2_offset + turn.b * params.x2_batch + turn.t * params.x2_token + turn.head * params.x2_head
    + turn.d;
  var write_at = (turn.token * params.heads2 + turn.head) * 2u * params.half_width + turn.d;
  for (var left = turns(turn.head, min(turn.head + turn.heads, params.heads2), 1u); left > 0u; left--) {
    let first = x2[read_at];
    let second = x2[read_at + params.half_width];
    y2[write_at] = first * turn.cosine - second * turn.sine;
    y2[write_at + params.half_width] = second * turn.cosine + first * turn.sine;
    read_at += params.x2_head;
    write_at += 2u * params.half_width;
  }
}

@compute @workgroup_size(WG)
fn rotate(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.lanes) { return; }
  rotate_x(turn_of(i, wg.z, count.z));
}

@compute @workgroup_size(WG)
fn rotate_two(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i >= params.lanes) { return; }
  let turn = turn_of(i, wg.z, count.z);
  rotate_x(turn);
  rotate_x2(turn);
}
