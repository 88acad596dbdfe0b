/**
 * The page reads the model as files under model/, listed in model/files.json: the frozen base, and what was trained:
 * the newest finished run, else the committed one.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import { defineConfig, runnerImport } from 'vite';
import type { Connect, Plugin } from 'vite';
import { offline } from './offline.ts';
import { plainKernels } from './plain-kernels.ts';

const here = import.meta.dirname;
const root = resolve(here, '../..');

/** Packages of the workspace are resolved to their sources. */
const CONDITIONS = ['source', 'module', 'browser', 'development|production'];

/** The folders that CURIO_BASE and CURIO_RUN name replace the repository's own. */
const BASE = resolve(process.env.CURIO_BASE ?? join(root, 'apps/trainer/base'));
const RUN = process.env.CURIO_RUN && resolve(process.env.CURIO_RUN);

/** Whether a run has ended and is based on the page's base model. */
function isFinished(run: string): boolean {
  if (!['adapter', 'summary.json', 'config.json'].every((name) => existsSync(join(run, name)))) return false;
  const { base } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')) as {
    base?: { language: string; vision: string };
  };
  return base === undefined || (base.language === 'embedded' && base.vision === 'embedded');
}

/** Folder of what was trained. */
function trainedFolder(): string {
  if (RUN) return RUN;
  const runs = join(root, 'runs');
  const finished = existsSync(runs)
    ? readdirSync(runs)
        .map((name) => join(runs, name))
        .filter(isFinished)
    : [];
  const age = (run: string): number => -statSync(join(run, 'summary.json')).mtimeMs;
  return finished.sort((a, b) => age(a) - age(b))[0] ?? join(here, 'trained');
}

/** Path of each file on disk by its path under model/. */
function modelFiles(): Map<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, path: string): void => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) for (const entry of readdirSync(path)) add(`${name}/${entry}`, join(path, entry));
    else files.set(name, path);
  };
  const trained = trainedFolder();
  for (const [name, path] of [
    ['language', join(BASE, 'language')],
    ['vision', join(BASE, 'vision')],
    ['adapter', join(trained, 'adapter')],
  ] as const)
    add(name, path);
  for (const name of ['config.json', 'summary.json']) add(`run/${name}`, join(trained, name));
  return files;
}

/** As the development server serves them: the files on disk. */
const listing = (files: Map<string, string>): string =>
  JSON.stringify(
    Object.fromEntries([...files].map(([name, path]) => [name, { file: name, size: statSync(path).size }])),
  );

function servedModel(): Plugin {
  const serve = (request: Connect.IncomingMessage, response: ServerResponse): void => {
    const name = (request.url ?? '').replace(/^\/|\?.*$/g, '');
    const files = modelFiles();
    const path = files.get(name);
    const body = name === 'files.json' ? listing(files) : path && readFileSync(path);
    response.writeHead(body === undefined ? 404 : 200, {
      'Content-Type': name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'Cache-Control': 'no-cache',
    });
    response.end(body);
  };
  return {
    name: 'curio-model-files',
    configureServer: ({ middlewares }) => void middlewares.use('/model', serve),
    async generateBundle() {
      // The packages are TypeScript, which this file itself could not import.
      const { module } = await runnerImport<typeof import('./page-model.ts')>(join(here, 'page-model.ts'), {
        environments: { inline: { resolve: { conditions: CONDITIONS, noExternal: [/^@curio\//] } } },
      });
      const { listing, files } = await module.pageModel(modelFiles());
      this.emitFile({ type: 'asset', fileName: 'model/files.json', source: JSON.stringify(listing) });
      for (const [file, source] of files) this.emitFile({ type: 'asset', fileName: `model/${file}`, source });
    },
  };
}

/** Where the page will be, with a slash at its end: pictures of preview cards need an absolute address. */
const SITE = process.env.CURIO_SITE ?? '';
/** Where its code is; a GitHub workflow provides this itself. */
const { CURIO_CODE, GITHUB_REPOSITORY } = process.env;
const CODE = CURIO_CODE ?? (GITHUB_REPOSITORY ? `https://github.com/${GITHUB_REPOSITORY}` : '');

const addressed: Plugin = {
  name: 'curio-address',
  transformIndexHtml: (html) => html.replaceAll('%SITE%', SITE),
};

export default defineConfig(({ command }) => ({
  root: here,
  base: './',
  define: { CODE: JSON.stringify(CODE), IS_SERVED: command === 'serve' },
  plugins: [servedModel(), addressed, offline()],
  resolve: { conditions: CONDITIONS },
  worker: { format: 'es', plugins: () => [plainKernels(join(root, 'kernels'))] },
  build: { target: 'es2022', outDir: 'dist' },
}));
