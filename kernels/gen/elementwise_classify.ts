// Generated from kernels/elementwise/classify.wgsl by npm run codegen. Do not edit.
export const elementwiseClassify = {
  name: 'elementwise/classify',
  file: 'kernels/elementwise/classify.wgsl',
  code: "// elementwise/classify: 1 where a value is of a kind, else 0, decided by its bits.\n//   NAN y = x is NaN     INF y = |x| = ∞     FINITE y = neither\n// Shapes: x float[size], y u32[size], dense, in vec4s; the last four may reach into the padding. The values are bound\n// as bits, about which compilers make no assumptions.\n// Grid: ceil(size / 4 / (WG · STEPS)) workgroups in a line. Traffic: 8 bytes per element.\n// uses: lib/run.wgsl, lib/turns.wgsl\n\nstruct Params { vectors: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;\n@group(0) @binding(2) var<storage, read_write> y: array<vec4<u32>>;\n\nconst NAN = 0u;\nconst INF = 1u;\nconst FINITE = 2u;\nconst OP = NAN; // tune: NAN INF FINITE\nconst WG = 64u;\nconst STEPS = 1u; // tune: 1u 4u 16u 64u\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(wg, count, lane);\n  let end = run_end(begin, params.vectors);\n  var i = begin;\n  for (var left = turns(i, end, 8u); left > 0u; left--) {\n    y[i] = vec4u(is_of_kind(x[i] & vec4u(0x7fffffffu)));\n    i += 8u;\n  }\n}\n\nfn is_of_kind(size: vec4u) -> vec4<bool> {\n  switch OP {\n    case INF { return size == vec4u(0x7f800000u); }\n    case FINITE { return size < vec4u(0x7f800000u); }\n    default { return size > vec4u(0x7f800000u); }\n  }\n}\n",
  uses: ['lib/run.wgsl', 'lib/turns.wgsl'],
  lib: "// A lane's share of a line of items: eight adjacent lanes walk a run of 8 · STEPS items together, so that each\n// subgroup of a software adapter, which runs its whole loop before the next one starts, reads contiguous memory, and\n// fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use, with lib/turns.wgsl: `var i = run_begin(…);\n// for (var left = turns(i, run_end(i, size), 8u); left > 0u; left--) { …; i += 8u; }`.\n\nfn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;\n}\n\nfn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [{ name: 'vectors', type: 'u32', offset: 0 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<u32>' },
    { binding: 2, name: 'y', type: 'storage', element: 'vec4<u32>' },
  ],
  tunables: [
    { name: 'OP', value: 'NAN', allowed: ['NAN', 'INF', 'FINITE'], line: 17 },
    { name: 'STEPS', value: '1u', allowed: ['1u', '4u', '16u', '64u'], line: 19 },
  ],
  entries: { forward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
