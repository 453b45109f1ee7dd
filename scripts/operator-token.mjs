// Draws an operator's token for a hosted installation, and prints it with its SHA-256 for a shell to read. Nothing is
// stored: whoever runs this keeps what it prints.
//
// Usage: (umask 077; node scripts/operator-token.mjs > operator.env)
//
// The form is that of shared/service/src/token_text.rs: slp_operator_<T, 20 letters>_<32 base62><6 base62 of CRC-32>.

import { createHash, randomInt } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE62 = `0123456789${LETTERS}${LETTERS.toLowerCase()}`;

const draw = (alphabet, length) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");

// CRC-32 of IEEE 802.3, reflected.
function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

// The lowest digit first.
const base62 = (number, digits) =>
  Array.from({ length: digits }, (_, place) => BASE62[Math.floor(number / 62 ** place) % 62]).join("");

const body = `slp_operator_T${draw(LETTERS, 20)}_${draw(BASE62, 32)}`;
const token = `${body}${base62(crc32(body), 6)}`;
console.log(`export SLIPWAY_TOKEN=${token}`);
console.log(`export OPERATOR_TOKEN_SHA256=${createHash("sha256").update(token).digest("hex")}`);
