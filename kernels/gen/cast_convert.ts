// Generated from kernels/cast/convert.wgsl by npm run codegen. Do not edit.
export const castConvert = {
  name: 'cast/convert',
  file: 'kernels/cast/convert.wgsl',
  code: "// cast/convert: between 32-bit types; to bool gives 0 or 1.\n//   convert  y = TO(x)\n//   cut      y = x towards 0, the nearest number that TO has, 0 for NaN: WGSL's own conversion ends at the last f32 in\n//            TO's range and leaves NaN open\n//   truth    y = x ≠ 0, which NaN is\n// Shapes: x, y [size], dense, in vec4s; the last four may reach into the padding. Grid: ceil(size / 4 / WG) workgroups\n// in a line. Traffic: 8 bytes per element.\n\nstruct Params { vectors: u32 }\n\nalias FROM = f32; // tune: f32 i32 u32\nalias TO = f32; // tune: f32 i32 u32\nconst LEAST = -0x1p+31f; // tune: -0x1p+31f 0.0\nconst BEYOND = 0x1p+31f; // tune: 0x1p+31f 0x1p+32f\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<FROM>>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec4<TO>>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn convert(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { y[i] = vec4<TO>(x[i]); }\n}\n\n@compute @workgroup_size(WG)\nfn cut(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i >= params.vectors) { return; }\n  let v = vec4f(x[i]);\n  var most = select(0xffffffffu, 0x7fffffffu, LEAST < 0.0);\n  let is_nan = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);\n  let inside = vec4<TO>(select(max(v, vec4f(LEAST)), vec4f(), is_nan));\n  y[i] = select(inside, bitcast<vec4<TO>>(vec4u(most)), !is_nan & (v >= vec4f(BEYOND)));\n}\n\n@compute @workgroup_size(WG)\nfn truth(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i < params.vectors) { y[i] = select(vec4<TO>(TO(1)), vec4<TO>(), is_zero(x[i])); }\n}\n\n// Decided by bits: zero for either sign of 0, nonzero for NaN.\nfn is_zero(v: vec4<FROM>) -> vec4<bool> {\n  let bits = bitcast<vec4<u32>>(v);\n  return (bits == vec4<u32>()) | ((bits == vec4<u32>(0x80000000u)) & (v == vec4<FROM>()));\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'vectors', type: 'u32', offset: 0 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<FROM>' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec4<TO>' },
  ],
  tunables: [
    { name: 'FROM', value: 'f32', allowed: ['f32', 'i32', 'u32'], line: 11 },
    { name: 'TO', value: 'f32', allowed: ['f32', 'i32', 'u32'], line: 12 },
    { name: 'LEAST', value: '-0x1p+31f', allowed: ['-0x1p+31f', '0.0'], line: 13 },
    { name: 'BEYOND', value: '0x1p+31f', allowed: ['0x1p+31f', '0x1p+32f'], line: 14 },
  ],
  entries: {
    convert: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    cut: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    truth: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
