// Entities: what an answer says of each, and why a picture does not show it.

/** Whether a picture shows the entity. */
export const isShown = (entity) => entity.regions.length > 0;

/** The surest score that an entity has: of its regions, of its gate, or of its name. */
export function bestScore(entity) {
  const boxes = entity.regions.map((region) => region.box_score);
  if (boxes.length > 0) return Math.max(...boxes);
  return entity.gate?.probability ?? entity.score;
}

/** Why no picture shows the entity, in a sentence. */
export function whyNotShown(entity, post) {
  const { gate } = entity;
  if (!gate) {
    if (post.answer.media.length === 0) return "The post has no picture that was examined.";
    const said = post.answer.provenance.degraded;
    return `The gate was not asked about it${said.length > 0 ? `: ${said.join("; ")}` : ""}.`;
  }
  if (gate.decision === "absent") {
    const count = gate.pictures.length;
    const most = count > 1 ? `, at most ${gate.probability.toFixed(2)} in ${count} pictures` : ` ${gate.probability.toFixed(2)}`;
    return `The gate says that no picture shows it: probability${most}.`;
  }
  const dropped = gate.pictures.map((picture) => picture.dropped_box_score).filter((value) => value !== undefined);
  if (dropped.length > 0) {
    return `The gate says that it is shown, but the best box scored ${Math.max(...dropped).toFixed(2)}, below the threshold of the grounder.`;
  }
  return "The gate says that it is shown, but the answer has no box.";
}

const SOURCES = new Map([["lexicon", "from the lexicon"], ["file", "from published answers"], ["llm", "from a language model"]]);

/** Where the expansion is from, in words. */
export function expansionSource(expansion) {
  const source = SOURCES.get(expansion.source) ?? `from ${expansion.source}`;
  return expansion.by ? `${source} (${expansion.by})` : source;
}
