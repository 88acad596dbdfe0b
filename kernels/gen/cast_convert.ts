// Generated from kernels/cast/convert.wgsl by npm run codegen. Do not edit.
export const castConvert = {
  name: 'cast/convert',
  file: 'kernels/cast/convert.wgsl',
  code: "// cast/convert: between 32-bit types; float to integers truncates, to bool gives 0 or 1.\n//   y = TO(x), or y = x ≠ 0, which NaN is\n// Shapes: x, y [size], dense, in vec4s; the last four may reach into the padding. Grid: ceil(size / 4 / WG) workgroups\n// in a line. Traffic: 8 bytes per element.\n\nstruct Params { vectors: u32 }\n\nalias FROM = f32; // tune: f32 i32 u32\nalias TO = f32; // tune: f32 i32 u32\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<FROM>>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec4<TO>>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn convert(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { y[i] = vec4<TO>(x[i]); }\n}\n\n@compute @workgroup_size(WG)\nfn truth(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { y[i] = select(vec4<TO>(TO(1)), vec4<TO>(), is_zero(x[i])); }\n}\n\n// Decided by bits: zero for either sign of 0, nonzero for NaN.\nfn is_zero(v: vec4<FROM>) -> vec4<bool> {\n  let bits = bitcast<vec4<u32>>(v);\n  return (bits == vec4<u32>()) | ((bits == vec4<u32>(0x80000000u)) & (v == vec4<FROM>()));\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'vectors', type: 'u32', offset: 0 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<FROM>' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec4<TO>' },
  ],
  tunables: [
    { name: 'FROM', value: 'f32', allowed: ['f32', 'i32', 'u32'], line: 8 },
    { name: 'TO', value: 'f32', allowed: ['f32', 'i32', 'u32'], line: 9 },
  ],
  entries: {
    convert: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    truth: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
