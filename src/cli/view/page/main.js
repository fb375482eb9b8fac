// Main: what happens when. Posts come into the store, those that pass the filter into the list, one onto the stage.

import { byId, el, number, toast } from "./dom.js";
import { FeedList } from "./feed_list.js";
import { noFigures, showFigures } from "./figures.js";
import { isSet, passes } from "./filter.js";
import { FilterForm } from "./filter_form.js";
import { nextPost } from "./follower.js";
import { bindKeys } from "./keys.js";
import { Letters } from "./letters.js";
import { linkedId, setLink } from "./link.js";
import { savePng } from "./share.js";
import { connect, fetchPost } from "./source.js";
import { Stage } from "./stage.js";
import { MOST_POSTS, Store } from "./store.js";
import { startTheme, toggleTheme } from "./theme.js";

// Below this many posts a second each is shown as it comes; above, rows would pass faster than anyone reads.
const READABLE = 5;
const QUICK_MS = 100;
const CALM_MS = 1000;
const TICK_MS = 250;

startTheme();
const store = new Store();
const stage = new Stage();
const letters = new Letters();
const state = { matches: [], paused: null, follow: !matchMedia("(prefers-reduced-motion: reduce)").matches, since: 0, seen: -1, isTold: false, waiting: 0, timer: null, hello: null, connection: "connecting", wanted: linkedId() };
const arrivals = [];
const form = new FilterForm(() => { recompute(); refresh(); });
const list = new FeedList({ choose: (post) => select(post, true), scrolled: (top) => { if (top) { state.waiting = 0; sayNewer(); } } });

/** The posts in view: those of the moment of the pause while it lasts. */
const shown = () => state.paused ?? state.matches;

function recompute() {
  state.matches = store.posts.filter((post) => passes(post, form.filter));
  if (state.paused) state.paused = state.paused.filter((post) => passes(post, form.filter));
}

/** Posts came: they are counted at once, and shown at a pace that can be read. */
function took(posts) {
  const added = store.add(posts);
  if (added.length === 0) return;
  form.learn(added);
  const now = performance.now();
  arrivals.push({ now, count: added.length });
  const fitting = added.filter((post) => passes(post, form.filter));
  const oldest = store.posts[0].seq;
  state.matches.push(...fitting);
  const gone = state.matches.findIndex((post) => post.seq >= oldest);
  if (gone !== 0) state.matches.splice(0, gone < 0 ? state.matches.length : gone);
  if (state.paused || !list.isAtTop) state.waiting += fitting.length;
  state.timer ??= setTimeout(() => { state.timer = null; refresh(); }, rate() > READABLE ? CALM_MS : QUICK_MS);
}

/** Posts a second over the last five seconds. */
function rate() {
  const now = performance.now();
  while (arrivals.length > 0 && now - arrivals[0].now > 5000) arrivals.shift();
  return arrivals.reduce((sum, { count }) => sum + count, 0) / 5;
}

function refresh() {
  list.update(shown(), stage.post);
  const [count, all] = [shown().length, store.posts.length];
  byId("feed-count").textContent = isSet(form.filter) ? `${count} of ${all} posts` : `${all === MOST_POSTS ? "latest " : ""}${all} posts`;
  blankFeed(count, all);
  sayNewer();
  if (state.wanted) openLinked();
  else followNow();
  sayStage();
}

function blankFeed(count, all) {
  const blank = byId("feed-blank");
  if (count > 0) blank.replaceChildren();
  else if (all > 0) blank.replaceChildren(el("strong", { text: "No post passes the filters" }), `${all} posts are in the window.`);
  else if (state.hello) blank.replaceChildren(el("strong", { text: "No post yet" }), `Waiting for ${state.hello.source}.`);
  else blank.replaceChildren(el("strong", { text: "Connecting" }));
}

function sayNewer() {
  const button = byId("to-newest");
  const count = list.isAtTop && !state.paused ? 0 : Math.min(state.waiting, MOST_POSTS);
  button.hidden = count === 0;
  button.textContent = `${count === MOST_POSTS ? `${count} or more` : count} newer ${count === 1 ? "post" : "posts"}`;
}

/** Shows a post. `chosen`: by the reader, who then is not led on. */
function select(post, chosen) {
  if (!post) return;
  if (chosen) {
    setFollow(false);
    setLink(post);
    const isPhone = matchMedia("(max-width: 44.99rem)").matches;
    if (isPhone || document.body.dataset.tab !== "feed") setTab("post");
  }
  state.since = performance.now();
  state.seen = store.posts.at(-1)?.seq ?? post.seq;
  state.isTold = false;
  stage.show(post, form.filter);
  list.update(shown(), post);
  if (chosen) list.reveal();
  sayStage();
}

/** Moves to an older (1) or newer (-1) post of those in view. */
function step(by) {
  const posts = shown();
  const at = posts.findLastIndex((post) => post.seq <= (stage.post?.seq ?? Infinity));
  select(posts[Math.max(0, Math.min(posts.length - 1, at - (stage.post ? by : 0)))], true);
}

function followNow() {
  // The reader asked for a post that is not here: no other takes its place.
  if (state.isTold) return;
  const isFirst = !stage.post;
  if (!isFirst && (!state.follow || state.paused || stage.isInUse)) return;
  const next = nextPost(shown(), stage.post, { now: performance.now(), since: state.since, seen: state.seen });
  if (next) select(next, false);
  else if (isFirst) blankStage();
}

