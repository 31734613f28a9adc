export interface Random {
  /**
   * A new identifier: 16 random bytes in hex. Ids that people and programs see say what they are for: so a seeded source gives
   * them the same ones, however many others were drawn between.
   */
  id(purpose?: string): string;
  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number;
}
