// Generated from kernels/window/unfold.wgsl by npm run codegen. Do not edit.
export const windowUnfold = {
  name: 'window/unfold',
  file: 'kernels/window/unfold.wgsl',
  code: "// window/unfold: the windows of an image as rows of a matrix (im2col), so that a convolution is a matmul.\n//   unfold  y[b, oy, ox, c, i, j] = x[b, c, oy·stride + i - padding, ox·stride + j - padding], 0 outside\n//   fold    dx[b, c, v, u] = Σ of dy over the windows around (v, u)\n// Shapes: x, dx float[batch, channels, height, width], y, dy float[batch, out_height·out_width,\n// channels·kernel_height·kernel_width], dense.\n// Grid: unfold one lane per row of one window, fold one lane per element of dx; ceil(… / WG) workgroups in a line. No\n// atomics.\n// Traffic: 4 bytes per element of y and of x.\n// uses: lib/turns.wgsl\n\nstruct Params {\n  batch: u32, channels: u32, height: u32, width: u32,\n  kernel_height: u32, kernel_width: u32, stride: u32, padding: u32,\n  out_height: u32, out_width: u32,\n}\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n@group(0) @binding(3) var<storage, read> dy: array<f32>;\n@group(0) @binding(4) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn unfold(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.batch * params.out_height * params.out_width * params.channels * params.kernel_height) { return; }\n  let i = item % params.kernel_height;\n  let plane = item / params.kernel_height;\n  let c = plane % params.channels;\n  let window = plane / params.channels;\n  let ox = window % params.out_width;\n  let line = window / params.out_width;\n  let oy = line % params.out_height;\n  let b = line / params.out_height;\n  let v = oy * params.stride + i - params.padding; // below 0 it wraps beyond the height\n  let row = ((b * params.channels + c) * params.height + v) * params.width;\n  var j = 0u;\n  for (var left = params.kernel_width; left > 0u; left--) {\n    let u = ox * params.stride + j - params.padding;\n    var value = 0.0;\n    if (v < params.height && u < params.width) { value = x[row + u]; }\n    y[item * params.kernel_width + j] = value;\n    j++;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn fold(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.batch * params.channels * params.height * params.width) { return; }\n  let u = item % params.width + params.padding;\n  let line = item / params.width;\n  let v = line % params.height + params.padding;\n  let plane = line / params.height;\n  let c = plane % params.channels;\n  let b = plane / params.channels;\n  var total = 0.0;\n  // The windows that contain it, from the last one on: it is element (i, j) of window (oy, ox).\n  let down = turns(v % params.stride, min(params.kernel_height, v + 1u), params.stride);\n  let across = turns(u % params.stride, min(params.kernel_width, u + 1u), params.stride);\n  var i = v % params.stride;\n  var oy = v / params.stride;\n  for (var left = down; left > 0u; left--) {\n    var j = u % params.stride;\n    var ox = u / params.stride;\n    for (var more = across; more > 0u; more--) {\n      if (oy < params.out_height && ox < params.out_width) {\n        let window = (b * params.out_height + oy) * params.out_width + ox;\n        total += dy[((window * params.channels + c) * params.kernel_height + i) * params.kernel_width + j];\n      }\n      j += params.stride;\n      ox--;\n    }\n    i += params.stride;\n    oy--;\n  }\n  dx[item] = total;\n}\n",
  uses: ['lib/turns.wgsl'],
  lib: "// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'batch', type: 'u32', offset: 0 },
    { name: 'channels', type: 'u32', offset: 4 },
    { name: 'height', type: 'u32', offset: 8 },
    { name: 'width', type: 'u32', offset: 12 },
    { name: 'kernel_height', type: 'u32', offset: 16 },
    { name: 'kernel_width', type: 'u32', offset: 20 },
    { name: 'stride', type: 'u32', offset: 24 },
    { name: 'padding', type: 'u32', offset: 28 },
    { name: 'out_height', type: 'u32', offset: 32 },
    { name: 'out_width', type: 'u32', offset: 36 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
    { binding: 3, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    unfold: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    fold: { bindings: ['params', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
