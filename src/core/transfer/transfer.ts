/**
 * transfer: what goes from one half of a remote pair to the other, and how it is taken there.
 *
 * - wire: the orders that a primary's half gives to its secondary's, as they travel; each carries its pair's id and a mark.
 * - mark: term, sender's epoch and link session, in this order; the receiver takes nothing below the highest it has taken (H4, H5).
 * - link session: what is sent between two openings; late data of an earlier one is refused in the step in which it would land.
 * - sender: the copier's job for a primary's half: sends the tracks that its map holds, or fetches them for a restore.
 * - mirror: takes host writes of a synchronous pair to the secondary while their hosts wait; the outbox holds what is on its way.
 * - receiver: lands at the secondary, by the one write path, what a sender sends.
 *
 * It knows no status table and no requests: how orders travel and who answers them is the controller's business.
 */
export * from './link-session.js';
export { displacePrimary, isLoss } from './link-turns.js';
export * from './mirror.js';
export * from './receiver.js';
export * from './sender.js';
export * from './wire.js';
