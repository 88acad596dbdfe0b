/** @file Handles the lines of `curio chat`: questions, and commands that begin with /. */
import { resolve } from 'node:path';
import { CurioError } from '@curio/engine';
import type { Picture, Reply } from '@curio/model';
import type { ChatTurn, History } from './history.ts';
import type { NamedModel, Talk } from './open.ts';
import { replyOptions } from './options.ts';
import type { WritingOptions } from './options.ts';

export const CHAT_HELP = `/image FILE    start over with another picture
/regenerate    sample another answer to the last question
/self [n]      let the model ask itself n questions (default 1) and answer them
/adapter NAME  continue with another adapter
/clear         clear the conversation, keep the picture
/help          show this list
/quit          end the chat`;

/** Receives the text of a chat. */
export interface ChatOutput {
  /** The next piece of streamed text. */
  piece(text: string): void;
  /** A complete turn, now in the history. */
  turn(turn: ChatTurn, reply: Reply): void;
  /** A message to the user: help, or why something was not done. */
  note(text: string): void;
  /** Called before a question that the model asks. */
  asking(): void;
}

export class Chat {
  private pixels: Float32Array | null = null;
  /** Counts samples, so that a regenerated answer has a random stream of its own. */
  private drawn = 0;
  private model: NamedModel;

  constructor(
    private readonly talk: Talk,
    readonly history: History,
    private readonly options: WritingOptions,
    private readonly read: (path: string) => Promise<Picture>,
    private readonly output: ChatOutput,
  ) {
    this.drawn = history.turns.length;
    this.model = talk.models[0]!;
  }

  /** Reads the picture of the saved history. */
  async open(): Promise<void> {
    if (this.history.image !== null) this.pixels = await this.look(this.history.image);
  }

  /** Handles a line. @returns false if it ends the chat */
  async line(line: string, signal?: AbortSignal): Promise<boolean> {
    const text = line.trim();
    if (text === '') return true;
    try {
      if (text.startsWith('/')) return await this.command(text, signal);
      await this.answer({ role: 'human', question: text }, signal);
    } catch (error) {
      if (!(error instanceof CurioError)) throw error;
      this.output.note(error.message);
    }
    return true;
  }

  /** Starts over with a picture. */
  async show(path: string): Promise<void> {
    const pixels = await this.look(path);
    this.pixels = pixels;
    this.history.begin(resolve(path));
  }

  private async command(text: string, signal?: AbortSignal): Promise<boolean> {
    const [name, ...rest] = text.split(/\s+/) as [string, ...string[]];
    const argument = text.slice(name.length).trim();
    const { output, history } = this;
    switch (name) {
      case '/quit':
        return false;
      case '/help':
        output.note(CHAT_HELP);
        break;
      case '/clear':
        history.begin(history.image);
        break;
      case '/image':
        if (argument === '') output.note('chat: /image names no file; write /image FILE.');
        else await this.show(argument);
        break;
      case '/adapter':
        await this.adapter(argument);
        break;
      case '/regenerate':
        await this.regenerate(signal);
        break;
      case '/self':
        if (rest.length > 1 || (argument !== '' && !/^[1-9]\d{0,2}$/.test(argument)))
          output.note(`chat: /self is given '${argument}'; it takes a number of questions, from 1 to 999.`);
        else await this.self(Number(argument || '1'), signal);
        break;
      default:
        output.note(`chat: there is no command ${name}; /help lists them.`);
    }
    return true;
  }

  private async adapter(name: string): Promise<void> {
    const { models } = this.talk;
    const found = models.find((model) => model.name === name);
    const names = models.map((model) => (model === this.model ? `${model.name} (in use)` : model.name)).join(', ');
    if (!found) return this.output.note(`chat: there is no adapter '${name}'; the adapters are ${names}.`);
    // Another adapter may preprocess the picture differently.
    const pixels = this.history.image === null ? null : await this.look(this.history.image, found);
    [this.model, this.pixels] = [found, pixels];
    this.output.note(`chat: ${name} answers from now on.`);
  }

  private async regenerate(signal?: AbortSignal): Promise<void> {
    const last = this.history.turns.at(-1);
    if (!last) return this.output.note('chat: there is no answer to regenerate yet; ask something first.');
    if (this.options.temperature === 0)
      return this.output.note(
        'chat: at temperature 0 the answer would be the same; start with --temperature 0.2 or more to sample another.',
      );
    this.history.pop();
    const done = await this.answer(last, signal).catch((error: unknown) => {
      this.history.add(last);
      throw error;
    });
    if (!done) this.history.add(last);
  }

  private async self(questions: number, signal?: AbortSignal): Promise<void> {
    const { ask } = this.talk;
    // In training, a self-question never comes before the first answer.
    if (this.history.turns.length === 0) {
      if (!(await this.answer({ role: 'human', question: ask.describePrompt }, signal))) return;
    }
    for (let k = 0; k < questions; k++) {
      this.output.asking();
      const { temperature, topP } = ask;
      const sampling = { temperature, topK: ask.topK || undefined, topP, maxNewTokens: ask.maxQuestion };
      const asked = await this.write(this.history.messages('vuser'), sampling, signal);
      if (asked.finish === 'aborted') return;
      if (!(await this.answer({ role: 'vuser', question: asked.text }, signal))) return;
    }
  }

  /** @returns whether the answer was completed and added to the history */
  private async answer(turn: Pick<ChatTurn, 'role' | 'question'>, signal?: AbortSignal): Promise<boolean> {
    const reply = await this.write(this.history.messages({ role: turn.role, question: turn.question }), {}, signal);
    if (reply.finish === 'aborted') return false;
    const whole: ChatTurn = { role: turn.role, question: turn.question, answer: reply.text };
    this.history.add(whole);
    this.output.turn(whole, reply);
    return true;
  }

  private async write(
    messages: ReturnType<History['messages']>,
    settings: {
      readonly temperature?: number;
      readonly topK?: number;
      readonly topP?: number;
      readonly maxNewTokens?: number;
    },
    signal?: AbortSignal,
  ): Promise<Reply> {
    const { talk, model, options, output, pixels } = this;
    const [reply] = await model.speaker.write([{ pixels, messages, stop: options.stop, stream: this.drawn++ }], {
      ...replyOptions(options, talk),
      ...settings,
      signal,
      onText: (_, __, piece) => output.piece(piece),
    });
    output.piece('\n');
    return reply!;
  }

  private look = async (path: string, model = this.model): Promise<Float32Array> =>
    model.prepare(await this.read(path), this.options.aspect);
}
