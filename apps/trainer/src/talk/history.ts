/** @file A conversation of several turns about one picture, and the file it is kept in. */
import { existsSync } from 'node:fs';
import { DataError } from '@curio/engine';
import { aboutImage } from '@curio/model';
import type { Message } from '@curio/model';
import { z } from 'zod';
import { readJson, writeWhole } from '../run/files.ts';

const turn = z.strictObject({
  /** `vuser`: the model asked it itself. */
  role: z.enum(['human', 'vuser']),
  question: z.string(),
  answer: z.string(),
});
const file = z.strictObject({
  version: z.literal(1),
  /** Path of the picture, or null for text alone. */
  image: z.string().nullable(),
  turns: z.array(turn),
});
export type ChatTurn = z.infer<typeof turn>;

export class History {
  /** @param path where it is kept after each turn; undefined: nowhere */
  constructor(
    private readonly path?: string,
    public image: string | null = null,
    public turns: readonly ChatTurn[] = [],
  ) {}

  /**
   * Opens the file of an earlier conversation, or begins one. @throws DataError where the file is not a conversation
   */
  static open(path: string): History {
    if (!existsSync(path)) return new History(path);
    const parsed = file.safeParse(readJson(path, 'chat'));
    if (parsed.success) return new History(path, parsed.data.image, parsed.data.turns);
    const [issue] = parsed.error.issues;
    throw new DataError(
      `chat: ${path}: ${issue!.path.join('.') || 'the file'}: ${issue!.message.replace('Invalid input: ', '')}; it must be a conversation that curio chat saved, or another name.`,
    );
  }

  /** Begins anew about a picture or without one. */
  begin(image: string | null): void {
    this.image = image;
    this.change([]);
  }

  add(turn: ChatTurn): void {
    this.change([...this.turns, turn]);
  }

  /** Takes the last turn away and gives it back; undefined where there is none. */
  takeLast(): ChatTurn | undefined {
    const last = this.turns.at(-1);
    if (last) this.change(this.turns.slice(0, -1));
    return last;
  }

  /** What was said, and a turn that the model is to write: the answer to a question, or its own question. */
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
    if (path !== undefined) writeWhole(path, `${JSON.stringify({ version: 1, image, turns }, null, 2)}\n`);
  }
}
