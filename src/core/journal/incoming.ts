import { type ByteCount, type ByteOffset, failure, type SequenceTime } from '../foundation/foundation.js';
import { headAt, type RecordSequence } from './record.js';

/** A record among others in one piece of memory. */
export interface IncomingRecord {
  readonly at: ByteOffset;
  readonly sizeBytes: ByteCount;
  readonly sequence: RecordSequence;
  readonly time: SequenceTime;
}

export interface StreamEnd {
  readonly what: string;
  /** Of the record that comes next. */
  readonly sequence: RecordSequence;
  readonly lastTime: SequenceTime;
  readonly largestBytes: ByteCount;
}

/** The records that came from another journal. Throws `check-code` unless all are whole and go on where this one ends. */
export function demandStream(encoded: Uint8Array, end: StreamEnd): IncomingRecord[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length);
  const records: IncomingRecord[] = [];
  let { sequence, lastTime } = end;
  for (let at = 0; at < encoded.length; ) {
    const head = headAt(encoded, view, at);
    if (head === undefined) throw refused(end.what, sequence, 'it did not arrive whole');
    if (head.sequence !== sequence) throw refused(end.what, sequence, `record ${head.sequence} came in its place`);
    if (head.time <= lastTime) throw refused(end.what, sequence, 'its time is not after that of the record before it');
    if (head.sizeBytes > end.largestBytes) throw refused(end.what, sequence, 'it is larger than a segment here');
    records.push({ at, sizeBytes: head.sizeBytes, sequence, time: head.time });
    lastTime = head.time;
    sequence += 1;
    at += head.sizeBytes;
  }
  return records;
}

function refused(what: string, sequence: RecordSequence, why: string): Error {
  return failure('check-code', `Record ${sequence} is not taken into ${what}: ${why}.`, 'It is sent again.', {
    details: { sequence, why },
  });
}
