// Four elements of a row that begins at `row`, from element d on; 0 past the width, where nothing is stored.
// Needs in the kernel: alias T = f32, lib/attention_buffers.wgsl, lib/attention_operands.wgsl.

fn inside(d: u32) -> vec4<bool> { return vec4u(d, d + 1u, d + 2u, d + 3u) < vec4u(params.width); }
fn load_q(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(q[row + d], q[row + d + 1u], q[row + d + 2u], q[row + d + 3u]), inside(d));
}
fn load_k(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(k[row + d], k[row + d + 1u], k[row + d + 2u], k[row + d + 3u]), inside(d));
}
fn load_v(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(v[row + d], v[row + d + 1u], v[row + d + 2u], v[row + d + 3u]), inside(d));
}
fn load_dy(row: u32, d: u32) -> vec4f {
  return select(vec4f(), vec4f(dy[row + d], dy[row + d + 1u], dy[row + d + 2u], dy[row + d + 3u]), inside(d));
}

fn store_y(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { y[row + d] = four.x; }
  if (d + 1u < params.width) { y[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { y[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { y[row + d + 3u] = four.w; }
}

fn store_dq(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { dq[row + d] = four.x; }
  if (d + 1u < params.width) { dq[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { dq[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { dq[row + d + 3u] = four.w; }
}

fn store_dk(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { dk[row + d] = four.x; }
  if (d + 1u < params.width) { dk[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { dk[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { dk[row + d + 3u] = four.w; }
}

fn store_dv(row: u32, d: u32, four: vec4f) {
  if (d < params.width) { dv[row + d] = four.x; }
  if (d + 1u < params.width) { dv[row + d + 1u] = four.y; }
  if (d + 2u < params.width) { dv[row + d + 2u] = four.z; }
  if (d + 3u < params.width) { dv[row + d + 3u] = four.w; }
}
