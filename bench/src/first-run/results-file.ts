/**
 * @file The files of the first run, at most four: results.json, valid at any time, log.txt, table.txt, and those of the
 * training run.
 */
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './report.ts';

export interface PartResult {
  readonly name: string;
  readonly seconds: number;
  /** Why it failed, or was not started. */
  readonly failed: string | null;
  readonly reports: readonly Report[];
}

/** Milliseconds between two writes while a part runs. */
const WRITE_EVERY = 2000;

export class ResultsFolder {
  readonly parts: PartResult[] = [];
  private current: { name: string; reports: Report[] } | null = null;
  private written = 0;
  private readonly began = new Date().toISOString();

  /** @throws if the folder cannot be created or written */
  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'log.txt'), '');
    this.write();
  }

  get file(): string {
    return join(this.folder, 'results.json');
  }

  get reports(): Report[] {
    return [...this.parts.flatMap(({ reports }) => reports), ...(this.current?.reports ?? [])];
  }

  log(line: string): void {
    appendFileSync(join(this.folder, 'log.txt'), `${line}\n`);
  }

  begin(name: string): void {
    this.current = { name, reports: [] };
  }

  add(report: Report): void {
    this.current!.reports.push(report);
    if (performance.now() - this.written > WRITE_EVERY) this.write();
  }

  end(seconds: number, failed: string | null): void {
    this.parts.push({ ...this.current!, seconds, failed });
    this.current = null;
    this.write();
  }

  /** Writes table.txt and the final results. */
  close(table: string): void {
    writeFileSync(join(this.folder, 'table.txt'), `${table}\n`);
    this.write();
  }

  write(): void {
    const parts = this.current
      ? [...this.parts, { ...this.current, seconds: null, failed: 'it was running when this was written' }]
      : this.parts;
    const temporary = `${this.file}.part`;
    writeFileSync(temporary, `${JSON.stringify({ began: this.began, parts })}\n`);
    renameSync(temporary, this.file);
    this.written = performance.now();
  }
}
