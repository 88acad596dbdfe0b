/** @file Functions that record must not be async: what they record after an await belongs to no scope. */
import { CurioError } from './errors.ts';

/** Throws CurioError for an async function. */
export function requireSync(where: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new CurioError(`${where}: the argument is ${typeof fn}; it must be a function.`);
  if (fn.constructor.name === 'AsyncFunction')
    throw new CurioError(
      `${where}: the function is async, and ${where} ends at its first await; record in a plain function and await what it returns.`,
    );
}