function blankStage() {
  if (store.posts.length > 0) stage.blank("No post passes the filters", "Clear the filters to see all.");
  else if (state.connection === "closed") stage.blank("Not connected", "The server does not answer. Reload the page when it runs again.");
  else stage.blank(state.hello ? "No post yet" : "Connecting", state.hello ? "The first answer appears here." : "One moment.", !state.hello);
}

function sayStage() {
  const posts = shown();
  const has = stage.post !== null;
  for (const id of ["link", "share"]) byId(id).disabled = !has;
  byId("older").disabled = !has || posts[0]?.seq >= stage.post.seq || posts.length === 0;
  byId("newer").disabled = !has || posts.length === 0 || posts.at(-1).seq <= stage.post.seq;
}

function setFollow(on) {
  state.follow = on;
  byId("follow").setAttribute("aria-pressed", on);
  if (on && location.hash) setLink(null);
}

function setPaused(on) {
  state.paused = on ? state.matches.slice() : null;
  state.waiting = 0;
  byId("pause").setAttribute("aria-pressed", on);
  byId("pause-text").textContent = on ? "Go on" : "Pause";
  sayConnection();
  refresh();
}

function setTab(tab) {
  document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll(".tabs button")) button.setAttribute("aria-current", button.dataset.tab === tab);
}

function sayConnection() {
  const words = { connecting: "Connecting", live: state.paused ? "Paused" : "Live", lost: "Reconnecting", closed: "Not connected" };
  byId("status-text").textContent = words[state.connection];
  byId("status").dataset.state = state.connection === "live" && state.paused ? "paused" : state.connection === "closed" ? "lost" : state.connection;
}

async function openLinked() {
  const id = state.wanted;
  state.wanted = null;
  const here = store.byId(id);
  if (here) return select(here, true);
  state.isTold = true;
  stage.blank("Looking for the post", id, true);
  setFollow(false);
  try {
    const post = await fetchPost(id);
    if (post) {
      form.learn([post]);
      select(post, true);
    } else {
      stage.blank("The post is not here", `The window of the server does not have ${id.slice(0, 100)}, or no longer.`);
    }
  } catch (error) {
    stage.blank("The post could not be had", error.message.slice(0, 200));
  }
  return undefined;
}

async function copyLink() {
  if (!stage.post) return;
  await navigator.clipboard.writeText(setLink(stage.post)).then(() => toast("The link is copied."), () => toast("The link is in the address bar."));
}

async function share() {
  if (!stage.post) return;
  await savePng(stage.post, stage.medium).then(() => toast("The picture is saved."), (error) => toast(`Not saved: ${error.message}`));
}

const on = (id, act) => byId(id).addEventListener("click", act);
on("pause", () => setPaused(!state.paused));
on("theme", toggleTheme);
on("older", () => step(1));
on("newer", () => step(-1));
on("follow", () => { setFollow(!state.follow); state.isTold = false; state.since = 0; state.seen = stage.post?.seq ?? -1; refresh(); });
on("link", copyLink);
on("share", share);
on("to-newest", () => { if (state.paused) setPaused(false); state.waiting = 0; list.toTop(); refresh(); });
for (const button of document.querySelectorAll(".tabs button")) button.addEventListener("click", () => setTab(button.dataset.tab));
bindKeys([
  ["ArrowDown", "older post", () => step(1)],
  ["ArrowUp", "newer post", () => step(-1)],
  ["j", "older post", () => step(1)],
  ["k", "newer post", () => step(-1)],
  [" ", "pause, go on", () => setPaused(!state.paused)],
  ["f", "follow the feed", () => byId("follow").click()],
  ["/", "search", () => byId("filter-text").focus()],
  ["+", "zoom in", () => stage.zoomBy(1.5)],
  ["-", "zoom out", () => stage.zoomBy(1 / 1.5)],
  ["0", "whole picture", () => stage.resetZoom()],
  ["l", "copy the link", copyLink],
  ["s", "save as PNG", share],
  ["t", "light or dark", toggleTheme],
  ["?", "this list", () => byId("help-dialog").showModal()],
]);
addEventListener("hashchange", () => { state.wanted = linkedId(); if (state.wanted) openLinked(); });
setInterval(() => { byId("rate").textContent = number(rate()); if (!state.wanted) followNow(); }, TICK_MS);

setFollow(state.follow && !state.wanted);
setTab("feed");
stage.blank("Connecting", "One moment.", true);
refresh();
connect({
  hello(hello) {
    // Another process has another window: numbers begin anew.
    if (state.hello && state.hello.process !== hello.process) store.clear();
    if (state.hello?.process !== hello.process) letters.begin(hello);
    state.hello = hello;
    byId("source").textContent = hello.source;
    noFigures(hello.metrics ? "Figures come in some seconds." : "No engine is asked for figures. Name one by --metrics http://HOST:PORT/metrics.");
    recompute();
    refresh();
  },
  posts: took,
  letters: (more) => letters.add(more),
  figures: showFigures,
  missed: ({ posts }) => toast(`${number(posts)} posts passed by faster than this page took them.`),
  state(connection) {
    state.connection = connection;
    sayConnection();
    if (connection === "closed" && !stage.post) blankStage();
  },
});
