// Finds a Chromium for the browser tests. On Linux x64 it is the one inside npm's @sparticuz/chromium, the same
// everywhere, with the SwiftShader Vulkan driver beside it; elsewhere an installed Chrome, Chromium or Edge. We never
// run that package's code.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { fillOnce, unpackTarBrotli } from './cache.mjs';

const packageFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../node_modules/@sparticuz/chromium');

/** The folder of archives and its version, or null where the package is absent or cannot run. */
function archives() {
  if (process.platform !== 'linux' || process.arch !== 'x64' || !fs.existsSync(path.join(packageFolder, 'bin')))
    return null;
  const { version } = JSON.parse(fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8'));
  return { bin: path.join(packageFolder, 'bin'), version: String(version) };
}

/**
 * The Vulkan loader and SwiftShader out of the package, unpacked into the cache.
 * @returns {string | null} the folder
 */
export function unpackSwiftShader() {
  const kit = archives();
  if (!kit) return null;
  return fillOnce(`swiftshader-${kit.version}`, (folder) => {
    unpackTarBrotli(path.join(kit.bin, 'swiftshader.tar.br'), folder, (name) => /^(libvulkan|libvk_|vk_)/.test(name));
    return true;
  });
}

/** @returns {string | null} the folder with `chromium`, `lib/` and `fonts/` */
function unpackChromium() {
  const kit = archives();
  if (!kit) return null;
  return fillOnce(`chromium-${kit.version}`, (folder) => {
    for (const name of ['swiftshader', 'al2023', 'fonts'])
      unpackTarBrotli(path.join(kit.bin, `${name}.tar.br`), folder);
    fs.writeFileSync(
      path.join(folder, 'chromium'),
      brotliDecompressSync(fs.readFileSync(path.join(kit.bin, 'chromium.br'))),
      { mode: 0o755 },
    );
    return true;
  });
}

/** WebGPU on the browser's own SwiftShader: the same adapter on every machine. */
export const chromiumArguments = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/**
 * Launch options for Playwright. `CHROME_PATH` wins over everything.
 * @returns {{ executablePath?: string, channel?: string, env?: Record<string, string>, args: string[] }}
 */
export function findChromium() {
  const args = chromiumArguments;
  const env = Object.fromEntries(
    Object.entries(process.env)
      .filter((entry) => entry[1] !== undefined)
      .map(([key, value]) => [key, String(value)]),
  );
  if (process.env.CHROME_PATH) return { executablePath: process.env.CHROME_PATH, env, args };
  const folder = unpackChromium();
  if (folder) {
    // The driver variables of Dawn are not for the browser: it brings its own.
    const { VK_DRIVER_FILES: _files, VK_ICD_FILENAMES: _names, ...rest } = env;
    return {
      executablePath: path.join(folder, 'chromium'),
      env: { ...rest, LD_LIBRARY_PATH: path.join(folder, 'lib'), FONTCONFIG_PATH: path.join(folder, 'fonts') },
      args,
    };
  }
  const installed = ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell', '/usr/bin/google-chrome'].find((file) =>
    fs.existsSync(file),
  );
  if (installed) return { executablePath: installed, env, args };
  return { channel: process.platform === 'win32' ? 'msedge' : 'chrome', env, args };
}
