/** A WAV file's 44-byte header for 16-bit PCM. */

/**
 * @param {number} frames samples of each channel
 * @param {{rate: number, channels: number}} format
 */
export function wavHeader(frames, { rate, channels }) {
  const blockBytes = channels * 2;
  const dataBytes = frames * blockBytes;
  const view = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + dataBytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * blockBytes, true);
  view.setUint16(32, blockBytes, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, dataBytes, true);
  return new Uint8Array(view.buffer);
}

/** A sample between -1 and 1 as a 16-bit integer. */
export function toInt16(sample) {
  return Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
}
