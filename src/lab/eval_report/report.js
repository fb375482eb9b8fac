"use strict";
// Filters of the cards. Everything that is shown is in the page already.
const cards = [...document.querySelectorAll("article")].map((card) => ({
  card,
  kinds: card.dataset.kinds.split(" "),
  text: card.textContent.toLowerCase(),
}));
const search = document.getElementById("search");
const kind = document.getElementById("kind");
const count = document.getElementById("count");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = kind.value;
  let shown = 0;
  for (const { card, kinds, text } of cards) {
    const ofKind = !wanted || (wanted === "wrong" ? !kinds.includes("right") : kinds.includes(wanted));
    card.hidden = !(ofKind && words.every((word) => text.includes(word)));
    shown += card.hidden ? 0 : 1;
  }
  count.value = String(shown);
}

search.addEventListener("input", filter);
kind.addEventListener("change", filter);
for (const name of ["gold", "said", "masks"]) {
  const box = document.getElementById(name);
  box.addEventListener("change", () => document.body.classList.toggle(`without-${name}`, !box.checked));
}
