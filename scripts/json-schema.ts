import type { GenericSchema } from 'valibot';

/** What valibot keeps of a schema, as far as it is looked at here. */
interface Node {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly item?: Node;
  readonly key?: Node;
  readonly value?: Node;
  readonly wrapped?: Node;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly pipe?: readonly Node[] | undefined;
  readonly requirement?: unknown;
  readonly description?: string;
}

export type JsonSchema = { readonly [key: string]: unknown };

/** The JSON Schema (draft 2020-12) of a valibot schema, of the kinds that our files use. Anything else is refused, not passed over. */
export function jsonSchema(
  schema: GenericSchema,
  about: { title: string; description: string; $id: string },
): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...about, ...schemaOf(schema as unknown as Node) };
}

function schemaOf(node: Node): JsonSchema {
  const { pipe = [] } = node;
  const [first, ...refinements] = pipe;
  // The first part of a pipe is the schema itself, without its pipe.
  if (first && refinements.length > 0)
    return Object.assign(
      {},
      schemaOf(first.pipe === pipe ? { ...first, pipe: [] } : first),
      ...refinements.map(refinement),
    );
  switch (node.type) {
    case 'strict_object':
      return objectOf(node.entries ?? {});
    case 'record':
      return {
        type: 'object',
        propertyNames: schemaOf(part(node.key)),
        additionalProperties: schemaOf(part(node.value)),
      };
    case 'array':
      return { type: 'array', items: schemaOf(part(node.item)) };
    case 'union':
      return { anyOf: (node.options ?? []).map((option) => schemaOf(option as Node)) };
    case 'picklist':
      return { enum: node.options };
    case 'literal':
      return { const: node.literal };
    case 'string':
    case 'number':
    case 'boolean':
      return { type: node.type };
    default:
      throw new Error(`No JSON Schema is known for ${node.type}.`);
  }
}

function objectOf(entries: Readonly<Record<string, Node>>): JsonSchema {
  const rows = Object.entries(entries);
  const required = rows.filter(([, node]) => node.type !== 'optional').map(([key]) => key);
  const properties = rows.map(([key, node]) => [key, schemaOf(node.type === 'optional' ? part(node.wrapped) : node)]);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(properties),
  };
}

function refinement({ type, requirement, description }: Node): JsonSchema {
  switch (type) {
    case 'regex':
      return { pattern: (requirement as RegExp).source };
    case 'min_length':
      return { minLength: requirement };
    case 'min_value':
      return { minimum: requirement };
    case 'safe_integer':
      return { type: 'integer', maximum: Number.MAX_SAFE_INTEGER };
    case 'description':
      return { description };
    default:
      throw new Error(`No JSON Schema is known for ${type}.`);
  }
}

function part(node: Node | undefined): Node {
  if (node) return node;
  throw new Error('A schema lacks its part.');
}
