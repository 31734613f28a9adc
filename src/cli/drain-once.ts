import type { PairListing, Requests, SystemPlace } from '../core/controller/controller.js';
import { isToolkitError } from '../core/foundation/foundation.js';
import { EXIT } from './exit-codes.js';
import { showSum } from './follow-copy.js';
import type { Toolkit } from './open-toolkit.js';
import type { Progress } from './render/progress.js';
import type { Outcome } from './toolkit-command.js';

type Drained = Requests['copier.drain']['output'];
type Verdict = Drained['verdict'] | 'interrupted';

/** The first that any system came to counts for all. */
const VERDICTS = ['interrupted', 'timed-out', 'suspended', 'drained'] as const satisfies readonly Verdict[];

const EXITS: Readonly<Record<Verdict, number>> = {
  drained: EXIT.done,
  suspended: EXIT.suspended,
  'timed-out': EXIT.waitTimedOut,
  interrupted: EXIT.interrupted,
};

const SENTENCES: Readonly<Record<Verdict, string>> = {
  drained: 'Nothing is left to copy.',
  suspended: 'A pair is suspended: copyset pair list --status suspended.',
  'timed-out': 'The time is over; copying goes on from there next time.',
  interrupted: 'Interrupted; copying goes on from there next time.',
};

/** `copier run --once`: copies what is there in all systems at once, and tells how their pairs stand at the end, whatever ended it. */
export async function drainOnce(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  input: Requests['copier.drain']['input'],
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: Progress },
): Promise<Outcome> {
  const extras = { signal, onProgress: showSum(progress) };
  const drain = async (place: SystemPlace): Promise<{ verdict: Verdict; pairs: readonly PairListing[] }> => {
    try {
      return await toolkit.use(
        place,
        async (client) => (await client.request('copier.drain', input, extras)).output,
        extras,
      );
    } catch (error) {
      if (!signal.aborted || !isToolkitError(error, 'interrupted')) throw error;
      return { verdict: 'interrupted', pairs: await listed(toolkit, place) };
    }
  };
  try {
    const answers = await Promise.all(places.map(drain));
    const verdict = VERDICTS.find((one) => answers.some((answer) => answer.verdict === one)) ?? 'drained';
    const pairs = answers.flatMap((answer) => answer.pairs);
    return { data: { verdict, pairs }, text: SENTENCES[verdict], exitCode: EXITS[verdict] };
  } finally {
    progress.stop();
  }
}

/** How the pairs stand when this process has let go of them. */
function listed(toolkit: Toolkit, place: SystemPlace): Promise<readonly PairListing[]> {
  return toolkit.read(place, async (reader) => (await reader.request('pair.list')).output.pairs);
}
