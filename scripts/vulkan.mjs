// Finds a driver for WebGPU in Node, in this order: what is installed (a real GPU first); Mesa's Lavapipe, fetched with
// the machine's own apt configuration and unpacked into the user's cache; SwiftShader out of npm's @sparticuz/chromium.
// The system is never changed, except by installWithApt, which only `curio doctor --install` calls. Plain Node: runs
// before anything is built.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cacheFolder, fillOnce } from './cache.mjs';
import { unpackSwiftShader } from './chromium.mjs';

/**
 * @typedef {{ vendor: string, architecture: string, description: string, isGpu: boolean }} Adapter
 * @typedef {{ route: 'installed' | 'lavapipe' | 'swiftshader', env: Record<string, string>, adapter: Adapter }} Driver
 */

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const packages = ['mesa-vulkan-drivers', 'libvulkan1'];
const seconds = 1000;

/** @param {string} command @param {string[]} args @param {import('node:child_process').SpawnSyncOptions} [options] */
const run = (command, args, options = {}) => {
  const done = spawnSync(command, args, { maxBuffer: 1 << 28, timeout: 60 * seconds, ...options, encoding: 'utf8' });
  return { ok: done.status === 0, out: String(done.stdout ?? '') };
};

/** @param {string} command */
const exists = (command) => run('sh', ['-c', `command -v ${command}`]).ok;

const probeCode = `
const { create } = await import('webgpu');
const gpu = globalThis.pinned = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (!adapter) process.exit(9);
const { vendor, architecture, description } = adapter.info;
const software = /llvmpipe|lavapipe|swiftshader|basic render/i.test([vendor, architecture, description].join(' '));
console.log(JSON.stringify({ vendor, architecture, description, isGpu: !software }));
process.exit(0);`;

/**
 * Asks in a process of its own, because LD_LIBRARY_PATH counts only from the start.
 * @param {Record<string, string>} env
 * @returns {Adapter | null}
 */
