/** Ogg pages (RFC 3533) that carry Opus packets (RFC 7845): as much of both as one mono voice needs. */

const HEADER_BYTES = 27;
const BEGINS_STREAM = 0x02;
const CONTINUED = 0x01;

/** The decoder's run-in that a player should skip, in 48 kHz samples: libopus needs 6.5 ms. */
const PRE_SKIP = 312;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** Ogg's checksum: CRC-32, unreflected, from 0; the page's own checksum field (bytes 22 to 25) counts as zeros. */
export function checksum(page) {
  let crc = 0;
  for (let at = 0; at < page.length; at++) {
    const byte = at >= 22 && at < 26 ? 0 : page[at];
    crc = ((crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]) >>> 0;
  }
  return crc;
}

/** Puts Opus packets into the pages of one Ogg stream. */
export class OggOpusWriter {
  #serial;
  #sequence = 0;
  #granule = 0;

  /**
   * @param {number} sampleRate of the sound before it was encoded; for information only, says RFC 7845
   * @param {number} serial
   */
  constructor(sampleRate, serial = (Math.random() * 2 ** 32) >>> 0) {
    this.#serial = serial;
    const head = new DataView(new ArrayBuffer(19));
    writeText(head, 0, "OpusHead");
    head.setUint8(8, 1); // version
    head.setUint8(9, 1); // channels
    head.setUint16(10, PRE_SKIP, true);
    head.setUint32(12, sampleRate, true);
    const tags = new DataView(new ArrayBuffer(22));
    writeText(tags, 0, "OpusTags");
    tags.setUint32(8, 6, true);
    writeText(tags, 12, "Parley"); // the vendor; no comments follow
    /** What the stream begins with. */
    this.headers = joined([
      this.#page([new Uint8Array(head.buffer)], BEGINS_STREAM),
      this.#page([new Uint8Array(tags.buffer)]),
    ]);
  }

  /**
   * The next page.
   *
   * @param {Uint8Array[]} packets
   * @param {number} seconds how much sound they hold
   */
  page(packets, seconds) {
    this.#granule += Math.round(seconds * 48_000);
    return this.#page(packets);
  }

  #page(packets, flags = 0) {
    const lacing = packets.flatMap(({ length }) => [...Array(Math.floor(length / 255)).fill(255), length % 255]);
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    writeText(header, 0, "OggS");
    header.setUint8(5, flags);
    header.setBigUint64(6, BigInt(this.#granule), true);
    header.setUint32(14, this.#serial, true);
    header.setUint32(18, this.#sequence++, true);
    header.setUint8(26, lacing.length);
    const page = joined([new Uint8Array(header.buffer), Uint8Array.from(lacing), ...packets]);
    new DataView(page.buffer).setUint32(22, checksum(page), true);
    return page;
  }
}

/** Takes the packets out of an Ogg Opus stream that arrives in pieces of any size. */
export class OggOpusReader {
  #buffer = new Uint8Array(0);
  /** The beginning of a packet that goes on in the next page. @type {Uint8Array[]} */
  #begun = [];

  /**
   * The Opus packets that the next piece completes; the stream's two header packets are not among them. What is no
   * page, or is damaged, is skipped.
   *
   * @param {Uint8Array} piece
   * @returns {Uint8Array[]}
   */
  read(piece) {
    this.#buffer = joined([this.#buffer, piece]);
    const packets = [];
    for (let page = this.#nextPage(); page; page = this.#nextPage()) packets.push(...this.#packets(page));
    return packets.filter((packet) => packet.length > 0 && !isHeader(packet));
  }

  #nextPage() {
    for (;;) {
      const start = findPage(this.#buffer);
      this.#buffer = this.#buffer.subarray(start);
      if (this.#buffer.length < HEADER_BYTES) return null;
      const lacingEnd = HEADER_BYTES + this.#buffer[26];
      if (this.#buffer.length < lacingEnd) return null;
      const end = this.#buffer.subarray(HEADER_BYTES, lacingEnd).reduce((sum, size) => sum + size, lacingEnd);
      if (this.#buffer.length < end) return null;
      const page = this.#buffer.subarray(0, end);
      if (new DataView(page.buffer, page.byteOffset).getUint32(22, true) === checksum(page)) {
        this.#buffer = this.#buffer.subarray(end);
        return page;
      }
      this.#buffer = this.#buffer.subarray(4);
    }
  }

  #packets(page) {
    const lacingEnd = HEADER_BYTES + page[26];
    if (!(page[5] & CONTINUED)) this.#begun = [];
    const packets = [];
    let at = lacingEnd;
    let start = at;
    for (const size of page.subarray(HEADER_BYTES, lacingEnd)) {
      at += size;
      if (size === 255) continue;
      packets.push(joined([...this.#begun, page.subarray(start, at)]));
      this.#begun = [];
      start = at;
    }
    if (start < at) this.#begun.push(page.slice(start, at));
    return packets;
  }
}

/** Where the next page begins, or may begin once more bytes are there. */
function findPage(bytes) {
  for (let at = 0; at < bytes.length; at++) {
    if ([0x4f, 0x67, 0x67, 0x53].every((byte, i) => at + i >= bytes.length || bytes[at + i] === byte)) return at;
  }
  return bytes.length;
}

function isHeader(packet) {
  const start = String.fromCharCode(...packet.subarray(0, 8));
  return start === "OpusHead" || start === "OpusTags";
}

function writeText(view, at, text) {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
}

function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
