import { IMAGES_FOLDER } from '../catalog/catalog.js';
import { isToolkitError } from '../foundation/foundation.js';
import { type HalfRecord, isHalf } from '../pair/pair.js';
import type { VolumeRecord } from '../volume/volume.js';
import type { CheckFinding, Requests } from './control/requests.js';
import { checkGroups } from './groups/check.js';
import { imageFault, imagePathOf } from './image-faults.js';
import type { Controller } from './open-controller.js';
import { checkJournals } from './sessions/check.js';

/** How long another system may take to say whether it has its half of a pair. */
const ASKING_MS = 2_000;

/** Looks over a system: images, maps, blocked volumes, foreign files; with `deep` every page of every map, every record of every journal and every check code. */
export async function checkSystem(
  controller: Controller,
  input: Requests['system.check']['input'],
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  if (controller.catalog.tornTail) {
    findings.push({
      severity: 'warning',
      subject: 'log',
      message: 'the last record was cut short by a crash and was never acknowledged; it was dropped',
    });
  }
  for (const record of controller.catalog.volumes.values()) {
    const damage = imageDamage(controller, record);
    if (damage) findings.push({ severity: 'error', subject: controller.address(record.number), message: damage });
    else if (record.status === 'blocked') findings.push(await checkBlocked(controller, record, input.repair));
    if (record.incomplete) {
      findings.push({
        severity: 'error',
        subject: controller.address(record.number),
        message: `lacks ${record.incomplete.missingTracks} tracks: ${record.incomplete.reason}`,
      });
    }
  }
  findings.push(...foreignFiles(controller), ...checkGroups(controller));
  for (const half of [...controller.catalog.pairs.values()].filter(isHalf)) {
    const finding = await checkCounterpart(controller, half);
    if (finding) findings.push(finding);
  }
  if (input.deep) findings.push(...(await checkDeeply(controller, findings)));
  return findings;
}

/** Whether the other half of a pair between systems is there. */
async function checkCounterpart(controller: Controller, half: HalfRecord): Promise<CheckFinding | undefined> {
  const { system } = half.remote.peer;
  const pair = `${controller.address(half.primary)} ${controller.address(half.secondary)}`;
  const warning = (message: string) => ({ severity: 'warning' as const, subject: pair.replace(' ', ' -> '), message });
  try {
    await controller.peers.request(system, 'remote.show', { pair: half.remote.id }, { limitMs: ASKING_MS });
    return undefined;
  } catch (error) {
    if (!isToolkitError(error)) throw error;
    if (error.code === 'term-superseded') return undefined; // It is there, and is the primary's.
    if (error.code === 'pair-not-found')
      return warning(
        `storage system ${system.name} has no half of this pair; copyset pair delete ${pair} --force ends it`,
      );
    return warning(`its other half cannot be looked at: ${error.message}`);
  }
}

function imageDamage(controller: Controller, record: VolumeRecord): string | undefined {
  if (record.status === 'format') return 'its formatting was cut short; volume format --force finishes it';
  return imageFault(controller.files, imagePathOf(controller.place.path, record), record)?.message;
}

async function checkBlocked(controller: Controller, record: VolumeRecord, repair: boolean): Promise<CheckFinding> {
  const subject = controller.address(record.number);
  const why = record.blockedReason ?? 'a fault';
  if (!repair) return { severity: 'error', subject, message: `is blocked: ${why}; --repair opens it again` };
  controller.fabric.forget(record.number);
  await controller.catalog.change(() => [
    { do: 'put-volume', record: { ...record, status: 'normal', blockedReason: null } },
  ]);
  await controller.catalog.durable();
  return {
    severity: 'repaired',
    subject,
    message: `was blocked (${why}) and is open again; resync its suspended pairs`,
  };
}

function foreignFiles(controller: Controller): CheckFinding[] {
  const known = new Set(
    [...controller.catalog.volumes.values()].map((record) => imagePathOf(controller.place.path, record)),
  );
  const folder = `${controller.place.path}/${IMAGES_FOLDER}`;
  return controller.files
    .list(folder)
    .filter((name) => !known.has(`${folder}/${name}`))
    .map((name) => ({ severity: 'warning', subject: `${IMAGES_FOLDER}/${name}`, message: 'belongs to no volume' }));
}

async function checkDeeply(controller: Controller, found: readonly CheckFinding[]): Promise<CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const { key, damaged } of controller.catalog.checkMaps()) {
    if (damaged.length > 0)
      findings.push({ severity: 'error', subject: `map ${key}`, message: `pages ${damaged.join(', ')} are damaged` });
  }
  findings.push(...(await checkJournals(controller)));
  const broken = new Set(found.filter((finding) => finding.severity === 'error').map((finding) => finding.subject));
  const volumes = [...controller.catalog.volumes.values()]
    .filter((record) => !broken.has(controller.address(record.number)))
    .map((record) => record.name);
  if (volumes.length === 0) return findings;
  const { output } = await controller.request('volume.scrub', { volumes, accept: false });
  for (const row of output.volumes) {
    if (row.badTracks.length > 0)
      findings.push({
        severity: 'error',
        subject: `${row.system}:${row.name}`,
        message: `tracks ${row.badTracks.slice(0, 20).join(', ')} do not fit their check codes`,
      });
  }
  return findings;
}