function probe(env) {
  const { ok, out } = run(process.execPath, ['--input-type=module', '-e', probeCode], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  return ok ? JSON.parse(String(out.trim().split('\n').pop())) : null;
}

/** @param {string[]} libraries @param {string} driverFile @returns {Record<string, string>} */
const driverVariables = (libraries, driverFile) => ({
  LD_LIBRARY_PATH: [...libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  VK_DRIVER_FILES: driverFile,
  VK_ICD_FILENAMES: driverFile, // the older name of the same variable
});

/**
 * Variables that help any driver: Mesa's compiled shaders are kept, and its complaint about a missing runtime folder is
 * spared.
 */
function commonVariables() {
  /** @type {Record<string, string>} */
  const env = { MESA_SHADER_CACHE_DIR: process.env.MESA_SHADER_CACHE_DIR || path.join(cacheFolder(), 'mesa-shaders') };
  if (!process.env.XDG_RUNTIME_DIR && process.platform === 'linux') {
    env.XDG_RUNTIME_DIR = path.join(cacheFolder(), 'runtime');
    fs.mkdirSync(env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  }
  return env;
}

function isBookworm() {
  try {
    const text = fs.readFileSync('/etc/os-release', 'utf8');
    return /^ID=debian$/m.test(text) && /^VERSION_CODENAME=bookworm$/m.test(text);
  } catch {
    return false;
  }
}

/** The mirror that this machine already uses. */
const aptMirror = () =>
  run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])
    .out.split('\n')
    .find((uri) => /\/debian\/?$/.test(uri))
    ?.replace(/\/$/, '');

/** Debian 12's own Mesa is too old for Dawn; its backports carry a new one. */
const release = () => (isBookworm() ? ['-t', 'bookworm-backports'] : []);

/**
 * Lavapipe from the distribution's packages, fetched with a private state folder and unpacked, as any user.
 * @param {string} folder where to unpack @param {string} finalFolder where it will lie @param {string} triplet
 */
function unpackMesa(folder, finalFolder, triplet) {
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'root'])
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  const options = {
    'Dir::State': path.join(folder, 'state'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': path.join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
    ...(process.getuid?.() === 0 ? { 'APT::Sandbox::User': 'root' } : {}),
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  if (isBookworm()) {
    const mirror = aptMirror();
    if (!mirror) return false;
    const list = path.join(folder, 'sources.list');
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    fs.writeFileSync(
      list,
      ['bookworm', 'bookworm-backports']
        .map((suite) => `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`)
        .join(''),
    );
    flags.push('-o', `Dir::Etc::sourcelist=${list}`, '-o', 'Dir::Etc::sourceparts=/dev/null');
  }
  const quiet = { timeout: 240 * seconds, env: { ...process.env, LC_ALL: 'C' } };
  if (!run('apt-get', [...flags, 'update', '-qq'], { ...quiet, timeout: 90 * seconds }).ok) return false;
  // --reinstall, so that packages which the system has, but which do not work, are fetched as well.
  const plan = run(
    'apt-get',
    [...flags, 'install', '-s', '--reinstall', '--no-install-recommends', ...release(), ...packages],
    quiet,
  ).out;
  const wanted = [...plan.matchAll(/^Inst (\S+) .*?\((\S+) /gm)].map((match) => `${match[1]}=${match[2]}`);
  const archives = path.join(folder, 'cache/archives');
  if (!wanted.length || !run('apt-get', [...flags, 'download', '-qq', ...wanted], { ...quiet, cwd: archives }).ok)
    return false;
  for (const file of fs.readdirSync(archives)) {
    if (file.endsWith('.deb') && !run('dpkg-deb', ['-x', path.join(archives, file), path.join(folder, 'root')]).ok)
      return false;
  }
  fs.rmSync(path.join(folder, 'cache'), { recursive: true });
  fs.rmSync(path.join(folder, 'state'), { recursive: true });
  const drivers = path.join(folder, 'root/usr/share/vulkan/icd.d');
  const name = fs.readdirSync(drivers).find((file) => file.startsWith('lvp_'));
  if (!name) return false;
  const driver = JSON.parse(fs.readFileSync(path.join(drivers, name), 'utf8'));
  driver.ICD.library_path = path.join(finalFolder, 'root/usr/lib', triplet, path.basename(driver.ICD.library_path));
  fs.writeFileSync(path.join(folder, 'lavapipe.json'), JSON.stringify(driver));
  return true;
}

/**
 * Mesa's drivers, unpacked into the cache once: Lavapipe, and with it RADV, whose compiler bench/gpu-compiler asks.
 * @param {(sentence: string) => void} say @param {string} why it is fetched
 * @returns {{ folder: string, libraries: string[] } | null} null where it cannot be had
 */
export function unpackedMesa(say, why) {
  const triplet = /** @type {Record<string, string>} */ ({ x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' })[
    process.arch
  ];
  if (process.platform !== 'linux' || !triplet || !exists('apt-get') || !exists('dpkg-deb')) return null;
  const folder = fillOnce('lavapipe', (part, final) => {
    say(`${why}; fetching Mesa Lavapipe into the cache (about 55 MB, once) ...`);
    return unpackMesa(part, final, triplet);
  });
  if (!folder) {
    say('Lavapipe could not be fetched (no network, or no such package); going on without it.');
    return null;
  }
  return { folder, libraries: ['root/usr/lib', 'root/lib'].map((name) => path.join(folder, name, triplet)) };
}

/** @param {(sentence: string) => void} say @returns {Record<string, string> | null} */
function lavapipe(say) {
  const mesa = unpackedMesa(say, 'no working Vulkan driver is installed');
  return mesa && driverVariables(mesa.libraries, path.join(mesa.folder, 'lavapipe.json'));
}

/** SwiftShader as it runs inside the browser tests, for Node. @returns {Record<string, string> | null} */
export function swiftShader() {
  const folder = unpackSwiftShader();
  return folder ? driverVariables([folder], path.join(folder, 'vk_swiftshader_icd.json')) : null;
}

/**
 * Finds a driver. `CURIO_DRIVER` (installed, lavapipe, swiftshader) asks for one route only.
 * @param {(sentence: string) => void} say
 * @returns {Driver} with the variables that a new process must be started with
 */
export function chooseDriver(say) {
  /** @type {[Driver['route'], () => Record<string, string> | null][]} */
  const routes = [
    ['installed', () => ({})],
    ['lavapipe', () => lavapipe(say)],
    ['swiftshader', swiftShader],
  ];
  const only = process.env.CURIO_DRIVER;
  if (only && !routes.some(([route]) => route === only)) {
    throw new Error(`CURIO_DRIVER: '${only}' is not a driver; it may be installed, lavapipe or swiftshader.`);
  }
  const common = commonVariables();
  for (const [route, find] of routes) {
    if (only && only !== route) continue;
    const found = find();
    const adapter = found && probe({ ...common, ...found });
    if (adapter) return { route, env: { ...common, ...found, CURIO_DRIVER_CHOSEN: route }, adapter };
  }
  throw new Error(`gpu: no WebGPU adapter. ${advice()}`);
}

/** What this machine's owner can do about a missing driver. */
function advice() {
  if (process.platform !== 'linux')
    return 'Update the graphics driver; Windows 10 and macOS 12 or later bring what is needed.';
  if (exists('apt-get')) return 'Install a Vulkan driver; for a software one run: npm run curio -- doctor --install';
  return 'Install a Vulkan driver: Fedora dnf install mesa-vulkan-drivers vulkan-loader; Arch pacman -S vulkan-swrast vulkan-icd-loader (musl systems are not supported by the webgpu package).';
}

/** One or two sentences: which driver was chosen and what another would gain. @param {Driver} driver */
export function describeDriver({ route, adapter }) {
  const name = adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ');
  const origin = {
    installed: 'installed on this machine',
    lavapipe: 'unpacked into your cache',
    swiftshader: 'from npm',
  }[route];
  if (adapter.isGpu) return `driver: ${name}, ${origin}.`;
  if (/swiftshader/i.test(name))
    return `driver: ${name}, ${origin}. Mesa's Lavapipe would be about 8 times faster (npm run curio -- doctor --install), a real GPU a hundred times.`;
  return `driver: ${name}, ${origin}: every core of the processor. A real GPU with a Vulkan driver would be many times faster.`;
}

/** Changes the system: Mesa through apt, as root or with sudo. Returns a sentence that says what happened. */
export function installWithApt() {
  if (process.platform !== 'linux' || !exists('apt-get'))
    return `doctor: this machine has no apt, so nothing was installed. ${advice()}`;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !exists('sudo'))
    return 'doctor: neither root nor sudo here, so nothing was installed; run it as root, or let npm start unpack the driver into your cache.';
  const as = (/** @type {string[]} */ args) => {
    const [command, ...rest] = [...(isRoot ? [] : ['sudo']), 'env', 'DEBIAN_FRONTEND=noninteractive', ...args];
    return spawnSync(command, rest, { stdio: 'inherit' }).status === 0;
  };
  if (
    isBookworm() &&
    !run('grep', ['-rqs', 'bookworm-backports', '/etc/apt/sources.list', '/etc/apt/sources.list.d']).ok
  ) {
    const mirror = aptMirror();
    const line = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} bookworm-backports main`;
    if (!mirror || !as(['sh', '-c', `echo '${line}' > /etc/apt/sources.list.d/bookworm-backports.list`]))
      return 'doctor: the source bookworm-backports could not be added, so nothing was installed.';
  }
  const done =
    as(['apt-get', 'update', '-qq']) &&
    as(['apt-get', 'install', '-y', '--no-install-recommends', ...release(), ...packages]);
  return done
    ? `doctor: installed ${packages.join(' and ')}.`
    : `doctor: apt could not install ${packages.join(' and ')}; its own message is above.`;
}
