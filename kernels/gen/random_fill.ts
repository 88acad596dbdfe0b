// Generated from kernels/random/fill.wgsl by npm run codegen. Do not edit.
export const randomFill = {
  name: 'random/fill',
  file: 'kernels/random/fill.wgsl',
  code: "// random/fill: tensors of random numbers from key (seed, step) and counter (element / 4, stream + key[2]).\n//   uniform  y = low + (high - low) · u            normal  y = low + high · z, by Box and Muller from the word pairs\n//            (0, 1) and (2, 3)\n//   words    y = the bits themselves\n// Shapes: y [size], dense, in vec4s. Grid: four elements per lane, ceil(size / 4 / WG) workgroups in a line. Traffic: 4\n// bytes per element.\n// uses: lib/random.wgsl\n\nstruct Params { vectors: u32, stream: u32, low: f32, high: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> key: array<u32>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn words(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { y[i] = philox(vec2u(key[0], key[1]), i, params.stream + key[2]); }\n}\n\n@compute @workgroup_size(WG)\nfn uniform_floats(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i >= params.vectors) { return; }\n  let u = unit_floats(philox(vec2u(key[0], key[1]), i, params.stream + key[2]));\n  y[i] = bitcast<vec4u>(params.low + (params.high - params.low) * u);\n}\n\n@compute @workgroup_size(WG)\nfn normal_floats(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i >= params.vectors) { return; }\n  let u = unit_floats(philox(vec2u(key[0], key[1]), i, params.stream + key[2]));\n  let radius = sqrt(-2.0 * log(1.0 - u.xz));\n  let angle = 6.2831853 * u.yw;\n  let z = vec4f(radius.x * cos(angle.x), radius.x * sin(angle.x), radius.y * cos(angle.y), radius.y * sin(angle.y));\n  y[i] = bitcast<vec4u>(params.low + params.high * z);\n}\n",
  uses: ['lib/random.wgsl'],
  lib: "// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: \"Parallel Random Numbers: As Easy as 1, 2, 3\", SC 2011), the twin of\n// engine/src/tensor/philox.ts: the same bits. key = (seed, step), counter = (index, stream, 0, 0); element i of a\n// tensor takes word i & 3 of block i >> 2.\n\n// Upper 32 bits of a · b.\nfn mul_high(a: u32, b: u32) -> u32 {\n  let a0 = a & 0xffffu;\n  let a1 = a >> 16u;\n  let b0 = b & 0xffffu;\n  let b1 = b >> 16u;\n  let middle = a1 * b0 + ((a0 * b0) >> 16u);\n  let cross = a0 * b1 + (middle & 0xffffu);\n  return a1 * b1 + (middle >> 16u) + (cross >> 16u);\n}\n\nfn philox(key: vec2u, index: u32, stream: u32) -> vec4u {\n  var v = vec4u(index, stream, 0u, 0u);\n  var k = key;\n  for (var round = 0u; round < 10u; round++) {\n    v = vec4u(mul_high(0xcd9e8d57u, v.z) ^ v.y ^ k.x, v.z * 0xcd9e8d57u, mul_high(0xd2511f53u, v.x) ^ v.w ^ k.y, v.x\n      * 0xd2511f53u);\n    k += vec2u(0x9e3779b9u, 0xbb67ae85u);\n  }\n  return v;\n}\n\n// [0, 1) with 24 bits, exact in f32.\nfn unit_floats(bits: vec4u) -> vec4f { return vec4f(bits >> vec4u(8u)) * 0x1p-24; }\n",
  params: [
    { name: 'vectors', type: 'u32', offset: 0 },
    { name: 'stream', type: 'u32', offset: 4 },
    { name: 'low', type: 'f32', offset: 8 },
    { name: 'high', type: 'f32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'key', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec4<u32>' },
  ],
  tunables: [],
  entries: {
    words: { bindings: ['params', 'key', 'y'], workgroupSize: ['WG'] },
    uniform_floats: { bindings: ['params', 'key', 'y'], workgroupSize: ['WG'] },
    normal_floats: { bindings: ['params', 'key', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
