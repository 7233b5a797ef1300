/** Keeps the screen on during a conversation, where the browser can. */

let lock = null;
let isAsking = false;

/** @param {boolean} wanted */
export async function keepAwake(wanted) {
  if (!wanted) {
    void lock?.release();
    lock = null;
    return;
  }
  if (lock || isAsking || document.hidden || !navigator.wakeLock) return;
  isAsking = true;
  try {
    lock = await navigator.wakeLock.request("screen");
    // Hidden pages lose it; it is asked for again when the page is seen.
    lock.addEventListener("release", () => (lock = null));
  } catch {
    // A low battery refuses it; the conversation goes on.
  } finally {
    isAsking = false;
  }
}
