/** What this browser remembers of the person's wishes. Where it may not remember, they last as long as the page. */

const KEY = "parley";

/** @typedef {{consents: boolean | null, voice: string | null, theme: "" | "light" | "dark", shortcut: boolean, push: boolean, language: string, eagerness: string, microphone: string, loudspeaker: string}} Preferences `consents` is null until the person was asked */

/** @type {Preferences} */
const AT_FIRST = { consents: null, voice: null, theme: "", shortcut: true, push: false, language: "", eagerness: "EAGERNESS_AUTO", microphone: "", loudspeaker: "" };

let present = { ...AT_FIRST, ...stored() };

/** @returns {Readonly<Preferences>} */
export function preferences() {
  return present;
}

/** @param {Partial<Preferences>} change */
export function prefer(change) {
  present = { ...present, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(present));
  } catch {
    // Private windows and full disks refuse; nothing depends on it.
  }
}

function stored() {
  try {
    const value = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
