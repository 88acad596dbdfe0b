/** Makes the built page work offline after the first visit: a service worker that keeps every file of the build. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

/** Answers from the cache, without using the network; a new build has a new name and replaces everything. */
const worker = (version: string, files: readonly string[]): string => `const KEPT = 'curio-${version}';
const FILES = ${JSON.stringify(files)};
self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)));
});
self.addEventListener('activate', (event) => {
  const stale = (name) => name.startsWith('curio-') && name !== KEPT;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(stale).map((name) => caches.delete(name)))),
  );
});
self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET') return;
  const kept = caches.open(KEPT).then((cache) => cache.match(event.request, { ignoreSearch: true }));
  event.respondWith(kept.then((response) => response ?? fetch(event.request)));
});
`;

export const offline = (): Plugin => ({
  name: 'curio-offline',
  apply: 'build',
  writeBundle({ dir }) {
    const paths = readdirSync(dir!, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'sw.js')
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    const hash = createHash('sha256');
    const files = paths.map((path) => relative(dir!, path).split(sep).join('/'));
    files.forEach((file, i) => hash.update(file).update(readFileSync(paths[i]!)));
    writeFileSync(join(dir!, 'sw.js'), worker(hash.digest('hex').slice(0, 16), ['./', ...files]));
  },
});
