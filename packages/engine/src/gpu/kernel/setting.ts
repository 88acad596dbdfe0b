/** @file A setting that a function can change while it runs. */

/** Runs `fn`, and `undo` once it has returned or thrown, or its promise has settled. */
export function undoneAfter<R>(fn: () => R, undo: () => void): R {
  let result: R;
  try {
    result = fn();
  } catch (error) {
    undo();
    throw error;
  }
  if (result instanceof Promise) return result.finally(undo) as R;
  undo();
  return result;
}

/** A value with temporary overrides: the newest applies, in whatever order they end. */
export class Setting<T> {
  private readonly standIns: { readonly value: T }[] = [];

  constructor(private usual: T) {}

  get value(): T {
    const newest = this.standIns.at(-1);
    return newest ? newest.value : this.usual;
  }

  /** Changes the value for good. */
  set(value: T): void {
    this.usual = value;
  }

  /** Runs `fn` with another value: until it returns or throws, or its promise settles. */
  during<R>(value: T, fn: () => R): R {
    const standIn = { value };
    this.standIns.push(standIn);
    const end = (): void => void this.standIns.splice(this.standIns.indexOf(standIn), 1);
    return undoneAfter(fn, end);
  }
}
