import { EXIT_CODES } from '../../cli/exit-codes.js';
import { boolean, progress } from '../../cli/flags.js';
import { showSum } from '../../cli/follow-copy.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { scrubText } from '../../cli/render/volumes.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';
import { eachSystem, volumesArgs } from '../../cli/volume-selection.js';

export default class VolumeScrub extends ToolkitCommand<typeof VolumeScrub> {
  static override summary = 'Compare all data of volumes with its check codes.';
  static override description =
    'Finds tracks that changed behind the back of copyset, or that the storage below damaged: exit 6, with the tracks. ' +
    '--accept takes such a change as the write of a host. Codes that are not set yet are set.';
  static override examples = [
    '<%= config.bin %> volume scrub tokyo:db',
    "<%= config.bin %> volume scrub 'tokyo:*' --accept",
  ];
  static override args = volumesArgs;
  static override flags = {
    accept: boolean({ summary: 'Take what does not fit as written by a host.' }),
    progress,
  };

  protected async execute(): Promise<Outcome> {
    const { accept } = this.flags;
    const bar = this.startProgress('Checking');
    const extras = { signal: this.signal, onProgress: showSum(bar) };
    const volumes = await eachSystem(openToolkit(this.roots, this.id), this.args.volumes, async (client, names) => {
      return (await client.request('volume.scrub', { volumes: names, accept }, extras)).output.volumes;
    }).finally(() => bar.stop());
    const isBad = volumes.some((volume) => volume.badTracks.length > 0 && !volume.accepted);
    return { data: { volumes }, text: scrubText(volumes), exitCode: isBad ? EXIT_CODES['check-code'] : 0 };
  }
}
