// Masks: the path of a mask in any of the forms that answers have, remembered for the latest ones.

import { columnsOf, runsOf } from "./runs.js";
import { pathOf, ringsOf } from "./outline.js";

// Some posts around the one that is shown; a path has some kilobytes.
const REMEMBERED = 64;
// Beyond, decoding would hold up the page for seconds: 64 megapixels with an outline of a million corners.
const LONGEST = 4 * 1024 * 1024;
const paths = new Map();

/** The data of a path for a mask, an empty one where the mask cannot be read. */
export function maskPath(mask) {
  if (!mask) return "";
  const key = mask.counts ?? mask.rings;
  if (key === undefined) return "";
  let path = paths.get(key);
  if (path === undefined) {
    path = drawn(mask);
    paths.set(key, path);
    if (paths.size > REMEMBERED) paths.delete(paths.keys().next().value);
  }
  return path;
}

function drawn(mask) {
  const [rows, columns] = mask.size;
  if (mask.rings) return pathOf(mask.rings);
  if (mask.counts.length > LONGEST) return "";
  const runs = runsOf(mask.counts, rows * columns);
  return runs ? pathOf(ringsOf(columnsOf(runs, rows), rows)) : "";
}
