// Stage: one post with its text, its pictures and its entities. What is pointed at in one is marked in all three.

import { byId, clock, el } from "./dom.js";
import { easel } from "./easel.js";
import { entityCard } from "./entity_card.js";
import { authorOf } from "./feed_list.js";
import { pieces } from "./mentions.js";
import { regionsOf, thumbnail } from "./picture.js";
import { hideTip, showTip } from "./tip.js";
import { types } from "./types.js";

export class Stage {
  #body = byId("stage-body");
  #post = null;
  #medium = null;
  #easel = null;
  #active = null;
  #filter = null;

  get post() {
    return this.#post;
  }

  get medium() {
    return this.#medium;
  }

  /** Whether a reader is at work on the post: it must not be replaced under the pointer. */
  get isInUse() {
    return this.#active !== null || this.#body.contains(document.activeElement) || this.#body.matches(":hover");
  }

  /** Shows a post. Entities of hidden types are fainter. */
  show(post, filter) {
    this.#clear();
    this.#post = post;
    this.#filter = filter;
    const media = post.answer.media;
    // The picture that shows most.
    this.#medium = media.toSorted((one, other) => regionsOf(post, other.key).length - regionsOf(post, one.key).length)[0] ?? null;
    this.#build();
    this.#body.scrollTop = 0;
  }

  /** Shows in place of a post what there is to say. */
  blank(title, text, isBusy = false) {
    this.#clear();
    this.#post = null;
    this.#body.replaceChildren(el("div", { class: "stage-blank", "aria-busy": isBusy }, el("strong", { text: title }), el("p", { text })));
  }

  /** Marks an entity in the text, in the picture and in the list. */
  activate(index, at = null) {
    this.#active = index;
    for (const node of this.#body.querySelectorAll("[data-entity]")) {
      node.classList.toggle("is-active", index !== null && node.dataset.entity === String(index));
    }
    this.#easel?.root.classList.toggle("has-active", index !== null && regionsOf(this.#post, this.#medium.key).some((found) => found.index === index));
    if (index === null || !at) hideTip();
    else showTip(this.#post, index, at);
  }

  /** Brings an entity of the list into view and focuses it. */
  choose(index) {
    const card = this.#body.querySelector(`.entity[data-entity="${index}"]`);
    card?.scrollIntoView({ block: "nearest" });
    card?.focus({ preventScroll: true });
  }

  zoomBy(factor) {
    this.#easel?.zoomBy(factor);
  }

  resetZoom() {
    this.#easel?.resetZoom();
  }

  #clear() {
    hideTip();
    this.#easel?.end();
    this.#easel = null;
    this.#active = null;
    this.#medium = null;
  }

  #build() {
    const { answer } = this.#post;
    const cards = answer.entities.map((entity, index) => this.#pointing(entityCard(this.#post, index, this.#filter), index, false));
    const list = cards.length > 0
      ? el("div", { class: "entities" }, cards)
      : el("p", { class: "hint", text: "No entity was found in the text." });
    this.#body.replaceChildren(...[
      this.#meta(),
      this.#text(),
      el("div", { class: `post-parts${this.#medium ? " has-picture" : ""}` }, this.#medium && this.#pictures(), list),
      this.#notes(),
    ].filter(Boolean));
  }

  #meta() {
    const { answer, place } = this.#post;
    const author = authorOf(answer);
    const parts = [
      author && el("span", {}, el("b", { text: author })),
      el("span", { text: `id ${answer.post_id}` }),
      answer.created_at && el("span", { text: `written ${clock(answer.created_at) || String(answer.created_at)}` }),
      answer.published_at && el("span", { text: `answered ${clock(answer.published_at)}` }),
      typeof answer.lang === "string" && el("span", { text: `language ${answer.lang}` }),
      place && el("span", { text: place }),
    ];
    return el("p", { class: "post-meta" }, parts);
  }

  #text() {
    const { answer } = this.#post;
    if (!answer.text) {
      const why = "The text is not here: answers repeat it with \"text\" in publish.include, and a file of posts or the topic of posts has it.";
      return el("p", { class: "post-text is-missing", text: why });
    }
    const parts = pieces(answer.text, answer.entities).map(({ text, entity: index }) => {
      if (index === null) return text;
      const entity = answer.entities[index];
      const button = el("button", { type: "button", class: `mention ${types.class(entity.type)}`, "data-entity": index, onclick: () => this.choose(index) }, text, el("sup", { text: ` ${index + 1} ${entity.type}` }));
      return this.#pointing(button, index, true);
    });
    return el("p", { class: "post-text", dir: "auto" }, parts);
  }

  #pictures() {
    const post = this.#post;
    this.#easel?.end();
    this.#easel = easel(post, this.#medium, { point: (index, at) => this.activate(index, at), choose: (index) => this.choose(index) });
    const column = el("div", { class: "pictures" }, this.#easel.root);
    if (post.answer.media.length > 1) {
      const buttons = post.answer.media.map((medium, index) => el("button", {
        type: "button", "aria-label": `Picture ${index + 1} of ${post.answer.media.length}`, "aria-pressed": String(medium === this.#medium),
        onclick: () => { this.#medium = medium; this.#build(); },
      }, thumbnail(post, medium, true)));
      column.append(el("div", { class: "strip" }, buttons));
    }
    return column;
  }

  #notes() {
    const { degraded, bundle, engine } = this.#post.answer.provenance;
    const notes = degraded.map((text) => el("li", {}, el("strong", { text: "Left out: " }), text));
    if (engine) notes.push(el("li", { text: `riveg ${engine}, bundle ${bundle.slice(0, 12)}` }));
    return el("ul", { class: "notes" }, notes);
  }

  #pointing(node, index, withTip) {
    const on = () => this.activate(index, withTip ? node : null);
    const off = () => this.activate(null);
    node.addEventListener("pointerenter", on);
    node.addEventListener("pointerleave", off);
    node.addEventListener("focus", on);
    node.addEventListener("blur", off);
    return node;
  }
}
