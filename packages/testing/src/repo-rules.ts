/**
 * @file The rules of the house as functions from files to sentences. A rule sees a map of paths (from the root, with /)
 * to texts and answers one sentence for each violation, so a test can show it made-up files as well as the real ones.
 */

export type Files = ReadonlyMap<string, string>;

interface Import {
  from: string;
  line: number;
  specifier: string;
}

/** What each room may import, beside itself: only what stands left of it. */
const mayImport: Record<string, string[]> = {
  kernels: [],
  engine: ['kernels'],
  nn: ['engine'],
  model: ['engine', 'nn'],
  scenes: ['engine', 'nn', 'model'],
  eval: [],
  testing: ['kernels', 'engine', 'nn', 'model', 'scenes'],
  trainer: ['engine', 'nn', 'model', 'scenes', 'eval', 'scripts'],
  demo: ['engine', 'nn', 'model', 'scenes'],
  bench: ['kernels', 'engine', 'nn', 'model', 'scripts'],
  scripts: [],
};
/** What tests of any room may import: their furniture, and the small model's words. */
const forTests = ['testing', 'scenes'];
const order = 'kernels → engine → nn → model → scenes → apps';

/** Packages from npm that a room below the apps may import. */
const mayDependOn: Record<string, string[]> = {
  engine: ['webgpu'],
  nn: [],
  model: ['@huggingface/tokenizers', 'hyparquet', 'hyparquet-compressors'],
  scenes: [],
  eval: ['fflate'],
};

const floors = ['gpu', 'tensor', 'ops', 'optim', 'profile'];
/** Floors of truths and judges: nothing in the engine imports them but the truth files beside the ops. */
const judges = ['truth', 'check'];
/** The families of ops; `parts` is what several of them are made of. */
const families = [
  'parts',
  'layout',
  'cast',
  'reduce',
  'elementwise',
  'random',
  'rows',
  'index',
  'matmul',
  'attention',
  'window',
  'prototype',
  'composed',
];

export const isSource = (path: string): boolean => /\.(ts|tsx|mts|mjs)$/.test(path);
export const isGenerated = (path: string): boolean => path.startsWith('kernels/gen/');
export const isTest = (path: string): boolean => /(^|\/)(test|examples)\//.test(path) || /\.config\.ts$/.test(path);

/** `packages/nn/src/x.ts` → `nn`; null for files in no room (the root's own). */
export const roomOf = (path: string): string | null =>
  /^(?:packages|apps)\/([^/]+)\//.exec(path)?.[1] ?? /^(kernels|bench|scripts)\//.exec(path)?.[1] ?? null;

/** Comments become spaces; strings stay. Good enough for the forms that our formatter leaves. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|(?<=^|[\s;,{}()])\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '));

/** The comments alone, each where it stands. */
export function onlyComments(text: string): string {
  const bare = withoutComments(text);
  return [...text].map((char, i) => (char === '\n' || char !== bare[i] ? char : ' ')).join('');
}

export const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function importsOf(path: string, text: string): Import[] {
  const pattern =
    /\b(?:import|export)\s+(?:type\s+)?(?:[\w$*\s{},]+?\s+from\s+)?['"]([^'"\n]+)['"]|\bimport\(\s*(?:\/\*.*?\*\/\s*)?['"]([^'"\n]+)['"]\s*\)/g;
  return [...withoutComments(text).matchAll(pattern)].map((match) => ({
    from: path,
    line: lineOf(text, match.index),
    specifier: match[1] ?? match[2],
  }));
}

const allImports = (files: Files): Import[] =>
  [...files].filter(([path]) => isSource(path) && !isGenerated(path)).flatMap(([path, text]) => importsOf(path, text));

/** `packages/a/src/x.ts` + `../y.ts` → `packages/a/y.ts`. */
export function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/**
 * Rooms import only from the left, third parties only where declared, and nothing imports testing or bench but tests.
 */
