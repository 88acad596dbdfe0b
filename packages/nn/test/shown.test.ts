import { expect, test } from 'vitest';
import { shownText } from '../src/files/shown.ts';

test('a text is shown on one line of at most 81 characters, whatever it contains', () => {
  expect(shownText('a'.repeat(80))).toBe('a'.repeat(80));
  expect(shownText('a\nb')).toBe('a\\u000ab');
  expect(shownText(`${'a'.repeat(50)}${'b'.repeat(50)}`)).toBe(`${'a'.repeat(40)}…${'b'.repeat(40)}`);
  expect(shownText('\0'.repeat(14))).toBe(`${'\\u0000'.repeat(6)}…${'\\u0000'.repeat(6)}`);
  expect(shownText(`ab${'\0'.repeat(100)}cd`)).toBe(`ab${'\\u0000'.repeat(6)}…${'\\u0000'.repeat(6)}cd`);
  expect(shownText('é'.repeat(80))).toBe('é'.repeat(80));
});
