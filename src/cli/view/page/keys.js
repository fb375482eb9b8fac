// Keys: what they do, and the dialog that tells it.

import { byId, el } from "./dom.js";

const KEY = "riveg-single-keys";

/** Binds keys: `[key, words, act]`. A key of one letter can be switched off, because speech input may say letters. */
export function bindKeys(bindings) {
  const dialog = byId("help-dialog");
  const check = byId("single-keys");
  check.checked = stored() !== "off";
  check.addEventListener("change", () => store(check.checked ? "on" : "off"));
  byId("help-keys").append(...bindings.flatMap(([key, words]) => [el("dt", { text: key === " " ? "Space" : key }), el("dd", { text: words })]));
  byId("help").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const at = event.target;
    const typing = at.matches("input:not([type=radio], [type=checkbox], [type=range]), textarea");
    if (event.key === "Escape" && typing) at.blur();
    if (typing || !check.checked) return;
    // Space and Enter press a focused button.
    if (event.key === " " && at.matches("button, input")) return;
    const bound = bindings.find(([key]) => key === event.key);
    if (bound) {
      event.preventDefault();
      bound[2]();
    }
  });
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // Storage may be forbidden: then the choice lasts as long as the page.
  }
}
