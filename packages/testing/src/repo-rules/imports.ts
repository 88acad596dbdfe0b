/** @file The rules about imports: which room, floor and family may import which, and that none form a ring. */
import { isGenerated, isSource, isTest, isTruth, lineOf, resolve, roomOf, withoutComments } from './files.ts';
import type { Files } from './files.ts';

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
  hub: ['engine', 'nn'],
  eval: [],
  testing: ['kernels', 'engine', 'nn', 'model', 'scenes'],
  trainer: ['engine', 'nn', 'model', 'scenes', 'hub', 'eval', 'scripts'],
  demo: ['engine', 'nn', 'model', 'scenes', 'hub'],
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
  hub: ['@huggingface/hub'],
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

const inGpu = (path: string): boolean => path.startsWith('packages/engine/src/gpu/');

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
