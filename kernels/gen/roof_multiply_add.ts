// Generated from kernels/roof/multiply_add.wgsl by npm run codegen. Do not edit.
export const roofMultiplyAdd = {
  name: 'roof/multiply_add',
  file: 'kernels/roof/multiply_add.wgsl',
  code: "// roof/multiply_add: chains of multiply-adds and nothing else, to measure a device's peak arithmetic rate.\n//   forward  y[lane] = Σ of eight chains after STEPS times round: s ← s · a + b, on vectors of four.\n// Eight chains a lane hide the latency of each; a and b are params, so that no compiler can precompute the result.\n// Shapes: y float[lanes]. Grid: WG lanes a workgroup, in a line. Operations: lanes · STEPS · 8 chains · 4 · 2. Traffic:\n// negligible.\n\nstruct Params { a: f32, b: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\nconst WG = 256u;\nconst STEPS = 1024u; // tune: 64u 1024u\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(global_invocation_id) id: vec3u) {\n  let a = vec4f(params.a);\n  let b = vec4f(params.b) + vec4f(f32(id.x & 15u)) * 1e-6;\n  var s0 = b;\n  var s1 = b + 1.0;\n  var s2 = b + 2.0;\n  var s3 = b + 3.0;\n  var s4 = b + 4.0;\n  var s5 = b + 5.0;\n  var s6 = b + 6.0;\n  var s7 = b + 7.0;\n  for (var i = 0u; i < STEPS; i++) {\n    s0 = fma(s0, a, b);\n    s1 = fma(s1, a, b);\n    s2 = fma(s2, a, b);\n    s3 = fma(s3, a, b);\n    s4 = fma(s4, a, b);\n    s5 = fma(s5, a, b);\n    s6 = fma(s6, a, b);\n    s7 = fma(s7, a, b);\n  }\n  let s = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));\n  y[id.x] = (s.x + s.y) + (s.z + s.w);\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'a', type: 'f32', offset: 0 }, { name: 'b', type: 'f32', offset: 4 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [{ name: 'STEPS', value: '1024u', allowed: ['64u', '1024u'], line: 13 }],
  entries: { forward: { bindings: ['params', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
