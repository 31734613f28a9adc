import { Args, boolean } from '../../cli/flags.js';
import { openToolkit } from '../../cli/open-toolkit.js';
import { countOf } from '../../cli/render/pair-action.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class SystemSeparate extends ToolkitCommand<typeof SystemSeparate> {
  static override summary = 'Make a copied storage system one of its own, with a new id and a new name.';
  static override description =
    'A folder copied by hand (cp -a) is the same system as its original to all others, and is refused by them. This gives the copy an id ' +
    'and a name of its own. It keeps its volumes, the pairs inside it and its ports, and forgets its pairs with other systems, its groups ' +
    'and its sessions, which are the original’s; nobody else is asked or told. A folder that is no copy of another one below the roots ' +
    'is separated with --force only.';
  static override examples = ['<%= config.bin %> system separate ./tokyo-copy tokyo-lab'];
  static override args = {
    system: Args.string({ required: true, description: 'Path of the copied folder.' }),
    name: Args.string({ required: true, description: 'Its new name.' }),
  };
  static override flags = { force: boolean({ summary: 'Also where no original is below the roots.' }) };

  protected async execute(): Promise<Outcome> {
    const toolkit = openToolkit(this.roots, this.id);
    const place = await toolkit.find(this.args.system);
    const { place: after, pairs, incomplete } = await toolkit.separate(place, { ...this.args, ...this.flags });
    const gone = pairs === 0 ? '' : ` It forgot ${countOf(pairs, 'pair')} with other systems.`;
    const text = `${after.path} is the storage system ${after.name} now, with the id ${after.info.id}.${gone}`;
    const notes = incomplete.map(
      (volume) =>
        `${after.name}:${volume} is incomplete: the rest of it would have come from another system. Overwrite or format it.`,
    );
    const { name, path, info } = after;
    return { data: { systems: [{ name, id: info.id, path, former: place.name, pairs, incomplete }] }, text, notes };
  }
}
