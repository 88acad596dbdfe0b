/** @file How a hub is reached, and what an app calls the settings that its user can change. */

export interface HubAccess {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  /** Only what is in the cache may be used. */
  readonly offline: boolean;
  /** Milliseconds before a request is repeated after a temporary failure; the delay doubles each time. */
  readonly pause: number;
  readonly words: HubWords;
}

/** Parts of sentences. */
export interface HubWords {
  /** Where the address of a hub is given: `in HF_ENDPOINT`. */
  readonly endpoint: string;
  /** Where a token is given: `in HF_TOKEN`. */
  readonly token: string;
  /** Why only the cache is used, and what to do about it: `HF_HUB_OFFLINE is set`, `unset it`. */
  readonly offline: readonly [wrong: string, remedy: string];
  /** What a name is not, as far as can be told without the hub: `is not a folder here`. */
  readonly absent: string;
  /** What helps where the network does not: `, or give a folder on this machine`. */
  readonly instead: string;
}
