// Tip: what is known of an entity, beside where it is pointed at.

import { byId, el, score } from "./dom.js";
import { isShown, whyNotShown } from "./entities.js";
import { typeWord } from "./types.js";

/** Shows the tip of an entity beside a node. */
export function showTip(post, index, at) {
  const entity = post.answer.entities[index];
  const tip = byId("tip");
  const scores = [`name ${score(entity.score)}`, entity.gate && `gate ${score(entity.gate.probability)}`,
    ...entity.regions.slice(0, 2).map((region) => `box ${score(region.box_score)}, mask ${score(region.mask_score)}`)].filter(Boolean);
  tip.replaceChildren(
    el("strong", { text: `${entity.text}, ${typeWord(entity.type)}` }),
    el("span", { text: entity.expansion?.text ?? "no expansion" }), el("br"),
    el("span", { text: scores.join(" · ") }),
    ...(isShown(entity) ? [] : [el("br"), el("span", { text: whyNotShown(entity, post) })]));
  tip.hidden = false;
  const [place, size] = [at.getBoundingClientRect(), tip.getBoundingClientRect()];
  const below = place.bottom + 8 + size.height < window.innerHeight;
  const x = Math.max(8, Math.min(place.left, window.innerWidth - size.width - 8));
  const y = below ? place.bottom + 8 : Math.max(8, place.top - size.height - 8);
  tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
}

export function hideTip() {
  byId("tip").hidden = true;
}
