/** The page reads the model as files under /model: the frozen base, and what was trained: the newest finished run, else the committed adapter. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');

/** Folder of what was trained: a run's, or the committed one. */
function trainedFolder(): string {
  if (process.env.CURIO_RUN) return resolve(process.env.CURIO_RUN);
  const runs = join(root, 'runs');
  const finished = existsSync(runs) ? readdirSync(runs).map((name) => join(runs, name)).filter((run) => existsSync(join(run, 'adapter')) && existsSync(join(run, 'summary.json'))) : [];
  return finished.sort((a, b) => statSync(join(b, 'summary.json')).mtimeMs - statSync(join(a, 'summary.json')).mtimeMs)[0] ?? join(here, 'trained');
}

/** Where each folder under /model lies. */
function places(): Record<string, string> {
  const trained = trainedFolder();
  return { language: join(root, 'apps/trainer/base/language'), vision: join(root, 'apps/trainer/base/vision'), adapter: join(trained, 'adapter'), run: trained };
}

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function modelFiles(): Plugin {
  const serve = (url: string | undefined): Buffer | null => {
    const [place, ...rest] = (url ?? '').replace(/\?.*$/, '').split('/').filter(Boolean);
    const folder = places()[place ?? ''];
    const path = folder && resolve(folder, rest.join('/'));
    return path && !relative(folder, path).startsWith('..') && existsSync(path) && statSync(path).isFile() ? readFileSync(path) : null;
  };
  type Server = { middlewares: { use(path: string, handler: (request: { url?: string }, response: { statusCode: number; setHeader(name: string, value: string): void; end(body?: unknown): void }) => void): void } };
  const attach = (server: Server): void => void server.middlewares.use('/model', (request, response) => {
    const body = serve(request.url);
    response.statusCode = body ? 200 : 404;
    response.setHeader('Content-Type', request.url?.endsWith('.json') ? 'application/json' : 'application/octet-stream');
    response.end(body ?? undefined);
  });
  return {
    name: 'curio-model-files',
    configureServer: (server) => void attach(server as Server),
    configurePreviewServer: (server) => void attach(server as Server),
    generateBundle() {
      const { run, ...folders } = places();
      for (const [name, folder] of Object.entries(folders)) {
        for (const file of filesUnder(folder)) this.emitFile({ type: 'asset', fileName: `model/${name}/${relative(folder, file)}`, source: readFileSync(file) });
      }
      for (const name of ['config.json', 'summary.json']) {
        if (existsSync(join(run!, name))) this.emitFile({ type: 'asset', fileName: `model/run/${name}`, source: readFileSync(join(run!, name)) });
      }
    },
  };
}

export default defineConfig({
  root: here,
  plugins: [modelFiles()],
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: { target: 'es2022', outDir: 'dist' },
});
