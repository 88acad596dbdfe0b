/** @file Groups of parameters by name: which are trained, and at what factor on the learning rate. */
import { ConfigError } from '../gpu/errors.ts';

/**
 * Name pattern → factor on the learning rate. A pattern matches a name that contains it; `*` stands for any characters.
 * The first that matches counts.
 */
export type Trainable = readonly (readonly [pattern: string, lrFactor: number])[];

/** How many names an error offers. */
const OFFERED = 3;

const expression = (pattern: string): RegExp =>
  new RegExp(
    pattern
      .split('*')
      .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
  );

/** The pattern of `groups` that `name` falls under, as an index, or -1. */
export function groupOf(name: string, groups: Trainable): number {
  return groups.findIndex(([pattern]) => expression(pattern).test(name));
}

/**
 * Checks that each pattern decides about at least one of the parameters `names`, so that a misspelt pattern cannot
 * freeze parameters by mistake.
 * @param where what messages begin with, such as `adamw`
 * @throws ConfigError for a pattern that matches no name, or only names that earlier patterns take, and where `names`
 * or `groups` is empty
 */
export function checkGroups(where: string, names: readonly string[], groups: Trainable): void {
  if (names.length === 0) throw new ConfigError(`${where}: there are 0 parameters; give at least one to train.`);
  if (groups.length === 0)
    throw new ConfigError(
      `${where}: there are 0 patterns, so none of ${names.length} parameters would be trained; the pattern '' matches all of them.`,
    );
  const taken = names.map((name) => groupOf(name, groups));
  for (const [i, [pattern]] of groups.entries()) {
    if (taken.includes(i)) continue;
    const matches = expression(pattern);
    const matched = taken.filter((_, n) => matches.test(names[n]!));
    if (matched.length > 0) {
      throw new ConfigError(
        `${where}: pattern '${pattern}' has no effect, as earlier patterns, such as '${groups[matched[0]!]![0]}', match all ${matched.length} of its parameters; put the narrower pattern first.`,
      );
    }
    const near = nearestNames(pattern, names)
      .map((name) => `'${name}'`)
      .join(', ');
    throw new ConfigError(
      `${where}: pattern '${pattern}' matches none of ${names.length} parameters (nearest: ${near}); it must be a part of a parameter's name, with * for any characters.`,
    );
  }
}

/** Names that come nearest to containing `pattern`, those that differ in numbers alone counted once. */
function nearestNames(pattern: string, names: readonly string[]): string[] {
  const kinds = new Map<string, string>();
  for (const name of names) {
    const kind = name.replace(/\d+/g, '0');
    if (!kinds.has(kind)) kinds.set(kind, name);
  }
  const ranked = [...kinds.values()].map((name) => ({ name, edits: editsInto(pattern, name) }));
  return ranked
    .sort((a, b) => a.edits - b.edits)
    .slice(0, OFFERED)
    .map(({ name }) => name);
}

/**
 * The fewest edits that make `pattern` a substring of `name`: Levenshtein distance, where the text before and after
 * costs nothing, nor does `*`.
 */
function editsInto(pattern: string, name: string): number {
  let row = new Array<number>(name.length + 1).fill(0);
  for (const letter of pattern) {
    const isAny = letter === '*';
    const next = [row[0]! + (isAny ? 0 : 1)];
    for (let j = 1; j <= name.length; j++) {
      next.push(
        isAny
          ? Math.min(row[j]!, next[j - 1]!)
          : Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (letter === name[j - 1] ? 0 : 1)),
      );
    }
    row = next;
  }
  return Math.min(...row);
}
