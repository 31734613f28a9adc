import { Args, boolean } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { countOf } from '../../cli/render/pair-action.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemDelete extends ToolkitCommand<typeof SystemDelete> {
  static override summary = 'Delete a storage system; with --force also its volumes.';
  static override description =
    'Removes the folder of the system. A system that still has volumes is refused without --force. Images in pools outside ' +
    'the folder are left where they are, and named.';
  static override examples = ['<%= config.bin %> system delete lab', '<%= config.bin %> system delete lab --force'];
  static override args = { name: Args.string({ required: true, description: 'Name or path of the system.' }) };
  static override flags = { force: boolean({ summary: 'Lose its volumes with all their data.' }) };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.name);
    const { volumes, kept } = await toolkit.delete(place, this.flags);
    const notes = kept.map((path) => `Left where it is: ${path}`);
    const text = `Deleted the storage system ${place.name} with ${countOf(volumes, 'volume')}.`;
    return { data: { systems: [{ name: place.name, volumes, kept }] }, text, notes };
  }
}
