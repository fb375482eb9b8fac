// Theme: light or dark, as the system says until the reader chooses.

const KEY = "riveg-theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // Storage may be forbidden: then the choice lasts as long as the page.
    return null;
  }
}

function apply(theme) {
  document.documentElement.dataset.theme = theme;
}

/** Applies the theme and follows the system. */
export function startTheme() {
  const systems = () => (dark.matches ? "dark" : "light");
  apply(chosen() ?? systems());
  dark.addEventListener("change", () => apply(chosen() ?? systems()));
}

/** Changes to the other theme, and remembers it. */
export function toggleTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  apply(theme);
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // As above.
  }
}
