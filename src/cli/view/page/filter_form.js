// Filter form: what the reader has chosen, and a choice for each type that comes.

import { byId, el, score } from "./dom.js";
import { ALL, isSet } from "./filter.js";
import { types } from "./types.js";

export class FilterForm {
  filter = ALL;
  #hidden = new Set();

  constructor(changed) {
    const form = byId("filters");
    const read = () => {
      this.filter = {
        text: byId("filter-text").value.trim().toLowerCase(),
        hidden: new Set(this.#hidden),
        decision: form.elements.decision.value,
        score: Number(byId("filter-score").value),
      };
      byId("filter-score-value").textContent = score(this.filter.score);
      byId("filter-reset").hidden = !isSet(this.filter);
      changed();
    };
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", read);
    form.addEventListener("reset", () => {
      this.#hidden.clear();
      for (const box of byId("filter-types").querySelectorAll("input")) box.checked = true;
      // The form's own values are reset after this event.
      setTimeout(read);
    });
  }

  /** Adds choices for the types of these posts that are new. */
  learn(posts) {
    for (const post of posts) {
      for (const { type } of post.answer.entities) {
        if (types.has(type)) continue;
        types.place(type);
        if (types.has(type)) this.#add(type);
      }
    }
  }

  #add(type) {
    const box = el("input", { type: "checkbox", checked: true });
    box.addEventListener("input", () => (box.checked ? this.#hidden.delete(type) : this.#hidden.add(type)));
    const label = el("label", {}, box, el("span", { class: types.class(type) }, types.glyph(type), type));
    const choices = byId("filter-types");
    // In the order of their places, so that the known four stand always alike.
    label.dataset.place = types.place(type);
    const after = [...choices.querySelectorAll("label")].find((other) => Number(other.dataset.place) > Number(label.dataset.place));
    choices.insertBefore(label, after ?? null);
  }
}
