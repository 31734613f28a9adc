/** What is left of a message's head on a wire: as if it were written as JSON and read again, and how many bytes that is at most. */
export class WireCopy {
  readonly value: unknown;
  mostBytes = 0;

  constructor(value: unknown) {
    this.value = this.#copy(value);
  }

  #copy(value: unknown): unknown {
    this.mostBytes += 32;
    switch (typeof value) {
      case 'string':
        // An escaped character takes six bytes.
        this.mostBytes += value.length * 6;
        return value;
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) ? value + 0 : null;
      case 'undefined':
        return undefined;
      case 'object':
        return value === null ? null : this.#copyObject(value);
      default:
        throw new TypeError(`a ${typeof value} cannot be sent`);
    }
  }

  #copyObject(value: object): unknown {
    if (Array.isArray(value)) return value.map((one) => this.#copy(one) ?? null);
    if ('toJSON' in value) throw new TypeError('what is not plain is not sent');
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const one = this.#copy((value as Record<string, unknown>)[key]);
      if (one === undefined) continue;
      this.mostBytes += key.length * 6;
      copy[key] = one;
    }
    return copy;
  }
}