export function importArrows(files: Files): string[] {
  return allImports(files).flatMap((each) => {
    const room = roomOf(each.from);
    if (!room || !(room in mayImport)) return [];
    const at = `${each.from}:${each.line}`;
    const relative = each.specifier.startsWith('.');
    const target = relative ? roomOf(resolve(each.from, each.specifier)) : /^@curio\/([^/]+)/.exec(each.specifier)?.[1];
    if (relative && target !== room) {
      if (target === 'scripts' && mayImport[room].includes(target)) return [];
      if (isTest(each.from)) return [];
      return [`${at} imports '${each.specifier}' out of its own room; import a workspace package by its name.`];
    }
    if (target === undefined || target === null) {
      const npmName = each.specifier
        .split('/')
        .slice(0, each.specifier.startsWith('@') ? 2 : 1)
        .join('/');
      if (
        relative ||
        isTest(each.from) ||
        !(room in mayDependOn) ||
        mayDependOn[room].includes(npmName) ||
        npmName.startsWith('node:')
      )
        return [];
      return [
        `${at} imports '${npmName}'; ${room} depends on ${mayDependOn[room].join(', ') || 'no package from npm'}.`,
      ];
    }
    if (target === room || mayImport[room].includes(target)) return [];
    if (isTest(each.from) && forTests.includes(target)) return [];
    if (target === 'testing' || target === 'bench') return [`${at} imports @curio/${target}; only tests may.`];
    return [`${at} imports @curio/${target}, but ${room} may import only from its left: ${order}.`];
  });
}

const isTruth = (path: string): boolean => path.endsWith('.cases.ts');

/**
 * What the engine's own imports lead to, by the folder below src/ (or below `inside`) that they come from and go to.
 */
function engineArrows(files: Files, inside = ''): { each: Import; from: string; to: string }[] {
  const folderOf = (path: string) => new RegExp(`^packages/engine/src/${inside}([^/]+)/`).exec(path)?.[1];
  return allImports(files).flatMap((each) => {
    const [from, to] = [
      folderOf(each.from),
      each.specifier.startsWith('.') ? folderOf(resolve(each.from, each.specifier)) : undefined,
    ];
    return from && to && from !== to ? [{ each, from, to }] : [];
  });
}

/**
 * Inside the engine: gpu → tensor → ops → optim → profile. check may use all of them; the truth files beside the ops
 * use truth, and truth uses no judge.
 */
export function engineFloors(files: Files): string[] {
  return engineArrows(files).flatMap(({ each, from, to }) => {
    const isAllowed = judges.includes(to)
      ? from === 'check' || (to === 'truth' && isTruth(each.from))
      : judges.includes(from) || floors.indexOf(to) < floors.indexOf(from);
    return isAllowed
      ? []
      : [
          `${each.from}:${each.line} imports '${each.specifier}', but inside the engine ${from} may import only from its left: ${floors.join(' → ')}.`,
        ];
  });
}

/** A family of ops imports only families below it, types counted; each stands in the order. */
export function opFamilies(files: Files): string[] {
  const homeless = [...files.keys()].flatMap((path) => {
    const family = /^packages\/engine\/src\/ops\/(?:([^/]+)\/)?/.exec(path)?.[1];
    return path.startsWith('packages/engine/src/ops/') && !families.includes(family ?? '')
      ? [`${path} is in no family of ops; they are ${families.join(', ')}.`]
      : [];
  });
  const climbing = engineArrows(files, 'ops/').flatMap(({ each, from, to }) =>
    isTruth(each.from) || families.indexOf(to) <= families.indexOf(from)
      ? []
      : [
          `${each.from}:${each.line} imports '${each.specifier}', but ops/${from} may import only from its left: ${families.join(' → ')}.`,
        ],
  );
  return [...homeless, ...climbing];
}

const gpuFolders = ['memory', 'kernel', 'stream'];
/** What stands in gpu/ itself below its folders; the rest of it stands above them. */
const gpuGround = ['adapter.ts', 'costs.ts', 'errors.ts', 'sync.ts'];

