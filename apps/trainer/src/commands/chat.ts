import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { PICTURE_KINDS, readImage } from '../data/decode.ts';
import { openTerminal, styleOf } from '../run/terminal.ts';
import { Chat, CHAT_HELP } from '../talk/chat.ts';
import type { ChatOutput } from '../talk/chat.ts';
import { History } from '../talk/history.ts';
import { openTalk } from '../talk/open.ts';
import { withWritingOptions } from '../talk/options.ts';
import type { WritingOptions } from '../talk/options.ts';

interface Options extends WritingOptions {
  readonly history?: string;
  readonly json?: boolean;
}

/** `curio chat`: a conversation over several turns, on a terminal or line by line from a pipe. */
export function chatCommand(): Command {
  return withWritingOptions(new Command('chat'), { temperature: 0.2, maxNewTokens: 512 })
    .description('talk with a trained model, about a picture or without one')
    .argument('[image]', PICTURE_KINDS)
    .option('--history <file>', 'save the conversation here, and continue the one that is there')
    .option('--json', 'print one line of JSON per turn instead of text')
    .addHelpText('after', `\nIn the chat:\n${CHAT_HELP}`)
    .action(async (image: string | undefined, options: Options) => {
      const history = options.history === undefined ? new History() : History.open(options.history);
      const picture = image === undefined ? null : await readImage(image); // fail before the model is loaded, which takes a while
      const talk = await openTalk('chat', options);
      try {
        const output = options.json ? jsonOutput() : textOutput();
        const chat = new Chat(talk, history, options, readImage, output);
        if (image === undefined) await chat.open();
        else if (picture) await chat.show(image);
        if (!options.json && history.turns.length > 0)
          output.note(`Continuing after ${history.turns.length} turns of ${options.history}.`);
        await readLines(chat, process.stdin.isTTY === true && !options.json);
      } finally {
        talk.close();
      }
    });
}

/** Ctrl-C stops the answer being generated, or ends the chat if there is none. */
async function readLines(chat: Chat, interactive: boolean): Promise<void> {
  const lines = createInterface({
    input: process.stdin,
    output: interactive ? process.stdout : undefined,
    prompt: '> ',
  });
  let writing: AbortController | null = null;
  const interrupt = (): void => (writing ? writing.abort() : lines.close());
  lines.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  try {
    if (interactive) lines.prompt();
    for await (const line of lines) {
      writing = new AbortController();
      const continues = await chat.line(line, writing.signal);
      writing = null;
      if (!continues) break;
      if (interactive) lines.prompt();
    }
  } finally {
    process.off('SIGINT', interrupt);
    lines.close();
  }
}

function textOutput(): ChatOutput {
  const terminal = openTerminal();
  const style = styleOf(terminal);
  return {
    piece: (text) => terminal.write(text),
    turn: () => {},
    note: (text) => terminal.write(`${style.dim(text)}\n`),
    asking: () => terminal.write(style.accent('? ')),
  };
}

function jsonOutput(): ChatOutput {
  const print = (value: object): void => console.log(JSON.stringify(value));
  return {
    piece: () => {},
    turn: (turn, { finish, promptTokens, newTokens }) => print({ ...turn, finish, promptTokens, newTokens }),
    note: (note) => print({ note }),
    asking: () => {},
  };
}
