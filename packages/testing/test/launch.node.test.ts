/**
 * What npm start and npm test do before anything else: find a driver, fill the cache, pass signals and exit codes on.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { NODES } from '../../../scripts/nodes.mjs';
import { describeDriver } from '../../../scripts/vulkan.mjs';

const scripts = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../scripts');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'curio-launch-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs a few lines with one of the scripts as `it`, in a process of its own with an empty cache. */
function run(script: string, lines: string, env: Record<string, string> = {}) {
  const code = `const it = await import(${JSON.stringify(pathToFileURL(path.join(scripts, script)).href)}); ${lines}`;
  const {
    CURIO_DRIVER_CHOSEN: _chosen,
    XDG_RUNTIME_DIR: _runtime,
    MESA_SHADER_CACHE_DIR: _shaders,
    ...inherited
  } = process.env; // the tests' own launcher set them
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    env: { ...inherited, XDG_CACHE_HOME: folder, ...env },
  });
  return { out: done.stdout.trim(), err: done.stderr.trim(), status: done.status };
}

const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64';

test.runIf(isLinuxX64)('a variable that points to no driver is overridden by the driver found', () => {
  const missing = { VK_DRIVER_FILES: path.join(folder, 'none.json'), VK_ICD_FILENAMES: path.join(folder, 'none.json') };
  const { out } = run(
    'vulkan.mjs',
    'const { route, env, adapter } = it.chooseDriver(() => {}); console.log(JSON.stringify({ route, env, adapter }))',
    { ...missing, CURIO_DRIVER: 'swiftshader' },
  );
  const { route, env, adapter } = JSON.parse(out);
  expect([route, adapter.architecture, adapter.isGpu]).toEqual(['swiftshader', 'swiftshader', false]);
  expect(path.relative(folder, env.VK_DRIVER_FILES)).toMatch(/^curio\/swiftshader-[\d.]+\/vk_swiftshader_icd\.json$/);
  expect(env.VK_ICD_FILENAMES).toBe(env.VK_DRIVER_FILES);
  expect(fs.statSync(env.XDG_RUNTIME_DIR).isDirectory() && env.MESA_SHADER_CACHE_DIR.startsWith(folder)).toBe(true);
});

test('an unknown driver is named', () => {
  const { out } = run('vulkan.mjs', 'try { it.chooseDriver(() => {}) } catch (error) { console.log(error.message) }', {
    CURIO_DRIVER: 'voodoo',
  });
  expect(out).toBe("CURIO_DRIVER: 'voodoo' is not a driver; it may be installed, lavapipe or swiftshader.");
});

test('the choice is reported with what another would gain', () => {
  const adapter = { vendor: 'nvidia', architecture: '', description: 'NVIDIA H200', isGpu: true };
  expect(describeDriver({ route: 'installed', env: {}, adapter })).toBe(
    'driver: NVIDIA H200, installed on this machine.',
  );
  expect(
    describeDriver({ route: 'lavapipe', env: {}, adapter: { ...adapter, description: 'llvmpipe', isGpu: false } }),
  ).toBe(
    'driver: llvmpipe, unpacked into your cache: every core of the processor. A real GPU with a Vulkan driver would be many times faster.',
  );
  expect(
    describeDriver({
      route: 'swiftshader',
      env: {},
      adapter: { ...adapter, description: 'SwiftShader driver 5.0.0', isGpu: false },
    }),
  ).toBe(
    "driver: SwiftShader driver 5.0.0, from npm. Mesa's Lavapipe would be about 8 times faster (npm run curio -- doctor --install), a real GPU a hundred times.",
  );
});

test('the cache holds complete folders or none', () => {
  const fill = `
    const fs = await import('node:fs');
    try { it.fillOnce('a', (part) => { fs.writeFileSync(part + '/half', ''); throw new Error('cut off'); }); } catch {}
    it.fillOnce('b', () => false);
    const c = it.fillOnce('c', (part) => { fs.writeFileSync(part + '/whole', ''); return true; });
    console.log(JSON.stringify([fs.readdirSync(it.cacheFolder()).filter((name) => /^[abc]/.test(name)), fs.readdirSync(c), it.fillOnce('c', () => { throw new Error('twice'); }) === c]));`;
  expect(JSON.parse(run('cache.mjs', fill).out)).toEqual([['c'], ['whole'], true]);
});

test('other versions of Node are those that the README names, are in the cache, and run what they are given', () => {
  const readme = fs.readFileSync(path.resolve(scripts, '../README.md'), 'utf8');
  for (const [major, version] of Object.entries(NODES)) {
    expect(version.split('.')[0]).toBe(major);
    expect(readme).toContain(version);
  }
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  fs.mkdirSync(path.join(folder, 'curio', `node-${NODES['24']}-${platform}`), { recursive: true });
  const binary = run('nodes.mjs', "console.log(it.nodeBinary('24'))").out;
  expect(path.relative(path.join(folder, 'curio'), binary)).toMatch(
    new RegExp(`^node-${NODES['24']}-${platform}.node_modules.node-${platform}.bin.node(\\.exe)?$`),
  );
  expect(run('nodes.mjs', "try { it.nodeBinary('21') } catch (error) { console.log(error.message) }").out).toBe(
    "--node: '21' is not a tested version; it must be one of 22, 24.",
  );
});

test.skipIf(process.platform === 'win32')(
  "signals and exit codes pass through the launcher, Dawn's two empty warnings do not",
  async () => {
    const child = path.join(folder, 'child.mjs');
    fs.writeFileSync(
      child,
      `
    console.error('Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.');
    console.error('a real warning');
    process.on('SIGINT', () => { console.log('saved'); process.exit(130); });
    setInterval(() => {}, 1000);
    console.log('ready');`,
    );
    const code = `const it = await import(${JSON.stringify(pathToFileURL(path.join(scripts, 'workspace.mjs')).href)}); process.exitCode = await it.runNode([${JSON.stringify(child)}]);`;
    const launcher = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    launcher.stderr.on('data', (text) => (err += text));
    launcher.stdout.on('data', (text) => {
      out += text;
      if (String(text).includes('ready')) {
        launcher.kill('SIGINT');
        launcher.kill('SIGINT'); // npm sends a second one after the terminal's
      }
    });
    const status = await new Promise((resolve) => launcher.on('close', resolve));
    expect([out, err, status]).toEqual(['ready\nsaved\n', 'a real warning\n', 130]);
  },
);
