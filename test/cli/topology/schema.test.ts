import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { topologySchema } from '../../../src/cli/topology/schema.js';

type Schema = Readonly<Record<string, unknown>>;

const top = new URL('../../../', import.meta.url);
const schema = JSON.parse(await readFile(new URL('docs/reference/topology.schema.json', top), 'utf8')) as Schema;

/** Judges by the words of JSON Schema that ours uses; a word that is not known here fails the test. */
function holds(rule: Schema, value: unknown): boolean {
  return Object.entries(rule).every(([word, wanted]) => {
    const judge = WORDS[word];
    if (!judge) throw new Error(`The schema uses ${word}.`);
    return judge(value, wanted, rule);
  });
}

type Judge = (value: unknown, wanted: unknown, rule: Schema) => boolean;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const always: Judge = () => true;
const WORDS: Readonly<Record<string, Judge>> = {
  $schema: always,
  $id: always,
  title: always,
  description: always,
  type: (value, wanted) => {
    if (wanted === 'object') return isObject(value);
    if (wanted === 'array') return Array.isArray(value);
    if (wanted === 'integer') return Number.isInteger(value);
    return typeof value === wanted;
  },
  pattern: (value, wanted) => typeof value !== 'string' || new RegExp(wanted as string).test(value),
  minLength: (value, wanted) => typeof value !== 'string' || value.length >= (wanted as number),
  minimum: (value, wanted) => typeof value !== 'number' || value >= (wanted as number),
  maximum: (value, wanted) => typeof value !== 'number' || value <= (wanted as number),
  enum: (value, wanted) => (wanted as unknown[]).includes(value),
  const: (value, wanted) => value === wanted,
  anyOf: (value, wanted) => (wanted as Schema[]).some((option) => holds(option, value)),
  items: (value, wanted) => !Array.isArray(value) || value.every((item) => holds(wanted as Schema, item)),
  required: (value, wanted) => !isObject(value) || (wanted as string[]).every((key) => key in value),
  propertyNames: (value, wanted) => !isObject(value) || Object.keys(value).every((key) => holds(wanted as Schema, key)),
  properties: (value, wanted) =>
    !isObject(value) ||
    Object.entries(wanted as Record<string, Schema>).every(([key, rule]) => !(key in value) || holds(rule, value[key])),
  additionalProperties: (value, wanted, rule) => {
    if (!isObject(value)) return true;
    const known = Object.keys((rule.properties ?? {}) as object);
    const others = Object.keys(value).filter((key) => !known.includes(key));
    return wanted === false ? others.length === 0 : others.every((key) => holds(wanted as Schema, value[key]));
  },
};

const pair = (more: object) => ({ pairs: [{ primary: 'tokyo:db', secondary: 'osaka:db', ...more }] });
const volume = (more: object) => ({ systems: { tokyo: { volumes: { db: { size: '1GiB', ...more } } } } });

describe('the JSON Schema of topology files', () => {
  it.each([
    {},
    volume({}),
    volume({ size: 1024 }),
    volume({ size: -1 }),
    volume({ size: 1.5 }),
    volume({ size: '1 GiB' }),
    volume({ number: '00:1A' }),
    volume({ number: '1A' }),
    volume({ reserve: 'yes' }),
    volume({ colour: 'red' }),
    { systems: { 'a b': {} } },
    { systems: { tokyo: { ports: { p: { listen: 'unix:p', luns: { 0: 'db' } } } } } },
    { systems: { tokyo: { ports: { p: { listen: 'unix:p', luns: { '01': 'db' } } } } } },
    { systems: { tokyo: { ports: { p: {} } } } },
    { systems: { tokyo: { linkLimit: 5 } } },
    { systems: { tokyo: { linkLimit: 0, durability: 'none' } } },
    pair({}),
    pair({ mode: 'journal', session: 'j', backup: 'osaka:b' }),
    pair({ mode: 'other' }),
    pair({ status: 'pending' }),
    pair({ secondary: 'auto' }),
    { pairs: {} },
    { groups: [{ name: 'g', master: 'tokyo', members: [{ primary: 'a:b', secondary: 'c:d', backup: 'auto' }] }] },
    { groups: [{ name: 'g', master: 'tokyo', members: [{ primary: 'a:b', secondary: 'c:d', backup: 'b' }] }] },
    { groups: [{ name: 'g' }] },
    { groups: [{ name: 'g', master: 'tokyo', started: true }] },
    { groups: [{ name: 'g', master: 'tokyo', started: 'yes' }] },
    { sessions: [{ name: 'j', order: 'clock', interval: '1s' }] },
    { other: [] },
    [],
  ])('says the same as the reader of %j', (document) => {
    // JavaScript takes a list for an object; a JSON Schema does not.
    expect(holds(schema, document)).toBe(!Array.isArray(document) && v.safeParse(topologySchema, document).success);
  });

  it.each(['two-sites', 'three-sites', 'four-controllers', 'session'])(
    'holds for the ready topology %s',
    async (name) => {
      const document: unknown = parse(await readFile(new URL(`fixtures/${name}.yaml`, top), 'utf8'));
      expect(holds(schema, document)).toBe(true);
    },
  );
});
