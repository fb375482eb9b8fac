// Dead letters: posts that were set aside, why, and a button that sends one again where the server allows it.

import { byId, clock, el, toast } from "./dom.js";
import { replay } from "./source.js";

// As many as the server keeps.
const MOST = 200;

export class Letters {
  #body = byId("letters");
  #count = 0;
  #canReplay = false;

  /** Begins anew, with what the server says of itself. */
  begin(hello) {
    this.#canReplay = hello.replay;
    this.#count = 0;
    const text = hello.letters ? "None so far." : "A file of answers has no dead letters. A topic of them is read beside a topic of answers.";
    this.#body.replaceChildren(el("p", { class: "blank-note", text }));
    this.#say();
  }

  /** Adds dead letters, the newest on top. */
  add(letters) {
    if (this.#count === 0) this.#body.replaceChildren();
    for (const letter of letters) this.#body.prepend(this.#row(letter));
    this.#count += letters.length;
    while (this.#body.childElementCount > MOST) this.#body.lastElementChild.remove();
    this.#say();
  }

  #say() {
    const badge = byId("letters-count");
    badge.textContent = this.#count;
    badge.hidden = this.#count === 0;
    byId("letters-hint").textContent = this.#count === 0 ? "" : `${this.#count} since the page opened or shortly before`;
  }

  #row(letter) {
    const button = this.#canReplay && letter.omitted.length === 0 && el("button", { type: "button", class: "button", text: "Replay", "aria-label": `Replay ${letter.partition}:${letter.offset}` });
    if (button) {
      button.addEventListener("click", async () => {
        button.disabled = true;
        try {
          toast(await replay(letter.partition, letter.offset));
          button.textContent = "Replayed";
        } catch (error) {
          toast(`Not replayed: ${error.message}`);
          button.disabled = false;
        }
      });
    }
    const tries = letter.attempts > 1 ? `, attempt ${letter.attempts}` : "";
    return el("article", { class: "letter" },
      el("p", { class: "letter-head" },
        el("span", { class: "letter-class", text: letter.class || "unknown" }),
        el("span", { text: `in ${letter.stage || "?"}${tries}` }),
        el("span", { class: "letter-place", text: `${letter.partition}:${letter.offset} ${clock(letter.written)}` })),
      el("p", { class: "letter-message", text: letter.message }),
      letter.text && el("p", { class: "letter-text", text: letter.text, dir: "auto" }),
      button);
  }
}
