import { boolean, string, time } from '../cli/flags.js';
import { followEvents } from '../cli/follow-history.js';
import { readEvents } from '../cli/history-filter.js';
import { listing, listingFlags } from '../cli/listing.js';
import { openToolkit } from '../cli/open-toolkit.js';
import { HISTORY_COLUMNS } from '../cli/render/history.js';
import { type Outcome, ToolkitCommand } from '../cli/toolkit-command.js';

export default class History extends ToolkitCommand<typeof History> {
  static override summary = 'Show what was done: the start and end of every operation.';
  static override description =
    'An end is done, nothing, or the code of the error; an abnormal end tells why. Oldest first, unless sorted. --follow ' +
    'prints new events as they come, until interrupted.';
  static override examples = [
    '<%= config.bin %> history',
    '<%= config.bin %> history --pair tokyo:db,tokyo:db-copy --since 08:00',
    '<%= config.bin %> history --filter phase=abnormal --sort -time --columns time,operation,primary,message',
    '<%= config.bin %> history --system tokyo --follow',
  ];
  static override flags = {
    system: string({ summary: 'Of this system; a glob means several.', helpValue: 'SYSTEM' }),
    pair: string({ summary: 'Of the pairs of this primary, or of one pair.', helpValue: 'PRIMARY[,SECONDARY]' }),
    volume: string({ summary: 'Of this volume, whatever its part.', helpValue: 'SYSTEM:VOLUME' }),
    port: string({ summary: 'Of the volumes that are at this port now.', helpValue: 'PORT' }),
    group: string({ summary: 'Of this consistency group; a glob means several.', helpValue: 'NAME' }),
    since: time('last', { summary: 'Not older than this; HH:MM is the last one.' }),
    follow: boolean({ summary: 'Go on with new events until interrupted.', exclusive: ['sort', 'filter', 'columns'] }),
    ...listingFlags,
  };

  protected async execute(): Promise<Outcome> {
    const look = () => readEvents(openToolkit(this.roots, this.id), this.flags);
    if (this.flags.follow) return followEvents(look, { signal: this.signal, json: this.json });
    const rows = await look();
    return listing({
      key: 'events',
      rows,
      columns: HISTORY_COLUMNS,
      flags: this.flags,
      empty: 'Nothing has been done here.',
    });
  }
}
