import { Args } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemRelease extends ToolkitCommand<typeof SystemRelease> {
  static override summary = 'Wait until nobody owns a storage system, so that another host may.';
  static override description = 'For systems on a shared mount. Exit 5 where the owner does not let go.';
  static override examples = ['<%= config.bin %> system release tokyo'];
  static override args = { name: Args.string({ required: true, description: 'Name or path of the system.' }) };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.name);
    const outcome = await toolkit.release(place, this.signal);
    const text = outcome === 'nobody' ? `Nobody owns ${place.name}; nothing to do.` : `${place.name} was released.`;
    return { data: { systems: [{ name: place.name, outcome }] }, text };
  }
}
