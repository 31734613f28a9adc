export interface Random {
  /** A new identifier: 16 random bytes in hex. */
  id(): string;
  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number;
}