/** Inside gpu/: the ground → memory → kernel → stream → the rest, types counted. */
export function gpuFloors(files: Files): string[] {
  const floorOf = (path: string): number => {
    const [first, ...rest] = path.split('/').slice(4);
    if (rest.length > 0) return 1 + gpuFolders.indexOf(first);
    return gpuGround.includes(first) ? 0 : gpuFolders.length + 1;
  };
  return allImports(files).flatMap((each) => {
    const target = each.specifier.startsWith('.') ? resolve(each.from, each.specifier) : '';
    return !inGpu(each.from) || !inGpu(target) || floorOf(target) <= floorOf(each.from)
      ? []
      : [
          `${each.from}:${each.line} imports '${each.specifier}', but inside gpu/ each may import only from its left: ${gpuGround.join(', ')} → ${gpuFolders.join(' → ')} → the rest; name the part of it that is needed in an interface.`,
        ];
  });
}

const MOST_FILES = 16;

/** So many files of its own, truths beside them not counted, and a folder wants walls. */
export function folderSizes(files: Files): string[] {
  const counts = new Map<string, number>();
  for (const path of files.keys()) {
    const folder = path.split('/').slice(0, -1).join('/');
    if (isSource(path) && isProduct(path) && !isTruth(path)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > MOST_FILES)
    .map(
      ([folder, count]) => `${folder} holds ${count} files; at most ${MOST_FILES}: part them by what they are about.`,
    );
}

const inGpu = (path: string): boolean => path.startsWith('packages/engine/src/gpu/');

/** Rings of imports, those of types included. */
export function cycles(files: Files): string[] {
  const edges = new Map<string, string[]>();
  for (const each of allImports(files)) {
    if (!each.specifier.startsWith('.')) continue;
    const target = resolve(each.from, each.specifier);
    edges.set(each.from, [...(edges.get(each.from) ?? []), target]);
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      found.push(
        `${[...trail.slice(at), path].join(' → ')} is a ring of imports; move what they share into one of them or a third.`,
      );
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

/** A rule that looks for a pattern in some files and names the place. */
export const forbid =
  (applies: (path: string) => boolean, pattern: RegExp, sentence: (found: string) => string) =>
  (files: Files): string[] =>
    [...files]
      .filter(([path]) => isSource(path) && applies(path))
      .flatMap(([path, text]) =>
        [...withoutComments(text).matchAll(pattern)].map(
          (match) => `${path}:${lineOf(text, match.index)} ${sentence(match[0].trim())}`,
        ),
      );

const isProduct = (path: string): boolean =>
  /^(packages|apps|bench)\//.test(path) && roomOf(path) !== 'testing' && !isTest(path);
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

/** The lock file and the sources name no server: each machine supplies its own. */
export function serverAddresses(files: Files): string[] {
  const lock = [...(files.get('package-lock.json') ?? '').matchAll(/"resolved": *"(https?:[^"]*)"/g)].map(
    (match) =>
      `package-lock.json names the registry address ${match[1]}; run npm install with this repository's .npmrc.`,
  );
  const mirrors = [...files]
    .filter(([path]) => isSource(path) && !isTest(path))
    .flatMap(([path, text]) =>
      [...text.matchAll(/https?:\/\/[\w.-]+\/(?:debian|ubuntu)\b/g)].map(
        (match) => `${path} names the package mirror ${match[0]}; ask the machine's own apt.`,
      ),
    );
  return [...lock, ...mirrors];
}

/**
 * npm ci refuses a lock file that lacks a package for another platform, and npm leaves those out where a registry has
 * none of them.
 */
export function lockComplete(files: Files): string[] {
  const packages = JSON.parse(files.get('package-lock.json') ?? '{}').packages ?? {};
  return Object.entries(packages as Record<string, { optionalDependencies?: Record<string, string> }>).flatMap(
    ([at, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !(`node_modules/${name}` in packages) && !(`${at}/node_modules/${name}` in packages))
        .map(
          (name) =>
            `package-lock.json has no entry for ${name}, which ${at} may need on another platform; npm ci fails without it.`,
        ),
  );
}

/** Dependencies are pinned exactly (peers aside). */
export function pinnedVersions(files: Files): string[] {
  return [...files]
    .filter(([path]) => /(^|\/)package\.json$/.test(path))
    .flatMap(([path, text]) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text);
      return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies } as Record<string, string>)
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${path} asks for ${name} '${version}'; pin one version.`);
    });
}
