import { faultOf } from '../../cli/fault-words.js';
import { Args, duration, integer, offset, option, rate, string } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { faultsText } from '../../cli/render/faults.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import type { SystemClient } from '../../core/controller/controller.js';

export default class FaultSet extends ToolkitCommand<typeof FaultSet> {
  static override summary = 'Inject a fault into a fixture system.';
  static override description =
    'KIND is volume-blocked, io-error, no-space, clock-skew, link-down, link-slow or crash. A fault holds for every later command until it is cleared, or ' +
    'until it has struck --count times. crash kills the process at a named step (exit 137); fault steps lists them. Only ' +
    'systems made with --fixture take faults.';
  static override examples = [
    '<%= config.bin %> fault set lab io-error --volume db --track 7 --on read --count 1',
    '<%= config.bin %> fault set lab crash --step copy.landed --nth 3',
    '<%= config.bin %> fault set lab volume-blocked --volume db',
    '<%= config.bin %> fault set lab link-slow --peer far --delay 20ms',
    '<%= config.bin %> fault set lab clock-skew --by=-5ms',
  ];
  static override args = {
    system: Args.string({ required: true, description: 'Name or path of the system.' }),
    kind: Args.string({
      required: true,
      description: 'volume-blocked, io-error, no-space, clock-skew, link-down, link-slow or crash.',
    }),
  };
  static override flags = {
    volume: string({ summary: 'The volume that is struck.', helpValue: 'NAME' }),
    track: integer({ summary: 'Only this track.', helpValue: 'N', min: 0 }),
    on: option({ summary: 'Only reads, or only writes.', options: ['read', 'write'] as const })(),
    step: string({ summary: 'The step at which the process dies.', helpValue: 'STEP' }),
    nth: integer({ summary: 'At the Nth time the step is reached.', helpValue: 'N', min: 1 }),
    count: integer({ summary: 'Strike so many times, then clear itself.', helpValue: 'N', min: 1 }),
    peer: string({ summary: 'The other system of the link.', helpValue: 'SYSTEM' }),
    delay: duration({ summary: 'Each message takes so much longer.' }),
    rate: rate({ summary: 'Data goes over the link at most this fast, in bytes per second.' }),
    by: offset({ summary: 'The clock of sessions is ahead by so much; behind with a minus, as in --by=-20ms.' }),
  };

  protected async execute(): Promise<Outcome> {
    const fault = faultOf(this.args.kind, this.flags);
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const set = (client: SystemClient) => client.request('fault.set', fault);
    const { faults } = (await toolkit.use(place, set, { unharmed: true })).output;
    return {
      data: { faults: faults.map((row) => ({ system: place.name, ...row })) },
      text: faultsText(place.name, faults),
    };
  }
}
