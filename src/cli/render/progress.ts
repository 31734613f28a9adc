import { nowMs } from '../now.js';
import { printJson } from '../output.js';
import { formatBytes, formatRate } from './bytes.js';
import { formatDuration } from './durations.js';

/** How far long work has come. Report as often as you like; what a person or a program sees is throttled here. */
export interface Progress {
  update(doneBytes: number, totalBytes: number): void;
  /** Takes the bar away; the result says the rest. */
  stop(): void;
}

export interface ProgressMode {
  readonly json: boolean;
  readonly quiet: boolean;
  /** `--progress`: NDJSON events on standard output before the result. */
  readonly events: boolean;
}

const EVERY_MS = 200;

/** Room that the numbers behind a bar take: `100% 999.99MiB of 999.99MiB 999.99MiB/s 59m 59s left`. */
const WORDS_WIDTH = 55;

export function makeProgress(label: string, mode: ProgressMode): Progress {
  if (mode.json && mode.events && !mode.quiet) return new EventProgress(label);
  if (!mode.json && !mode.quiet && process.stderr.isTTY) return new BarProgress(label);
  return { update: () => {}, stop: () => {} };
}

class EventProgress implements Progress {
  readonly #label: string;
  #last = 0;

  constructor(label: string) {
    this.#label = label;
  }

  update(doneBytes: number, totalBytes: number): void {
    const now = nowMs();
    if (now - this.#last < EVERY_MS && doneBytes < totalBytes) return;
    this.#last = now;
    const event = { schemaVersion: 1, asOf: new Date(now).toISOString(), event: 'progress', operation: this.#label };
    printJson({ ...event, doneBytes, totalBytes }, { line: true });
  }

  stop(): void {}
}

type Bar = import('cli-progress').SingleBar;

/** The bar's library is loaded when the first update comes, so that short work never waits for it. */
class BarProgress implements Progress {
  readonly #label: string;
  readonly #startedMs = nowMs();
  #bar: Bar | undefined;
  #stopped = false;
  #loading = false;
  #latest: [number, number] = [0, 0];

  constructor(label: string) {
    this.#label = label;
  }

  update(doneBytes: number, totalBytes: number): void {
    this.#latest = [doneBytes, totalBytes];
    if (this.#bar) this.#draw(this.#bar);
    else if (!this.#loading) void this.#load();
  }

  stop(): void {
    this.#stopped = true;
    this.#bar?.stop();
  }

  async #load(): Promise<void> {
    this.#loading = true;
    const { default: progress } = await import('cli-progress');
    if (this.#stopped) return;
    const format = `${this.#label} [{bar}] {percentage}% {amount} {rate} {left}`;
    const bar = new progress.SingleBar({
      format,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      fps: 5,
      barsize: Math.min(40, Math.max(10, (process.stderr.columns ?? 80) - this.#label.length - WORDS_WIDTH)),
    });
    const [done, total] = this.#latest;
    bar.start(total, done, { amount: '', rate: '', left: '' });
    this.#bar = bar;
  }

  #draw(bar: Bar): void {
    const [done, total] = this.#latest;
    const seconds = (nowMs() - this.#startedMs) / 1000;
    const rate = seconds > 0 ? done / seconds : 0;
    const left = rate > 0 ? `${formatDuration(((total - done) / rate) * 1000)} left` : '';
    bar.setTotal(total);
    bar.update(done, {
      amount: `${formatBytes(done)} of ${formatBytes(total)}`,
      rate: formatRate(Math.round(rate)),
      left,
    });
  }
}
