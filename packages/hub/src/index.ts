/** Repositories of a Hugging Face hub, downloaded into a cache that the app gives: a disk, or a browser's storage. */
export type { HubAccess, HubWords } from './access.ts';
export type { Digest, Draft, RepoCache } from './cache.ts';
export { COMMIT, hubNameOf, parseHubName, pinnedName, shownHubName } from './hub-name.ts';
export type { HubName } from './hub-name.ts';
export type { RepoFile } from './listing.ts';
export { HubError, HubUnreachable } from './request.ts';
export { openSnapshot } from './snapshot.ts';
export type { SnapshotOptions } from './snapshot.ts';
