import { Config } from '@oclif/core/config';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Args, boolean, duration, list, size, string, wait } from '../../src/cli/flags.js';
import { describeFailure } from '../../src/cli/report-failure.js';
import { type Outcome, ToolkitCommand } from '../../src/cli/toolkit-command.js';

/** A command that tells what it was given. */
class Probe extends ToolkitCommand<typeof Probe> {
  static override args = { primary: Args.string({ required: true }), secondary: Args.string() };
  static override flags = {
    wait: wait(),
    size: size(),
    delay: duration(),
    at: string({ multiple: true }),
    status: list(['split', 'duplex', 'PSUS'], { summary: 'x' }),
    force: boolean(),
  };
  static override takesChildCommand = true;
  static seen: { args: unknown; flags: Record<string, unknown>; child: readonly string[]; roots: readonly string[] };

  protected execute(): Promise<Outcome> {
    Probe.seen = { args: this.args, flags: this.flags, child: this.childCommand, roots: this.roots };
    return Promise.resolve({ data: {} });
  }
}

let config: Config;
beforeAll(async () => {
  config = await Config.load({ root: process.cwd() });
});
afterEach(() => {
  process.exitCode = undefined;
});

async function probe(...words: string[]) {
  await new Probe([...words, '--quiet'], config).run();
  return Probe.seen;
}

async function failureOf(...words: string[]) {
  const error = await new Probe(words, config).run().catch((thrown: unknown) => thrown);
  return describeFailure(error);
}

describe('parsing', () => {
  it('takes a bare --wait as waiting until done, and leaves the next word alone', async () => {
    const seen = await probe('--wait', 'a:db', 'b:db');
    expect(seen.flags.wait).toBe(Number.POSITIVE_INFINITY);
    expect(seen.args).toEqual({ primary: 'a:db', secondary: 'b:db' });
  });

  it('takes a limit after =', async () => {
    expect((await probe('a:db', '--wait=30s')).flags.wait).toBe(30_000);
  });

  it('takes lists repeated or comma-separated, never space-separated', async () => {
    const seen = await probe('--status', 'split,psus', '--status', 'duplex', 'a:db', '--at', 'x', 'b:db');
    expect(seen.flags.status).toEqual(['split', 'PSUS', 'duplex']);
    expect(seen.flags.at).toEqual(['x']);
    expect(seen.args).toEqual({ primary: 'a:db', secondary: 'b:db' });
  });

  it('keeps the command after -- apart', async () => {
    await new Probe(['a:db', '--quiet', '--', 'sh', '-c', '--wait'], config).run();
    expect(Probe.seen.child).toEqual(['sh', '-c', '--wait']);
    expect(Probe.seen.flags.wait).toBeUndefined();
  });

  it('splits the root and defaults to the current folder', async () => {
    expect((await probe('a:db', '--root', 'x:y')).roots).toEqual(['x', 'y']);
    expect((await probe('a:db')).roots).toEqual(['.']);
  });
});

describe('bad words', () => {
  it.each([
    [['a:db', '--size', '64K'], 'bad-size', '--size: "64K" is not a size.'],
    [['a:db', '--delay', '5'], 'bad-time', '--delay: "5" is not a duration.'],
    [['a:db', '--status', 'splt'], 'usage', '--status: "splt" is not one of: split, duplex, PSUS.'],
    [['a:db', '--nope'], 'usage', 'Nonexistent flag: --nope'],
    [['a', 'b', 'c'], 'usage', 'Unexpected argument: c'],
  ])('%j is exit 2 with code %s', async (words, code, message) => {
    expect(await failureOf(...words)).toMatchObject({ code, exitCode: 2, message });
  });

  it('a missing argument is not read from standard input', async () => {
    expect(await failureOf()).toMatchObject({ code: 'usage', exitCode: 2 });
  });
});
