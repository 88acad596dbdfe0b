// Generated from kernels/elementwise/swiglu.wgsl by npm run codegen. Do not edit.
export const elementwiseSwiglu = {
  name: 'elementwise/swiglu',
  file: 'kernels/elementwise/swiglu.wgsl',
  code: "// elementwise/swiglu: the gated unit of LLaMA's MLP (Shazeer 2020, \"GLU Variants Improve Transformer\").\n//   forward        y = silu(gate) · up\n//   backward       dgate = dy · up · silu'(gate), dup = dy · silu(gate)\n//   backward_gate, backward_up: one of the two, where the other is not needed\n// Shapes: all float[size], dense, in fours; the last four may reach into the padding of the buffers.\n// Grid: ceil(size / 4 / WG) workgroups in a line. Traffic: 12 bytes an element forward, 20 backward.\n// uses: lib/activations.wgsl\n\nstruct Params { vectors: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> gate: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read> up: array<vec4<f32>>;\n@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;\n@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;\n@group(0) @binding(5) var<storage, read_write> dgate: array<vec4<f32>>;\n@group(0) @binding(6) var<storage, read_write> dup: array<vec4<f32>>;\n\nconst WG = 256u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { y[i] = silu4(gate[i]) * up[i]; }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i >= params.vectors) { return; }\n  let g = gate[i];\n  let d = dy[i];\n  let s = sigmoid4(g);\n  dgate[i] = d * up[i] * s * (1.0 + g * (1.0 - s));\n  dup[i] = d * g * s;\n}\n\n@compute @workgroup_size(WG)\nfn backward_gate(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { dgate[i] = dy[i] * up[i] * silu_slope4(gate[i]); }\n}\n\n@compute @workgroup_size(WG)\nfn backward_up(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { dup[i] = dy[i] * silu4(gate[i]); }\n}\n",
  uses: ['lib/activations.wgsl'],
  lib: "// Activations and their slopes on four values, written so that no intermediate overflows: some drivers assume there are no infinities.\n\nfn sigmoid4(x: vec4f) -> vec4f { return 1.0 / (1.0 + exp(min(-x, vec4(88.0)))); }\n\nfn tanh4(x: vec4f) -> vec4f { return tanh(clamp(x, vec4(-15.0), vec4(15.0))); }\n\nfn silu4(x: vec4f) -> vec4f { return x * sigmoid4(x); }\n\nfn silu_slope4(x: vec4f) -> vec4f {\n  let s = sigmoid4(x);\n  return s * (1.0 + x * (1.0 - s));\n}\n\n// Abramowitz and Stegun 7.1.26: off by at most 1.5e-7.\nfn erf4(x: vec4f) -> vec4f {\n  let t = 1.0 / (1.0 + 0.3275911 * abs(x));\n  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));\n  return sign(x) * (1.0 - p * exp(-min(x * x, vec4(88.0))));\n}\n\nfn gelu4(x: vec4f) -> vec4f { return 0.5 * x * (1.0 + erf4(x * 0.70710678)); }\n\nfn gelu_slope4(x: vec4f) -> vec4f {\n  return 0.5 * (1.0 + erf4(x * 0.70710678)) + x * 0.39894228 * exp(-min(0.5 * x * x, vec4(88.0)));\n}\n\n// 0.5 x (1 + tanh u) = x · sigmoid(2u), u = √(2/π) (x + 0.044715 x³)\nfn gelu_tanh4(x: vec4f) -> vec4f { return x * sigmoid4(1.59576912 * x * (1.0 + 0.044715 * x * x)); }\n\nfn gelu_tanh_slope4(x: vec4f) -> vec4f {\n  let s = sigmoid4(1.59576912 * x * (1.0 + 0.044715 * x * x));\n  return s + x * (s * (1.0 - s)) * 1.59576912 * (1.0 + 0.134145 * x * x);\n}\n\nfn quick_gelu4(x: vec4f) -> vec4f { return x * sigmoid4(1.702 * x); }\n\nfn quick_gelu_slope4(x: vec4f) -> vec4f {\n  let s = sigmoid4(1.702 * x);\n  return s * (1.0 + 1.702 * x * (1.0 - s));\n}\n",
  params: [{ name: 'vectors', type: 'u32', offset: 0 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'gate', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 2, name: 'up', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 3, name: 'y', type: 'storage', element: 'vec4<f32>' },
    { binding: 4, name: 'dy', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 5, name: 'dgate', type: 'storage', element: 'vec4<f32>' },
    { binding: 6, name: 'dup', type: 'storage', element: 'vec4<f32>' },
  ],
  tunables: [],
  entries: {
    forward: { bindings: ['params', 'gate', 'up', 'y'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'gate', 'up', 'dy', 'dgate', 'dup'], workgroupSize: ['WG'] },
    backward_gate: { bindings: ['params', 'gate', 'up', 'dy', 'dgate'], workgroupSize: ['WG'] },
    backward_up: { bindings: ['params', 'gate', 'dy', 'dup'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
