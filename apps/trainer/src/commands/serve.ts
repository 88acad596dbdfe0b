import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '@curio/engine';
import type { Picture, TemplateName } from '@curio/model';
import { Command } from 'commander';
import { positiveInteger, wholeNumber } from '../config/option-values.ts';
import { inTemplate } from '../serve/request.ts';
import { createApi } from '../serve/server.ts';
import { openTalk } from '../talk/open.ts';
import type { TalkOptions } from '../talk/open.ts';
import { templateOption, withModelOptions } from '../talk/options.ts';

interface Options extends Omit<TalkOptions, 'seed'> {
  readonly host: string;
  readonly port: number;
  readonly keyFile?: string;
  readonly aspect?: 'crop' | 'pad';
  readonly template?: TemplateName;
  readonly maxNewTokens: number;
  readonly queue: number;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
const MAX_BODY = 32 * 2 ** 20;

/** `curio serve`: serves the model over OpenAI's API, for any client of it. */
export function serveCommand(): Command {
  return withModelOptions(new Command('serve'))
    .description('serve an OpenAI-compatible HTTP API: GET /v1/models, POST /v1/chat/completions')
    .addOption(templateOption("the model's own, else v1, as published"))
    .option('--host <address>', 'address to listen on; other than loopback it needs a key', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0: any free one', wholeNumber, 8080)
    .option(
      '--key-file <file>',
      'file with the key that clients must send; default: CURIO_API_KEY, or none on loopback',
    )
    .option('--max-new-tokens <n>', 'maximum tokens per answer if the client sets none', positiveInteger, 512)
    .option('--queue <n>', 'maximum number of waiting requests', positiveInteger, 64)
    .action(async (options: Options) => {
      const { host, port, aspect, template, maxNewTokens, queue } = options;
      const key = keyOf(options.keyFile);
      if (key === null && !LOOPBACK.test(host))
        throw new ConfigError(
          `serve: --host is ${host}, which other machines can reach, and there is no key; set CURIO_API_KEY or --key-file, or listen on 127.0.0.1.`,
        );
      if (port > 65535) throw new ConfigError(`serve: --port is ${port}; it must be from 0 to 65535.`);
      const talk = await openTalk('serve', { ...options, seed: 1 });
      try {
        const server = createApi({
          models: talk.models.map(({ name, speaker, prepare }) => ({
            ...{ name, speaker: inTemplate(speaker, template) },
            prepare: (picture: Picture) => prepare(picture, aspect),
          })),
          ...{ maxTokens: maxNewTokens, topP: talk.topP, key, queue, maxBody: MAX_BODY },
          onFault: (error) => console.error(error instanceof Error ? error.stack : error),
        });
        server.listen(port, host);
        await Promise.race([once(server, 'listening'), failedListen(server, host, port)]);
        const { address, port: taken, family } = server.address() as AddressInfo;
        const at = family === 'IPv6' ? `[${address}]` : address;
        console.log(
          `serve: http://${at}:${taken}/v1 serves ${talk.models.map(({ name }) => `'${name}'`).join(', ')}${key === null ? '' : ', with a key'}; press Ctrl-C to stop.`,
        );
        await new Promise<void>((resolve) => {
          for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
        });
        server.close();
        server.closeAllConnections();
      } finally {
        talk.close();
      }
    });
}

async function failedListen(server: ReturnType<typeof createApi>, host: string, port: number): Promise<never> {
  const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
  const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
  throw new ConfigError(`serve: cannot listen on ${host}, port ${port} (${why}); choose another --port or --host.`);
}

function keyOf(file: string | undefined): string | null {
  if (file === undefined) return process.env.CURIO_API_KEY || null;
  if (!existsSync(file)) throw new ConfigError(`serve: --key-file ${file} does not exist; it must hold the key.`);
  const key = readFileSync(file, 'utf8').trim();
  if (key === '') throw new ConfigError(`serve: --key-file ${file} is empty; it must hold the key.`);
  return key;
}
