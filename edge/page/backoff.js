/** When to try again after a connection was lost or refused. */

const FIRST_S = 1;
const LONGEST_S = 30;

/**
 * Seconds to wait before the so-manieth try in a row (from 0). It doubles up to half a minute and never gives up; the
 * random part keeps pages that lost the same server from all coming back in the same moment.
 *
 * @param {number} attempt
 * @param {number} atLeast what the server asked for, in seconds
 * @param {() => number} random from 0 to 1
 */
export function retryDelay(attempt, atLeast = 0, random = Math.random) {
  const pause = Math.min(LONGEST_S, FIRST_S * 2 ** attempt);
  return Math.max(atLeast, Math.min(LONGEST_S, pause)) * (1 + 0.25 * random());
}
