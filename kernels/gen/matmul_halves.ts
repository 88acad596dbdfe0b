// Generated from kernels/matmul/halves.wgsl by npm run codegen. Do not edit.
export const matmulHalves = {
  name: 'matmul/halves',
  file: 'kernels/matmul/halves.wgsl',
  code: "// matmul/halves: y = x rounded to f16, two a word, for products on matrix units that read each element many times: half\n// the traffic, one conversion.\n// The rounding is the driver's, as in matmul/subgroup_matrix itself; cast/halves rounds the same everywhere and takes\n// longer.\n// Shapes: x float[size], y u32[size / 2], dense, size a multiple of 8.\n// Grid: eight elements per lane, ceil(size / 8 / WG) workgroups in a line. Traffic: 6 bytes per element.\n\nstruct Params { size: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4f>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;\n\nconst WG = 256u;\n\n@compute @workgroup_size(WG)\nfn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i * 8u >= params.size) { return; }\n  let low = x[2u * i];\n  let high = x[2u * i + 1u];\n  y[i] = vec4u(pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw));\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'size', type: 'u32', offset: 0 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4f' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec4u' },
  ],
  tunables: [],
  entries: { pack: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
