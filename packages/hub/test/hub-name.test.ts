import { ConfigError } from '@curio/engine';
import { expect, test } from 'vitest';
import { hubNameOf, parseHubName, pinnedName } from '../src/index.ts';

test('names of a hub: owner, repository and revision; paths are not names', () => {
  expect(parseHubName('lmsys/vicuna-7b-v1.5')).toEqual({ name: 'lmsys/vicuna-7b-v1.5', revision: 'main' });
  expect(parseHubName('a/b@refs/pr/1')).toEqual({ name: 'a/b', revision: 'refs/pr/1' });
  for (const path of ['nowhere', './a/b', '../a', '/a/b', 'a/b/c', 'a/', 'a--b/c', 'a/b..c', 'C:\\a\\b', '~/a'])
    expect(parseHubName(path)).toBeUndefined();
  for (const revision of ['', '../a', 'a//b', '.a', 'a/', 'a b'])
    expect(() => parseHubName(`a/b@${revision}`)).toThrow(
      new ConfigError(
        `hub: '${revision}' in a/b@${revision} is not a revision; write a/b@REVISION with a branch, a tag or a commit.`,
      ),
    );
  const commit = '0'.repeat(40);
  expect(hubNameOf(`/x/hub/models--lmsys--vicuna-7b/snapshots/${commit}`)).toBe('lmsys/vicuna-7b');
  expect(hubNameOf(`models--a--b-c/snapshots/${commit}/Vit-lora/`)).toBe('a/b-c/Vit-lora');
  expect(hubNameOf(`/x/models--a--b/snapshots/main`)).toBeUndefined();
  expect(hubNameOf('models/vicuna')).toBeUndefined();
  expect(pinnedName(`/x/hub/models--lmsys--vicuna-7b/snapshots/${commit}/`)).toBe(`lmsys/vicuna-7b@${commit}`);
  expect(parseHubName(pinnedName(`models--a--b/snapshots/${commit}`))).toEqual({ name: 'a/b', revision: commit });
  for (const path of ['models/vicuna', `models--a--b/snapshots/${commit}/Vit-lora`])
    expect(pinnedName(path)).toBe(path);
});
