// Outline: the edge of a mask as rings of corners, and as a path whose corners are rounded by half a pixel at most.

/** The rings around the stretches of columns, each `[x, y, x, y…]` without points on straight lines. */
export function ringsOf(columns, rows) {
  const stride = rows + 1;
  const edges = new Map();
  const add = (fromX, fromY, toX, toY) => {
    const from = fromX * stride + fromY;
    const to = toX * stride + toY;
    const there = edges.get(from);
    if (there === undefined) edges.set(from, [to]);
    else there.push(to);
  };
  let before = [-2, []];
  for (const [column, stretches] of [...columns, [Infinity, []]]) {
    const left = before[0] === column - 1 ? before[1] : [];
    if (before[1].length > 0 && left.length === 0) sides(before[1], [], before[0] + 1, add);
    if (column !== Infinity) sides(left, stretches, column, add);
    for (let at = 0; at < stretches.length; at += 2) {
      add(column, stretches[at], column + 1, stretches[at]);
      add(column + 1, stretches[at + 1], column, stretches[at + 1]);
    }
    before = [column, stretches];
  }
  return closed(edges, stride);
}

/** Upright edges at `x` where one side is inside and the other is not; the inside is on the right of their way. */
function sides(left, right, x, add) {
  const cuts = [...new Set([...left, ...right])].sort((one, other) => one - other);
  const within = (stretches, y) => {
    for (let at = 0; at < stretches.length; at += 2) {
      if (stretches[at] <= y && y < stretches[at + 1]) return true;
    }
    return false;
  };
  for (let at = 0; at + 1 < cuts.length; at++) {
    const [from, to] = [cuts[at], cuts[at + 1]];
    const [isLeft, isRight] = [within(left, from), within(right, from)];
    if (isLeft && !isRight) add(x, from, x, to);
    if (isRight && !isLeft) add(x, to, x, from);
  }
}

function closed(edges, stride) {
  const rings = [];
  for (const start of edges.keys()) {
    while (edges.get(start)?.length > 0) {
      const ring = [];
      let at = start;
      do {
        ring.push(Math.floor(at / stride), at % stride);
        at = edges.get(at).pop();
      } while (at !== start && edges.get(at)?.length > 0);
      rings.push(withoutStraights(ring));
    }
  }
  return rings;
}

function withoutStraights(ring) {
  const kept = [];
  const count = ring.length / 2;
  for (let at = 0; at < count; at++) {
    const [before, after] = [(at + count - 1) % count, (at + 1) % count];
    const sameX = ring[2 * before] === ring[2 * at] && ring[2 * at] === ring[2 * after];
    const sameY = ring[2 * before + 1] === ring[2 * at + 1] && ring[2 * at + 1] === ring[2 * after + 1];
    if (!sameX && !sameY) kept.push(ring[2 * at], ring[2 * at + 1]);
  }
  return kept;
}

/** The rings as data of a path, to be filled by the even-odd rule. */
export function pathOf(rings) {
  return rings.map(ringPath).join("");
}

function ringPath(ring) {
  const count = ring.length / 2;
  const point = (at) => [ring[2 * (at % count)], ring[2 * (at % count) + 1]];
  // From a corner toward another: half of the way, and at most half a pixel.
  const toward = ([x, y], [toX, toY]) => {
    const length = Math.abs(toX - x) + Math.abs(toY - y) || 1;
    const part = Math.min(0.5, length / 2) / length;
    return `${x + (toX - x) * part} ${y + (toY - y) * part}`;
  };
  let path = "";
  for (let at = 0; at < count; at++) {
    const [before, corner, after] = [point(at + count - 1), point(at), point(at + 1)];
    path += `${at === 0 ? "M" : "L"}${toward(corner, before)}Q${corner[0]} ${corner[1]} ${toward(corner, after)}`;
  }
  return `${path}Z`;
}
