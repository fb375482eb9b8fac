// Feed list: a list box of which only the rows in view exist. The newest post is on top.

import { byId, clock, el } from "./dom.js";
import { isShown } from "./entities.js";
import { pieces } from "./mentions.js";
import { loadImages, thumbnail } from "./picture.js";
import { types } from "./types.js";

// The height of `.row` in feed.css: 6.5rem of 16 pixels.
const ROW = 104;
const BEYOND = 3;
// Rows that pass by faster than this need no picture.
const SETTLE_MS = 180;
const LONGEST_TEXT = 280;

export class FeedList {
  #list = byId("list");
  #space = byId("list-space");
  #rows = new Map();
  #posts = [];
  #selected = null;
  #settle = null;

  constructor({ choose, scrolled }) {
    this.#list.addEventListener("scroll", () => { this.#draw(); scrolled(this.isAtTop); }, { passive: true });
    this.#list.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      const post = row && this.#posts.find(({ seq }) => String(seq) === row.dataset.seq);
      if (post) choose(post);
    });
    new ResizeObserver(() => this.#draw()).observe(this.#list);
  }

  get isAtTop() {
    return this.#list.scrollTop < 4;
  }

  toTop() {
    this.#list.scrollTop = 0;
  }

  /** Shows these posts, oldest first, with one of them selected. What is in view stays in view, unless it is the top. */
  update(posts, selected) {
    const anchor = this.isAtTop ? null : this.#at(Math.floor(this.#list.scrollTop / ROW));
    const within = this.#list.scrollTop % ROW;
    this.#posts = posts;
    this.#selected = selected?.seq ?? null;
    this.#space.style.height = `${posts.length * ROW}px`;
    if (anchor) {
      const place = this.#placeOf(anchor.seq);
      // A post that has left the window leaves its place to the oldest.
      this.#list.scrollTop = (place < 0 ? posts.length - 1 : place) * ROW + within;
    }
    this.#draw();
  }

  /** Scrolls until the selected row is in view. */
  reveal() {
    const place = this.#placeOf(this.#selected);
    if (place < 0) return;
    const [top, height] = [this.#list.scrollTop, this.#list.clientHeight];
    if (place * ROW < top) this.#list.scrollTop = place * ROW;
    else if ((place + 1) * ROW > top + height) this.#list.scrollTop = (place + 1) * ROW - height;
    this.#draw();
  }

  #at(place) {
    return this.#posts[this.#posts.length - 1 - place];
  }

  #placeOf(seq) {
    const index = this.#posts.findLastIndex((post) => post.seq === seq);
    return index < 0 ? -1 : this.#posts.length - 1 - index;
  }

  #draw() {
    const [top, height, count] = [this.#list.scrollTop, this.#list.clientHeight, this.#posts.length];
    const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
    const last = Math.min(count - 1, Math.ceil((top + height) / ROW) + BEYOND);
    const wanted = new Map();
    for (let place = first; place <= last; place++) wanted.set(this.#at(place).seq, place);
    // The active option must exist while the list has the focus.
    const active = this.#placeOf(this.#selected);
    if (active >= 0) wanted.set(this.#selected, active);
    for (const [seq, row] of this.#rows) {
      if (!wanted.has(seq)) {
        row.remove();
        this.#rows.delete(seq);
      }
    }
    for (const [seq, place] of wanted) {
      let row = this.#rows.get(seq);
      if (!row) {
        row = rowOf(this.#at(place));
        this.#rows.set(seq, row);
        this.#space.append(row);
      }
      row.style.transform = `translateY(${place * ROW}px)`;
      row.setAttribute("aria-posinset", place + 1);
      row.setAttribute("aria-setsize", count);
      row.setAttribute("aria-selected", seq === this.#selected);
    }
    if (active >= 0) this.#list.setAttribute("aria-activedescendant", `row-${this.#selected}`);
    else this.#list.removeAttribute("aria-activedescendant");
    this.#settle ??= setTimeout(() => {
      this.#settle = null;
      loadImages(this.#space);
    }, SETTLE_MS);
  }
}

function rowOf(post) {
  const { answer } = post;
  const medium = answer.media[0];
  const shown = answer.entities.filter(isShown).length;
  const thumb = thumbnail(post, medium, false) ?? el("span", { class: "thumb is-empty", text: "no picture" });
  return el("div", { class: "row", role: "option", id: `row-${post.seq}`, "data-seq": post.seq },
    thumb,
    el("p", { class: "row-meta" }, el("span", { text: authorOf(answer) ?? answer.post_id }), el("time", { text: clock(answer.published_at) })),
    el("p", { class: "row-text" }, textOf(answer)),
    el("p", { class: "row-entities" },
      answer.entities.slice(0, 8).map((entity) => el("span", {}, types.glyph(entity.type, isShown(entity)))),
      el("span", { text: answer.entities.length === 0 ? "no entity" : `${shown} of ${answer.entities.length} shown` })));
}

/** The text with its mentions, or what there is in its place. */
function textOf(answer) {
  if (!answer.text) return answer.entities.map((entity) => entity.text).join(", ") || "The text is not here.";
  // A row shows two lines: the rest of a long text is not laid out.
  const text = Array.from(answer.text).slice(0, LONGEST_TEXT).join("");
  const within = answer.entities.filter((entity) => entity.span.end <= LONGEST_TEXT);
  return pieces(text, within).map((piece) => piece.entity === null
    ? piece.text
    : el("span", { class: `mention ${types.class(within[piece.entity].type)}`, text: piece.text }));
}

/** The author as a feed says it: a name, or an object with one. */
export function authorOf(answer) {
  const { author } = answer;
  if (author === null || author === undefined) return null;
  if (typeof author !== "object") return String(author);
  const name = author.name ?? author.username ?? author.handle ?? author.id;
  return name === undefined || typeof name === "object" ? null : String(name);
}
