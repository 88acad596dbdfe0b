/** @file A conversation of several turns about one picture, and the file that it is saved in. */
import { existsSync } from 'node:fs';
import { DataError } from '@curio/engine';
import { aboutImage } from '@curio/model';
import type { Message } from '@curio/model';
import { z } from 'zod';
import { readJson, writeAtomic } from '../run/files.ts';

const turn = z.strictObject({
  /** `vuser`: a question of the model's own. */
  role: z.enum(['human', 'vuser']),
  question: z.string(),
  answer: z.string(),
});
const file = z.strictObject({
  version: z.literal(1),
  /** Path of the picture; null without one. */
  image: z.string().nullable(),
  turns: z.array(turn),
});
export type ChatTurn = z.infer<typeof turn>;

export class History {
  /** @param path where it is saved after each turn; undefined: nowhere */
  constructor(
    private readonly path?: string,
    public image: string | null = null,
    public turns: readonly ChatTurn[] = [],
  ) {}

  /**
   * Opens a saved conversation, or starts a new one. @throws DataError if the file is not a conversation
   */
  static open(path: string): History {
    if (!existsSync(path)) return new History(path);
    const parsed = file.safeParse(readJson(path, 'chat'));
    if (parsed.success) return new History(path, parsed.data.image, parsed.data.turns);
    const [issue] = parsed.error.issues;
    throw new DataError(
      `chat: ${path}: ${issue!.path.join('.') || 'the file'}: ${issue!.message.replace('Invalid input: ', '')}; it must be a conversation saved by curio chat, or a new file.`,
    );
  }

  /** Starts over, with or without a picture. */
  begin(image: string | null): void {
    this.image = image;
    this.change([]);
  }

  add(turn: ChatTurn): void {
    this.change([...this.turns, turn]);
  }

  /** Removes and returns the last turn; undefined if there is none. */
  pop(): ChatTurn | undefined {
    const last = this.turns.at(-1);
    if (last) this.change(this.turns.slice(0, -1));
    return last;
  }

  /** The turns so far, and the one for the model to write: the answer to a question, or a question of its own. */
  messages(next: { readonly role: 'human' | 'vuser'; readonly question: string } | 'vuser'): Message[] {
    const said = [...this.turns, ...(next === 'vuser' ? [] : [{ ...next, answer: null }])];
    const messages = said.flatMap(({ role, question, answer }, i): Message[] => [
      { role, text: i === 0 && this.image !== null ? aboutImage(question) : question },
      { role: 'gpt', text: answer },
    ]);
    return next === 'vuser' ? [...messages, { role: 'vuser', text: null }] : messages;
  }

  private change(turns: readonly ChatTurn[]): void {
    this.turns = turns;
    const { path, image } = this;
    if (path !== undefined) writeAtomic(path, `${JSON.stringify({ version: 1, image, turns }, null, 2)}\n`);
  }
}
