// Mentions: a text in pieces, plain ones and names of entities. Spans count code points, strings count UTF-16 units.

/** The pieces of a text: `{ text, entity }`, where `entity` is a number or null. A span within another is left out. */
export function pieces(text, entities) {
  const letters = Array.from(text);
  const spans = entities
    .map((entity, index) => ({ start: entity.span.start, end: entity.span.end, index }))
    .filter(({ start, end }) => start >= 0 && start < end && end <= letters.length)
    .sort((one, other) => one.start - other.start || other.end - one.end);
  const found = [];
  let at = 0;
  const plain = (to) => {
    if (to > at) found.push({ text: letters.slice(at, to).join(""), entity: null });
  };
  for (const { start, end, index } of spans) {
    if (start < at) continue;
    plain(start);
    found.push({ text: letters.slice(start, end).join(""), entity: index });
    at = end;
  }
  plain(letters.length);
  return found;
}
