/** The microphones and loudspeakers that a person can choose from. */

/** @typedef {{id: string, name: string}} Device */

/**
 * What there is. Before the page may use a microphone, browsers name no device; such devices are left out.
 *
 * @returns {Promise<{microphones: Device[], loudspeakers: Device[]}>} no loudspeakers where the browser lets none be chosen
 */
export async function devices() {
  const found = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const loudspeakers = choosesLoudspeaker() ? named(found, "audiooutput", "Loudspeaker") : [];
  return { microphones: named(found, "audioinput", "Microphone"), loudspeakers };
}

/** Whether the browser can play on a loudspeaker that is not the system's choice. */
export function choosesLoudspeaker() {
  return typeof AudioContext === "function" && "setSinkId" in AudioContext.prototype;
}

/** Devices of a kind; "default" and "communications" are other names of some of them. */
function named(found, kind, word) {
  return found
    .filter((device) => device.kind === kind && !["", "default", "communications"].includes(device.deviceId))
    .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `${word} ${index + 1}` }));
}
