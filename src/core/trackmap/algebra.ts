import { popcount } from './bits.js';
import { PAGE_WORDS, type PageTable } from './page-table.js';

/** What two page tables of equal geometry do to each other. They go from page to page, over present pages only. */

export function uniteTables(into: PageTable, from: PageTable): void {
  for (let page = from.nextPresent(0); page < from.pageCount; page = from.nextPresent(page + 1)) {
    const capacity = into.capacityOf(page);
    const source = from.wordsOf(page);
    if (source === undefined) {
      into.setIn(page, 0, capacity);
      continue;
    }
    if (into.countOf(page) === capacity) continue;
    const target = into.writableWordsOf(page);
    let count = 0;
    for (let index = 0; index < PAGE_WORDS; index++) {
      const word = (target[index] as number) | (source[index] as number);
      target[index] = word;
      count += popcount(word);
    }
    if (count !== into.countOf(page)) into.recount(page, count);
  }
}

export function subtractTables(from: PageTable, tracks: PageTable): void {
  for (let page = tracks.nextPresent(0); page < tracks.pageCount; page = tracks.nextPresent(page + 1)) {
    if (from.countOf(page) === 0) continue;
    const source = tracks.wordsOf(page);
    if (source === undefined) {
      from.clearIn(page, 0, from.capacityOf(page));
      continue;
    }
    const target = from.writableWordsOf(page);
    let count = 0;
    for (let index = 0; index < PAGE_WORDS; index++) {
      const word = (target[index] as number) & ~(source[index] as number);
      target[index] = word;
      count += popcount(word);
    }
    // Also where nothing changed: a full page must lose the words it was given for this.
    from.recount(page, count);
  }
}

export function tablesIntersect(one: PageTable, other: PageTable): boolean {
  for (let page = one.nextPresent(0); page < one.pageCount; page = one.nextPresent(page + 1)) {
    if (other.countOf(page) === 0) continue;
    const left = one.wordsOf(page);
    const right = other.wordsOf(page);
    if (left === undefined || right === undefined) {
      // Reading a page may correct its count (a damaged one reads as all ones), never to 0: a full page meets any other.
      return true;
    }
    for (let index = 0; index < PAGE_WORDS; index++) {
      if (((left[index] as number) & (right[index] as number)) !== 0) return true;
    }
  }
  return false;
}

/** How many tracks are in any of the tables. */
export function countUnionOf(tables: readonly PageTable[]): number {
  let total = 0;
  let page = nextPresentOf(tables, 0);
  while (page !== -1) {
    total += countUnionOfPage(tables, page);
    page = nextPresentOf(tables, page + 1);
  }
  return total;
}

function nextPresentOf(tables: readonly PageTable[], from: number): number {
  let next = -1;
  for (const table of tables) {
    const page = table.nextPresent(from);
    if (page < table.pageCount && (next === -1 || page < next)) next = page;
  }
  return next;
}

function countUnionOfPage(tables: readonly PageTable[], page: number): number {
  const parts: Uint32Array[] = [];
  let present = 0;
  let largest = 0;
  for (const table of tables) {
    const count = table.countOf(page);
    if (count === table.capacityOf(page)) return count;
    if (count > 0) present += 1;
    largest = Math.max(largest, count);
  }
  if (present < 2) return largest;
  for (const table of tables) {
    if (table.countOf(page) === 0) continue;
    const words = table.wordsOf(page);
    if (words === undefined) return table.capacityOf(page);
    parts.push(words);
  }
  let count = 0;
  for (let index = 0; index < PAGE_WORDS; index++) {
    let word = 0;
    for (const words of parts) word |= words[index] as number;
    count += popcount(word);
  }
  return count;
}
