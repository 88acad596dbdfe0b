import { Command } from 'commander';
import { PICTURE_KINDS, readImage } from '../data/decode.ts';
import { openTalk } from '../talk/open.ts';
import { question, replyOptions, withWritingOptions } from '../talk/options.ts';
import type { WritingOptions } from '../talk/options.ts';

interface Options extends WritingOptions {
  readonly prompt?: string;
  readonly json?: boolean;
}

/** Pictures in memory at a time. */
const CHUNK = 16;

/** `curio caption`: describes pictures, one line each. */
export function captionCommand(): Command {
  return withWritingOptions(new Command('caption'), { temperature: 0, maxNewTokens: 1024 })
    .description('describe images, one line each')
    .argument('<images...>', PICTURE_KINDS)
    .option('--prompt <text>', "prompt; default: the run's own request for a description")
    .option('--json', 'print one line of JSON per image')
    .action(async (paths: string[], options: Options) => {
      for (const path of paths) await readImage(path); // fail before the model is loaded, which takes a while
      const talk = await openTalk('caption', options, 'caption');
      try {
        const { prompt = talk.ask.describePrompt, json } = options;
        for (let at = 0; at < paths.length; at += CHUNK) {
          const part = paths.slice(at, at + CHUNK);
          const pixels = await Promise.all(
            part.map(async (path) => talk.prepare(await readImage(path), options.aspect)),
          );
          const replies = await talk.speaker.write(
            pixels.map((each, k) => ({ ...question(prompt, each, options.stop), stream: at + k })),
            replyOptions(options, talk),
          );
          replies.forEach(({ text, finish, newTokens }, k) => {
            const image = part[k]!;
            const line = text.replaceAll(/\s*\n\s*/g, ' ');
            if (json) console.log(JSON.stringify({ image, caption: text, prompt, finish, newTokens }));
            else console.log(paths.length === 1 ? line : `${image}: ${line}`);
          });
        }
      } finally {
        talk.close();
      }
    });
}
