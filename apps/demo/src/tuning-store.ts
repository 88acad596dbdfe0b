/**
 * @file Measured choices of kernels, kept between visits: a record for each adapter in IndexedDB. In a browser that
 * stores nothing (a private window), each visit measures again.
 */
import type { TuningStore } from '@curio/engine';

const [DATABASE, RECORDS] = ['curio', 'tuning'];

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed without a reason'));
  });

async function records(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => void opening.result.createObjectStore(RECORDS);
  return (await done(opening)).transaction(RECORDS, mode).objectStore(RECORDS);
}

export const browserTuning: TuningStore = {
  load: async (key) => {
    try {
      return ((await done((await records('readonly')).get(key))) as string | undefined) ?? null;
    } catch {
      return null;
    }
  },
  save: async (key, record) => {
    await records('readwrite')
      .then((store) => done(store.put(record, key)))
      .catch(() => {});
  },
};
