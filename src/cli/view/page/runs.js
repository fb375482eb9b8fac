// Runs: COCO's compressed run lengths to numbers. Runs go down the columns, left to right, and begin outside.

/** The runs in a text, or null where it is none for a picture of so many pixels. */
export function runsOf(text, pixels) {
  const runs = [];
  let sum = 0;
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const group = text.charCodeAt(at++) - 48;
      // At the end of the text it is not a number.
      if (!(group >= 0 && group < 64) || shift > 30) return null;
      // Not shifted: 32 bits are too few.
      value += (group & 31) * 2 ** shift;
      more = (group & 32) !== 0;
      shift += 5;
      if (!more && group & 16) value -= 2 ** shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    if (value < 0) return null;
    sum += value;
    if (sum > pixels) return null;
    runs.push(value);
  }
  return sum === pixels ? runs : null;
}

/** The stretches inside of each column: `[column, [from, to, from, to…]]`, columns without any left out. */
export function columnsOf(runs, rows) {
  const columns = [];
  let at = 0;
  let inside = false;
  const add = (column, from, to) => {
    const last = columns.at(-1);
    if (last?.[0] === column) last[1].push(from, to);
    else columns.push([column, [from, to]]);
  };
  for (const run of runs) {
    const end = at + run;
    while (inside && at < end) {
      const column = Math.floor(at / rows);
      const stop = Math.min(end, (column + 1) * rows);
      add(column, at - column * rows, stop - column * rows);
      at = stop;
    }
    at = end;
    inside = !inside;
  }
  return columns;
}
