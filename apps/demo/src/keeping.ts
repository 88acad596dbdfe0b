/**
 * @file What a reload and a link preserve: drawing and question are in the URL, the conversation and the visitor's
 * own picture in the tab's session storage.
 */
import type { Picture } from '@curio/model';
import { effect } from '@preact/signals';
import { readSketch, writeSketch } from './board/address.ts';
import { endStroke, isDrawing, isEmpty, isUntouched, notice, past, restore, sketch } from './board/drawing.ts';
import type { Sketch } from './board/sketch.ts';
import { talks } from './session.ts';
import type { Talk } from './session.ts';
import { question } from './talk/asking.tsx';

const KEY = 'curio-page-2';
const MOST_TALKS = 20;
/** Browsers limit how often a page may change its URL. In ms. */
const PAUSE = 250;

type Kept<T> = Omit<T, 'picture'> & { readonly picture: KeptPicture };
interface KeptPicture {
  readonly width: number;
  readonly height: number;
  /** Base64. */
  readonly rgb: string;
}
const pack = ({ width, height, rgb }: Picture): KeptPicture => ({
  width,
  height,
  rgb: btoa(String.fromCharCode(...rgb)),
});
const unpack = ({ width, height, rgb }: KeptPicture): Picture => ({
  width,
  height,
  rgb: Uint8Array.from(atob(rgb), (letter) => letter.charCodeAt(0)),
});

/** Unfinished talks start over after a reload. */
const resumed = (talk: Talk): Talk =>
  talk.state === 'writing' || talk.state === 'waiting'
    ? { ...talk, state: 'waiting', texts: {}, sureness: {}, tokens: 0, seconds: 0 }
    : talk;

interface KeptPage {
  readonly talks: readonly Kept<Talk>[];
  /** Absent until the visitor has changed the board. */
  readonly sketch?: Omit<Sketch, 'photo'> & { readonly photo?: KeptPicture };
  /** The URL it was stored under: a different one is a link, and takes precedence. */
  readonly hash: string;
}

/** If storage is full or forbidden, less is kept, and the page keeps working. */
function keep(): void {
  const { photo, ...drawn } = sketch.value;
  const kept = talks.value
    .filter(({ isOpening, state }) => !isOpening || state === 'done')
    .map((talk): Kept<Talk> => ({ ...talk, picture: pack(talk.picture) }));
  for (let count = MOST_TALKS; count >= 0; count = count === 0 ? -1 : Math.floor(count / 2)) {
    const page: KeptPage = {
      talks: kept.slice(0, count),
      ...(isUntouched ? {} : { sketch: { ...drawn, ...(photo && { photo: pack(photo) }) } }),
      hash: location.hash,
    };
    try {
      sessionStorage.setItem(KEY, JSON.stringify(page));
      return;
    } catch {
      // Fewer may fit.
    }
  }
}

/** The conversation, and after a reload also the drawing. */
function restoreStorage(): void {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as KeptPage | null;
    if (!kept) return;
    talks.value = kept.talks.map((talk) => resumed({ ...talk, picture: unpack(talk.picture) }));
    if (!kept.sketch) return;
    const { photo, ...drawn } = kept.sketch;
    if (location.hash === kept.hash || !new URLSearchParams(location.hash.slice(1)).has('board'))
      restore({ ...drawn, ...(photo && { photo: unpack(photo) }) });
  } catch {
    // An older page or another program may have stored something else.
  }
}

function restoreAddress(): void {
  const kept = new URLSearchParams(location.hash.slice(1));
  const text = kept.get('board');
  question.value = (kept.get('ask') ?? '').slice(0, 200);
  if (text === null) return;
  const drawing = readSketch(text);
  if (drawing) restore(drawing);
  else notice.value = 'The drawing in this address could not be read.';
}

function writeAddress(): void {
  const text = isUntouched && isEmpty.value ? null : writeSketch(sketch.value);
  const kept = new URLSearchParams({
    ...(text === null ? {} : { board: text }),
    ...(question.value === '' ? {} : { ask: question.value.slice(0, 200) }),
  });
  history.replaceState(history.state, '', `#${kept}`);
}

/** Restores what was stored, and stores later changes. */
export function keepPage(): void {
  restoreAddress();
  restoreStorage();
  addEventListener('hashchange', () => {
    past.value = [...past.value, sketch.value];
    restoreAddress();
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isFirst = true;
  effect(() => {
    void [sketch.value, isDrawing.value, question.value, talks.value];
    clearTimeout(timer);
    if (!isFirst && !isDrawing.value) timer = setTimeout(() => (writeAddress(), keep()), PAUSE);
    isFirst = false;
  });
  // A reload uses the URL as it was before this.
  addEventListener('pagehide', () => {
    if (isDrawing.value) endStroke();
    keep();
    writeAddress();
  });
}
