// Entity card: one entity with its expansion, the decision of the gate, its scores, and why it is not shown.

import { el, score, svg } from "./dom.js";
import { expansionSource, isShown, whyNotShown } from "./entities.js";
import { types, typeWord } from "./types.js";

/** The card of an entity of a post. */
export function entityCard(post, index, filter) {
  const entity = post.answer.entities[index];
  const shown = isShown(entity);
  const title = el("h3", { text: entity.surface ?? entity.text, dir: "auto" });
  return el("div", {
    class: `entity ${types.class(entity.type)}${filter?.hidden.has(entity.type) ? " is-off" : ""}`,
    "data-entity": index, tabindex: 0, role: "group", "aria-label": `${entity.text}, ${typeWord(entity.type)}, ${shown ? "shown" : "not shown"}`,
  },
    el("div", { class: "entity-head" },
      el("span", { class: "entity-number", text: index + 1 }), title,
      el("span", { class: `verdict ${shown ? "is-shown" : "is-absent"}`, text: shown ? "shown" : "not shown" })),
    el("p", { class: "kind" }, types.glyph(entity.type, shown), entity.type),
    expansion(entity),
    !shown && el("p", { class: "entity-why", text: whyNotShown(entity, post) }),
    el("div", { class: "meters" }, meters(entity)),
    entity.iri && el("p", { class: "entity-why", text: entity.iri }));
}

function expansion({ expansion: said }) {
  if (!said) return el("p", { class: "entity-expansion" }, el("small", { text: "No expansion: the phrase is name and type." }));
  const others = (said.others ?? []).map((other) => el("p", { class: "entity-expansion" }, other.text, " ", el("small", { text: other.by ?? "" })));
  return [el("p", { class: "entity-expansion" }, said.text, " ", el("small", { text: expansionSource(said) })), ...others];
}

function meters(entity) {
  const found = [meter("name", entity.score)];
  const pictures = entity.gate?.pictures ?? [];
  for (const [place, picture] of pictures.slice(0, 4).entries()) {
    found.push(meter(pictures.length > 1 ? `gate, picture ${place + 1}` : "gate", picture.probability));
  }
  for (const region of entity.regions.slice(0, 4)) {
    found.push(meter("box", region.box_score));
    if (region.mask) found.push(meter("mask", region.mask_score));
  }
  return found;
}

/** A number from 0 to 1 as a bar. */
function meter(label, value) {
  const width = Math.max(0, Math.min(1, value ?? 0)) * 100;
  return el("div", { class: "meter" }, el("b", { text: score(value) }), label,
    svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { width, height: 4 })));
}
