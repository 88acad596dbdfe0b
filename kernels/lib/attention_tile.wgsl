// The two small products that attention tiles are made of. Needs nothing in the kernel.

/// a·b0, a·b1, a·b2, a·b3.
fn dots(a: vec4f, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  return a.x * vec4f(b0.x, b1.x, b2.x, b3.x) + a.y * vec4f(b0.y, b1.y, b2.y, b3.y) + a.z
    * vec4f(b0.z, b1.z, b2.z, b3.z) + a.w * vec4f(b0.w, b1.w, b2.w, b3.w);
}

/// Σ p[i] · v_i.
fn mix4(p: vec4f, v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f) -> vec4f {
  return p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
}
