import { openToolkit } from '../../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../../cli/toolkit-command.js';

export default class FaultSteps extends ToolkitCommand<typeof FaultSteps> {
  static override summary = 'List the steps at which the fault crash can end the process.';
  static override description = 'In the order in which an operation comes to them.';
  static override examples = ['<%= config.bin %> fault steps'];

  protected async execute(): Promise<Outcome> {
    const steps = await openToolkit(this.roots, this.id).crashSteps();
    return { data: { steps }, text: steps.join('\n') };
  }
}
