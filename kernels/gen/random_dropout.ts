// Generated from kernels/random/dropout.wgsl by npm run codegen. Do not edit.
export const randomDropout = {
  name: 'random/dropout',
  file: 'kernels/random/dropout.wgsl',
  code: "// random/dropout: zeroes elements at random and scales the rest; the mask is drawn again for the gradient, nothing is\n// kept.\n//   forward   y = u ≥ p ? x · scale : 0, scale = 1 / (1 - p)        backward  the same on dy\n// u is uniform from key (seed, step) and counter (element / 4, stream + key[2]). Shapes: x, y float[size], dense, in\n// vec4s.\n// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element; the ten rounds cost more.\n// uses: lib/random.wgsl, lib/run.wgsl, lib/turns.wgsl\n\nstruct Params { vectors: u32, stream: u32, p: f32, scale: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> key: array<u32>;\n@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;\n@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;\n\nconst WG = 64u;\nconst STEPS = 1u; // tune: 1u 4u 16u 64u\n\n@compute @workgroup_size(WG)\nfn apply(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(wg, count, lane);\n  let end = run_end(begin, params.vectors);\n  var i = begin;\n  for (var left = turns(i, end, 8u); left > 0u; left--) {\n    let u = unit_floats(philox(vec2u(key[0], key[1]), i, params.stream + key[2]));\n    y[i] = select(vec4(0.0), x[i] * params.scale, u >= vec4(params.p));\n    i += 8u;\n  }\n}\n",
  uses: ['lib/random.wgsl', 'lib/run.wgsl', 'lib/turns.wgsl'],
  lib: "// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: \"Parallel Random Numbers: As Easy as 1, 2, 3\", SC 2011), the twin of\n// engine/src/tensor/philox.ts: the same bits. key = (seed, step), counter = (index, stream, 0, 0); element i of a\n// tensor takes word i & 3 of block i >> 2.\n\n// Upper 32 bits of a · b.\nfn mul_high(a: u32, b: u32) -> u32 {\n  let a0 = a & 0xffffu;\n  let a1 = a >> 16u;\n  let b0 = b & 0xffffu;\n  let b1 = b >> 16u;\n  let middle = a1 * b0 + ((a0 * b0) >> 16u);\n  let cross = a0 * b1 + (middle & 0xffffu);\n  return a1 * b1 + (middle >> 16u) + (cross >> 16u);\n}\n\nfn philox(key: vec2u, index: u32, stream: u32) -> vec4u {\n  var v = vec4u(index, stream, 0u, 0u);\n  var k = key;\n  for (var round = 0u; round < 10u; round++) {\n    v = vec4u(mul_high(0xcd9e8d57u, v.z) ^ v.y ^ k.x, v.z * 0xcd9e8d57u, mul_high(0xd2511f53u, v.x) ^ v.w ^ k.y, v.x\n      * 0xd2511f53u);\n    k += vec2u(0x9e3779b9u, 0xbb67ae85u);\n  }\n  return v;\n}\n\n// [0, 1) with 24 bits, exact in f32.\nfn unit_floats(bits: vec4u) -> vec4f { return vec4f(bits >> vec4u(8u)) * 0x1p-24; }\n\n// A lane's share of a line of items: eight adjacent lanes walk a run of 8 · STEPS items together, so that each\n// subgroup of a software adapter, which runs its whole loop before the next one starts, reads contiguous memory, and\n// fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use, with lib/turns.wgsl: `var i = run_begin(…);\n// for (var left = turns(i, run_end(i, size), 8u); left > 0u; left--) { …; i += 8u; }`.\n\nfn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;\n}\n\nfn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'vectors', type: 'u32', offset: 0 },
    { name: 'stream', type: 'u32', offset: 4 },
    { name: 'p', type: 'f32', offset: 8 },
    { name: 'scale', type: 'f32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'key', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'x', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 3, name: 'y', type: 'storage', element: 'vec4<f32>' },
  ],
  tunables: [{ name: 'STEPS', value: '1u', allowed: ['1u', '4u', '16u', '64u'], line: 17 }],
  entries: { apply: { bindings: ['params', 'key', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
