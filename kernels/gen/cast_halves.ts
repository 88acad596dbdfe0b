// Generated from kernels/cast/halves.wgsl by npm run codegen. Do not edit.
export const castHalves = {
  name: 'cast/halves',
  file: 'kernels/cast/halves.wgsl',
  code: "// cast/halves: f32 to f16 or bf16, two a word, rounded to nearest, ties to even. Integer arithmetic: the rounding of\n// pack2x16float is the driver's.\n// Shapes: x float[size], y u32[ceil(size / 2)], dense; x is read in vec4s and may reach into the padding.\n// Grid: two words per lane, ceil(size / 4 / WG) workgroups in a line. Traffic: 6 bytes per element.\n\nstruct Params { size: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec2<u32>>;\n\nconst F16 = 0u;\nconst BF16 = 1u;\nconst FORMAT = F16; // tune: F16 BF16\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn pack(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  if (i * 4u >= params.size) { return; }\n  let is_inside = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.size);\n  let bits = select(vec4u(0u), x[i], is_inside);\n  var h = bf16_bits(bits);\n  if (FORMAT == F16) { h = f16_bits(bits); }\n  y[i] = vec2u(h.x | (h.y << 16u), h.z | (h.w << 16u));\n}\n\nfn bf16_bits(bits: vec4u) -> vec4u {\n  let is_nan = (bits & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);\n  let rounded = (bits + 0x7fffu + ((bits >> vec4u(16u)) & vec4u(1u))) >> vec4u(16u);\n  return select(rounded, (bits >> vec4u(16u)) | vec4u(0x40u), is_nan);\n}\n\nfn f16_bits(bits: vec4u) -> vec4u {\n  let sign = (bits >> vec4u(16u)) & vec4u(0x8000u);\n  let size = bits & vec4u(0x7fffffffu);\n  let normal = (size - 0x38000000u + 0xfffu + ((size >> vec4u(13u)) & vec4u(1u))) >> vec4u(13u);\n  // Subnormal: the mantissa with its leading one, shifted by the missing exponent, rounded explicitly.\n  let lack = min(vec4u(126u) - min(size >> vec4u(23u), vec4u(113u)), vec4u(31u));\n  let mantissa = (size & vec4u(0x7fffffu)) | vec4u(0x800000u);\n  let kept = mantissa >> lack;\n  let rest = mantissa & ((vec4u(1u) << lack) - 1u);\n  let half_way = vec4u(1u) << (lack - 1u);\n  let is_up = (rest > half_way) | ((rest == half_way) & ((kept & vec4u(1u)) == vec4u(1u)));\n  let subnormal = select(kept + select(vec4u(0u), vec4u(1u), is_up), vec4u(0u), size < vec4u(0x33000000u));\n  let huge = select(vec4u(0x7c00u), vec4u(0x7e00u), size > vec4u(0x7f800000u));\n  return sign | select(select(subnormal, normal, size >= vec4u(0x38800000u)), huge, size >= vec4u(0x477ff000u));\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'size', type: 'u32', offset: 0 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<u32>' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec2<u32>' },
  ],
  tunables: [{ name: 'FORMAT', value: 'F16', allowed: ['F16', 'BF16'], line: 14 }],
  entries: { pack: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
