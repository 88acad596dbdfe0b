/** @file Finds Mesa's RADV and builds the wrapper around it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fillOnce } from '../../scripts/cache.mjs';
import { unpackedMesa } from '../../scripts/vulkan.mjs';

/** Why no kernel can be compiled for a GPU on this machine. */
export class NoGpuCompiler extends Error {
  override name = 'NoGpuCompiler';
}

/** The environment of a process in which Dawn finds the wrapped RADV. */
export interface GpuDriver {
  readonly env: Readonly<Record<string, string>>;
}

const WRAPPER = fileURLToPath(new URL('radv-wrapper.c', import.meta.url));
const RADV = 'libvulkan_radeon.so';
const LOADER = 'libvulkan.so.1';

/** Folders in which the system has libraries. */
const INSTALLED = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

/** The folders of a Mesa with RADV and of the libraries that it needs: from the cache, else installed ones. */
function findMesa(say: (sentence: string) => void): { radv: string; libraries: readonly string[] } {
  const libraries = unpackedMesa(say, 'the compiler for AMD is asked for')?.libraries ?? [];
  const folder = [...libraries, ...INSTALLED].find((each) => existsSync(join(each, RADV)));
  if (folder === undefined)
    throw new NoGpuCompiler(
      `gpu compiler: ${RADV}, Mesa's Vulkan driver for AMD, is neither in the cache nor installed; it comes with the package mesa-vulkan-drivers, on Linux.`,
    );
  return { radv: join(folder, RADV), libraries };
}

/** @param run for tests */
export function buildWrapper(compiler: string, run: typeof spawnSync = spawnSync): string {
  const hash = createHash('sha256').update(readFileSync(WRAPPER)).digest('hex').slice(0, 12);
  let why = '';
  const folder = fillOnce(`gpu-compiler-${hash}`, (part, final) => {
    const target = join(part, 'libradv_wrapper.so');
    const done = run(compiler, ['-O1', '-shared', '-fPIC', '-o', target, WRAPPER, '-ldl'], { encoding: 'utf8' });
    why = done.error
      ? `there is no C compiler '${compiler}'`
      : /vulkan\/vulkan\.h/.test(done.stderr)
        ? "Vulkan's headers are missing"
        : (done.stderr.trim().split('\n')[0] ?? '');
    const library_path = join(final, 'libradv_wrapper.so');
    writeFileSync(
      join(part, 'driver.json'),
      JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path, api_version: '1.4.305' } }),
    );
    return done.status === 0;
  });
  if (folder === null)
    throw new NoGpuCompiler(
      `gpu compiler: the wrapper around RADV could not be built: ${why}; on Debian and Ubuntu, apt-get install --no-install-recommends gcc libc6-dev libvulkan-dev brings what it needs.`,
    );
  return join(folder, 'driver.json');
}

/**
 * @param say called when something is fetched
 * @throws NoGpuCompiler if this is not Linux, or Mesa with RADV, a C compiler or the Vulkan header is missing
 */
export function prepareDriver(say: (sentence: string) => void): GpuDriver {
  if (process.platform !== 'linux')
    throw new NoGpuCompiler(
      `gpu compiler: this is ${process.platform}; Mesa's compiler for AMD runs without a GPU on Linux only.`,
    );
  const { radv, libraries } = findMesa(say);
  const icd = buildWrapper(process.env.CC || 'cc');
  const fromCache = libraries.some((folder) => existsSync(join(folder, LOADER)));
  return {
    env: {
      ...(fromCache && { LD_LIBRARY_PATH: [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':') }),
      VK_DRIVER_FILES: icd,
      VK_ICD_FILENAMES: icd,
      VK_LOADER_LAYERS_DISABLE: '~implicit~',
      MESA_SHADER_CACHE_DISABLE: 'true', // cached shaders come without statistics
      CURIO_RADV_DRIVER: radv,
    },
  };
}
