/**
 * What data messages look like on a channel: text is JSON `{to?, payload}` to the server and `{from, payload}` from it;
 * bytes follow a header of that JSON with its length in two bytes, the higher first. Pure.
 *
 * @module
 */

/** What a message may weigh as it is sent; the server, which adds whose it is, takes and passes on 64 KiB. */
export const LARGEST = 60 * 1024;

/**
 * @param {unknown} payload JSON, or bytes
 * @param {string | readonly string[]} [to] identities
 * @returns {string | Uint8Array}
 */
export function seal(payload, to) {
  const head = to === undefined ? {} : { to: typeof to === "string" ? [to] : [...to] };
  const bytes = bytesOf(payload);
  if (!bytes) return JSON.stringify({ ...head, payload: payload === undefined ? null : payload });
  return withHeader(head, bytes);
}

/**
 * As a peer seals it that is not behind a server: it says who it is.
 *
 * @param {unknown} payload
 * @param {string} from
 * @returns {string | Uint8Array}
 */
export function sealFrom(payload, from) {
  const bytes = bytesOf(payload);
  return bytes ? withHeader({ from }, bytes) : JSON.stringify({ from, payload: payload ?? null });
}

/**
 * @param {string | ArrayBuffer} data as received
 * @returns {{from: string, payload: any, binary: boolean} | null} null when it is no such message
 */
export function open(data) {
  try {
    if (typeof data === "string") {
      const { from = "", payload = null } = JSON.parse(data);
      return { from, payload, binary: false };
    }
    const length = new DataView(data).getUint16(0);
    const { from = "" } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, length)));
    return { from, payload: data.slice(2 + length), binary: true };
  } catch {
    return null;
  }
}

/** Bytes on the wire. */
export function weigh(message) {
  return typeof message === "string" ? new TextEncoder().encode(message).length : message.byteLength;
}

function withHeader(head, bytes) {
  const header = new TextEncoder().encode(JSON.stringify(head));
  const message = new Uint8Array(2 + header.length + bytes.length);
  new DataView(message.buffer).setUint16(0, header.length);
  message.set(header, 2);
  message.set(bytes, 2 + header.length);
  return message;
}

function bytesOf(payload) {
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  return null;
}
