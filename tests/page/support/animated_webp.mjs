// Animated WebP from still ones (WebP container specification): the browser encodes each frame, this puts them together.

/** The chunks of a still picture that hold its pixels. */
function pixels(still) {
  const found = [];
  for (let at = 12; at + 8 <= still.length; ) {
    const name = still.toString("latin1", at, at + 4);
    const length = still.readUInt32LE(at + 4);
    if (["ALPH", "VP8 ", "VP8L"].includes(name)) found.push(chunk(name, still.subarray(at + 8, at + 8 + length)));
    at += 8 + length + (length % 2);
  }
  return Buffer.concat(found);
}

function chunk(name, data) {
  const head = Buffer.alloc(8);
  head.write(name, "latin1");
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

/** Numbers of three bytes. */
function triples(...numbers) {
  const bytes = Buffer.alloc(3 * numbers.length);
  numbers.forEach((number, index) => bytes.writeUIntLE(number, 3 * index, 3));
  return bytes;
}

/** A file that repeats its frames, `{ still, milliseconds }`, for ever. */
export function animated(frames, width, height) {
  const size = triples(width - 1, height - 1);
  const isAnimated = Buffer.from([2, 0, 0, 0]);
  const whole = frames.map(({ still, milliseconds }) =>
    // At the corner, instead of the frame before.
    chunk("ANMF", Buffer.concat([triples(0, 0), size, triples(milliseconds), Buffer.from([2]), pixels(still)])));
  const background = Buffer.from([255, 255, 255, 255, 0, 0]);
  const chunks = Buffer.concat([chunk("VP8X", Buffer.concat([isAnimated, size])), chunk("ANIM", background), ...whole]);
  return chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), chunks]));
}
