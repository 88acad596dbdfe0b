// npm run codegen writes what follows from other sources: of every kernels/**/*.wgsl (not lib/) kernels/gen/<path with
// _>.ts, plain data that the engine bundles; the table in kernels/README.md; and
// packages/engine/src/check/case-modules.ts, the register of the ops' truths.
// With --check it writes nothing and exits 1 where a generated file is missing, stale or left over.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ReflectError, reflectKernel } from './reflect.ts';
import { kernelTable } from './table.ts';
import type { TableRow } from './table.ts';

const kernelsFolder = path.dirname(fileURLToPath(import.meta.url));
const engineSources = 'packages/engine/src';

/** `matmul/row_tiles8` → `matmulRowTiles8`. */
export const constantName = (name: string): string =>
  name.replace(/[/_-]+(\w)/g, (_, letter: string) => letter.toUpperCase());

const quote = (text: string): string => (/['\\\n]/.test(text) ? JSON.stringify(text) : `'${text}'`);

/** Plain data as TypeScript: one line for what fits, else one line a member. */
function literal(value: unknown, indent: string): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => literal(item, `${indent}  `))
    : Object.entries(value).map(([key, item]) => `${key}: ${literal(item, `${indent}  `)}`);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  const pad = isList ? '' : ' ';
  const line = parts.length ? `${open}${pad}${parts.join(', ')}${pad}${close}` : `${open}${close}`;
  if (line.length + indent.length <= 110 && indent !== '') return line;
  return `${open}\n${parts.map((part) => `${indent}  ${part},\n`).join('')}${indent}${close}`;
}

const generatedText = (kernel: ReturnType<typeof reflectKernel>): string =>
  `// Generated from ${kernel.file} by npm run codegen. Do not edit.\nexport const ${constantName(kernel.name)} = ${literal(kernel, '')} as const;\n`;

/**
 * Every x.cases.ts of the ops as a static import, which Node, a bundle and a page all read.
 * @param sources the engine's src
 */
function caseModulesText(sources: string): string {
  const paths = (fs.readdirSync(path.join(sources, 'ops'), { recursive: true }) as string[])
    .map((entry) => entry.split(path.sep).join('/'))
    .filter((entry) => entry.endsWith('.cases.ts'))
    .sort();
  const names = paths.map((entry) => constantName(entry.slice(0, -'.cases.ts'.length)));
  return [
    `// Generated from ${engineSources}/ops/*/*.cases.ts by npm run codegen. Do not edit.`,
    ...paths.map((entry, i) => `import * as ${names[i]} from '../ops/${entry}';`),
    '\nexport const caseModules = [',
    ...names.map((name) => `  ${name},`),
    '];\n',
  ].join('\n');
}

/**
 * Reads all kernels and truths.
 * @returns path from the root → its right text, and a sentence for each kernel that is refused
 */
export function generateAll(folder = kernelsFolder): { files: Map<string, string>; problems: string[] } {
  const files = new Map<string, string>();
  const problems: string[] = [];
  const rows: TableRow[] = [];
  const users = importers(path.resolve(folder, '..', engineSources));
  const readLib = (file: string) => (file.startsWith('lib/') ? read(path.join(folder, file)) : null);
  for (const entry of (fs.readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const relative = entry.split(path.sep).join('/');
    if (!relative.endsWith('.wgsl') || /^(lib|node_modules|test|gen)\//.test(relative)) continue;
    const name = relative.slice(0, -'.wgsl'.length);
    try {
      const generated = `kernels/gen/${name.replaceAll('/', '_')}.ts`;
      if (files.has(generated))
        throw new ReflectError(`kernels/${relative}:1 would be ${generated}, as another kernel is; rename one.`);
      const code = fs.readFileSync(path.join(folder, entry), 'utf8');
      files.set(generated, generatedText(reflectKernel(name, code, readLib)));
      rows.push({ name, code, usedBy: users.get(name.replaceAll('/', '_')) ?? [] });
    } catch (error) {
      if (!(error instanceof ReflectError)) throw error;
      problems.push(error.message);
    }
  }
  files.set(`${engineSources}/check/case-modules.ts`, caseModulesText(path.resolve(folder, '..', engineSources)));
  if (problems.length === 0) files.set('kernels/README.md', kernelTable(rows));
  return { files, problems };
}

/** Which sources of the engine import each generated file. */
function importers(sources: string): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const entry of (fs.readdirSync(sources, { recursive: true }) as string[]).sort()) {
    if (!entry.endsWith('.ts')) continue;
    for (const [, name] of fs.readFileSync(path.join(sources, entry), 'utf8').matchAll(/'@curio\/kernels\/(\w+)'/g)) {
      users.set(name, [...(users.get(name) ?? []), `${engineSources}/${entry.split(path.sep).join('/')}`]);
    }
  }
  return users;
}

const read = (file: string): string | null => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null);

/** One sentence for each generated file that is not what its sources say, and for each kernel that is refused. */
export function staleFiles(folder = kernelsFolder): string[] {
  const { files, problems } = generateAll(folder);
  const stale = [...files]
    .filter(([name, text]) => read(path.join(folder, '..', name)) !== text)
    .map(([name]) => `${name} is stale; run: npm run codegen`);
  return [
    ...problems,
    ...stale,
    ...leftovers(folder, files).map((name) => `${name} has no kernel any more; run: npm run codegen`),
  ];
}

const leftovers = (folder: string, files: Map<string, string>): string[] =>
  fs
    .readdirSync(path.join(folder, 'gen'))
    .map((name) => `kernels/gen/${name}`)
    .filter((name) => name.endsWith('.ts') && !files.has(name));

function writeAll(): string[] {
  const { files, problems } = generateAll();
  fs.mkdirSync(path.join(kernelsFolder, 'gen'), { recursive: true });
  for (const [name, text] of files) {
    const target = path.join(kernelsFolder, '..', name);
    if (read(target) === text) continue;
    fs.writeFileSync(`${target}.part-${process.pid}`, text); // renamed, so that a reader never sees half a file
    fs.renameSync(`${target}.part-${process.pid}`, target);
    console.log(`codegen: ${name}`);
  }
  // A refused kernel keeps its last good file.
  if (problems.length === 0)
    for (const name of leftovers(kernelsFolder, files)) fs.rmSync(path.join(kernelsFolder, '..', name));
  return problems;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = process.argv.includes('--check') ? staleFiles() : writeAll();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length ? 1 : 0;
}
