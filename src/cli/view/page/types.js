// Types of entities: a colour, a shape and a word for each, so that colour alone tells nothing.

import { svg } from "./dom.js";

// Maps, not objects: a feed may name a type `constructor`.
const KNOWN = new Map([["PER", 0], ["PERSON", 0], ["ORG", 1], ["LOC", 2], ["OTHER", 3], ["MISC", 3]]);
const WORDS = new Map([["PER", "person"], ["ORG", "organisation"], ["LOC", "place"], ["OTHER", "other"], ["MISC", "other"]]);
const PLACES = 8;

// In a box of 16: circle, square, triangle, diamond, cross, hexagon, bar, star.
const SHAPES = [
  "M8 2a6 6 0 1 0 .01 0z", "M2.5 2.5h11v11h-11z", "M8 2l6.5 12h-13z", "M8 1.5l6.5 6.5L8 14.5 1.5 8z",
  "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z", "M5 2.5h6L14 8l-3 5.5H5L2 8z", "M2 5.5h12v5H2z", "M8 1.5l2 4.5 5 .5-3.7 3.3 1 4.7L8 12l-4.3 2.5 1-4.7L1 6.5 6 6z",
];

/** Places of types, kept while the page is open: known ones first, others as they come. */
export class Types {
  #places = new Map();
  #next = 4;

  /** The names that came so far. */
  get names() {
    return [...this.#places.keys()];
  }

  /** The place of a type; a further type has the last one's colour, and its name tells it. */
  place(name) {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = KNOWN.get(name) ?? Math.min(this.#next++, PLACES - 1);
      // A hostile feed may invent types: a few dozen names are enough to filter by.
      if (this.#places.size < 24) this.#places.set(name, place);
    }
    return place;
  }

  /** Whether a name is new. */
  has(name) {
    return this.#places.has(name);
  }

  class(name) {
    return `type-${this.place(name)}`;
  }

  /** The shape of a type, filled where the picture shows the entity. */
  glyph(name, filled = true) {
    const path = svg("path", { d: SHAPES[this.place(name)] });
    return svg("svg", { class: `glyph ${this.class(name)}${filled ? "" : " is-hollow"}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, path);
  }
}

/** A type's name for people. */
export const typeWord = (name) => WORDS.get(name) ?? name;

export const types = new Types();
