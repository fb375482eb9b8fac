// Answers that tests write themselves, in the form of config/schemas/riveg.annotation.json.

/** An answer with these entities: `{ text, type, start, shown, decision, score, expansion }`. */
export function answer(id, text, entities = [], more = {}) {
  return JSON.stringify({
    schema: "riveg.annotation", version: 1, post_id: id, text,
    entities: entities.map((entity) => entityOf(entity, text)),
    media: [{ key: "m1", index: 0, width: 40, height: 30, blake3: "0".repeat(64) }],
    provenance: { engine: "0.1.0", bundle: "0".repeat(64), degraded: [], degraded_codes: [] },
    ingested_at: "2026-01-31T08:00:00Z", published_at: "2026-01-31T08:00:01Z", ...more,
  });
}

function entityOf({ text: name, type = "PER", shown = true, score = 0.99, gate = shown ? 0.9 : 0.01, expansion = "a red hat" }, text) {
  const start = Array.from(text.slice(0, text.indexOf(name))).length;
  const bytes = new TextEncoder().encode(text.slice(0, text.indexOf(name))).length;
  const decision = gate >= 0.5 ? "depicted" : "absent";
  return {
    id: "0123456789abcdef", text: name, type, score,
    span: { start, end: start + Array.from(name).length, unit: "codepoint", byte_start: bytes, byte_end: bytes + new TextEncoder().encode(name).length },
    expansion: expansion === null ? null : { text: expansion, source: "lexicon" }, phrase: `${name} (${type})`,
    gate: { decision, probability: gate, pictures: [{ media_key: "m1", decision, probability: gate }] },
    // 30 rows, 40 columns: the columns 10 to 19 are inside from row 5 to row 14.
    regions: shown ? [{ media_key: "m1", box: [10, 5, 20, 15], box_score: 0.5, mask: { size: [30, 40], counts: counts() }, mask_score: 0.8 }] : [],
  };
}

function counts() {
  const runs = [10 * 30 + 5];
  for (let column = 0; column < 10; column++) runs.push(10, column < 9 ? 20 : 20 * 30 + 15);
  return encoded(runs);
}

/** COCO's compressed text of runs. */
export function encoded(runs) {
  let text = "";
  runs.forEach((run, index) => {
    let rest = index > 2 ? run - runs[index - 2] : run;
    let more = true;
    while (more) {
      const group = rest & 31;
      rest >>= 5;
      more = group & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode((more ? group | 32 : group) + 48);
    }
  });
  return text;
}
