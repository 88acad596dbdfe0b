/** @file The rules about code: what stands, and is called, only in one place. */
import { forbid, isProduct, isTest, isTruth } from './files.ts';
import type { Files } from './files.ts';

const isBelowApps = (path: string): boolean => /^packages\//.test(path) && isProduct(path);

/** GPU text stands only in kernels/. */
export function gpuText(files: Files): string[] {
  const inStrings = forbid(
    isProduct,
    /@compute\b|@workgroup_size\s*\(|\bvar<\s*(?:storage|workgroup)\b/g,
    (found) => `holds GPU text ('${found}'); it belongs in a .wgsl file under kernels/.`,
  );
  const strays = [...files.keys()].filter(
    (path) => path.endsWith('.wgsl') && !path.startsWith('kernels/') && !isTest(path),
  );
  return [...inStrings(files), ...strays.map((path) => `${path} is GPU text outside kernels/; move it there.`)];
}

/** A variant says itself what it needs: who asks which one it is forgets those that join its family later. */
export const variantsByIdentity = forbid(
  (path) => /^packages\/engine\/src\/(ops|tensor)\//.test(path) && !isTruth(path),
  /\b(variant|chosen|each)(\.kernel)? *[!=]== *[a-z]\w*/g,
  (found) => `tells a variant by its identity ('${found}'); let the variant bring what it needs (bind, params).`,
);

/** Only the adapter's report says what it is; kernels are selected by its costs. */
export const softwareAsked = forbid(
  (path) => path.startsWith('packages/engine/src/') && path !== 'packages/engine/src/gpu/adapter.ts',
  /\bisSoftware\b(?!: boolean)/g,
  (found) => `asks what the adapter is ('${found}'); use gpu.adapter.costs instead.`,
);

/**
 * WebGPU is called only in engine/src/gpu; other libraries, which the bench runs beside ours, need it called in their
 * own ways.
 */
export const webgpuCalls = forbid(
  (path) => isProduct(path) && !path.startsWith('packages/engine/src/gpu/') && !path.startsWith('bench/peers/'),
  /\bnavigator\.gpu\.\w+|\.(?:requestAdapter|requestDevice|createBuffer|createComputePipeline(?:Async)?|createBindGroup(?:Layout)?|createShaderModule|createCommandEncoder|beginComputePass|dispatchWorkgroups(?:Indirect)?|mapAsync|getMappedRange)\s*\(|\bqueue\.(?:submit|writeBuffer)\s*\(/g,
  (found) => `calls WebGPU itself ('${found}'); only packages/engine/src/gpu may.`,
);

/** Nothing below the apps touches the process, files or the page. */
export const platform = forbid(
  (path) => isBelowApps(path) && !path.startsWith('packages/engine/src/gpu/dawn.ts'),
  /\bprocess\.\w+|['"](?:node:)?(?:fs|path|os|child_process|process|url|http|https|worker_threads)(?:\/\w+)?['"]|\bdocument\.(?:createElement|querySelector|getElementById|addEventListener|body|head)\b|\bwindow\.(?:location|document|navigator|addEventListener)\b|\blocalStorage\b/g,
  (found) =>
    `touches the platform ('${found}'); files, downloads and images enter the packages as small interfaces that the apps pass in.`,
);
