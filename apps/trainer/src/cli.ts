#!/usr/bin/env node
/**
 * @file The command line `curio`. Each file under commands/ exports one function that builds a command; this file
 * assembles them.
 */
import { ConfigError, CurioError, DeviceError } from '@curio/engine';
import { Command, CommanderError } from 'commander';
import { ablateCommand } from './commands/ablate.ts';
import { askCommand } from './commands/ask.ts';
import { baseCommand } from './commands/base.ts';
import { batchCommand } from './commands/batch.ts';
import { captionCommand } from './commands/caption.ts';
import { chatCommand } from './commands/chat.ts';
import { dataCheckCommand } from './commands/data-check.ts';
import { convertCommand } from './commands/convert.ts';
import { dataCommand } from './commands/data.ts';
import { doctorCommand } from './commands/doctor.ts';
import { mergeCommand } from './commands/merge.ts';
import { evalCommand } from './commands/eval.ts';
import { questionsCommand } from './commands/questions.ts';
import { serveCommand } from './commands/serve.ts';
import { trainCommand } from './commands/train.ts';
import { fileError } from './disk/system-error.ts';
import { EXIT } from './run/interrupt.ts';

const program = new Command('curio')
  .description(
    'SQ-LLaVA on WebGPU: a vision-language model that learns to answer questions about images, and to ask them',
  )
  .version('0.1.0')
  .option('--debug', 'print the stack trace of an error')
  .addCommand(trainCommand())
  .addCommand(askCommand())
  .addCommand(chatCommand())
  .addCommand(captionCommand())
  .addCommand(batchCommand())
  .addCommand(serveCommand())
  .addCommand(mergeCommand())
  .addCommand(convertCommand())
  .addCommand(evalCommand())
  .addCommand(ablateCommand())
  .addCommand(questionsCommand())
  .addCommand(baseCommand())
  .addCommand(dataCommand().addCommand(dataCheckCommand()))
  .addCommand(doctorCommand())
  .addHelpText(
    'after',
    `
Exit codes: 0 success, 1 failure, 2 wrong usage or configuration, 3 no WebGPU device, 130 interrupted (progress is saved).`,
  );

const debug = process.argv.includes('--debug');

// A closed reader (the terminal, `| head`) must not end a training run, whose files have everything.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/** One sentence for errors that a user can fix; a stack trace only with --debug, or for bugs. */
function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has printed itself
  const error = fileError(thrown) ?? thrown;
  const expected = error instanceof CurioError;
  console.error(
    error instanceof Error ? (debug || !expected ? (error.stack ?? error.message) : error.message) : String(error),
  );
  if (!expected) console.error('This is a bug in Curio; please report it with the lines above.');
  return error instanceof ConfigError ? EXIT.usage : error instanceof DeviceError ? EXIT.noDevice : EXIT.failed;
}

/** Subcommands do not inherit the error handling of their parent. */
function prepare(command: Command): void {
  command.exitOverride().showHelpAfterError('Run it with --help for its arguments and options.');
  command.commands.forEach(prepare);
}

prepare(program);
try {
  await program.parseAsync(process.argv.filter((word) => word !== '--debug')); // allowed anywhere
} catch (error) {
  process.exitCode = report(error);
}
