/**
 * Pixels as a PNG, which pages show anywhere.
 *
 * Invariant: 8 bits a channel, grey or colour; the bytes depend on the pixels alone.
 */
import { zlibSync } from 'fflate';
import { joinedBytes } from '../bytes.ts';
import { toBase64 } from './base64.ts';

const CRC: readonly number[] = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

const checksum = (bytes: Uint8Array): number => {
  let c = -1;
  for (const byte of bytes) c = CRC[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return ~c;
};

/** Length, name, content, checksum. */
const chunk = (name: string, content: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
  bytes.set(content, 8);
  view.setInt32(8 + content.length, checksum(bytes.subarray(4, 8 + content.length)));
  return bytes;
};

/** What is drawn: `height · width · channels` bytes in rows. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** 1: grey, 3: red, green, blue. */
  readonly channels: 1 | 3;
  readonly bytes: Uint8Array;
}

/** The picture as the address of itself: `data:image/png;base64,…`. */
export const pngAddress = ({ height, width, channels, bytes }: Pixels): string => {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 1 ? 0 : 2], 8);
  const row = width * channels;
  // each row begins with how it was filtered: not at all
  const rows = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++)
    rows.set(bytes.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ];
  return `data:image/png;base64,${toBase64(joinedBytes(parts))}`;
};
