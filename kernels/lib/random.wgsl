// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), the twin of
// engine/src/tensor/philox.ts: the same bits. key = (seed, step), counter = (index, stream, 0, 0); element i of a
// tensor takes word i & 3 of block i >> 2.

// Upper 32 bits of a · b.
fn mul_high(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let cross = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (cross >> 16u);
}

fn philox(key: vec2u, index: u32, stream: u32) -> vec4u {
  var v = vec4u(index, stream, 0u, 0u);
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    v = vec4u(mul_high(0xcd9e8d57u, v.z) ^ v.y ^ k.x, v.z * 0xcd9e8d57u, mul_high(0xd2511f53u, v.x) ^ v.w ^ k.y, v.x
      * 0xd2511f53u);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return v;
}

// [0, 1) with 24 bits, exact in f32.
fn unit_floats(bits: vec4u) -> vec4f { return vec4f(bits >> vec4u(8u)) * 0x1p-24; }
