// Source: the events of the server, and the state of the connection.

import { wordsOf } from "./filter.js";

// Numbers of posts begin anew with each process of the server: its name keeps the browser's cache right.
let process = "";

/** Prepares a post of the server: its size, the addresses of its pictures, and the words by which it is found. */
export function prepared(post, bytes) {
  const pictures = post.pictures.map((picture, place) => ({ ...picture, href: picture.there ? `/picture/${process}/${post.seq}/${place}` : null }));
  return { ...post, pictures, bytes, words: wordsOf(post.answer) };
}

/** Connects; the browser connects again by itself, and asks for what it has missed. */
export function connect({ hello, posts, letters, figures, missed, state }) {
  const events = new EventSource("/api/feed");
  const on = (name, take) => events.addEventListener(name, (event) => take(JSON.parse(event.data), event.data.length));
  on("hello", (said) => {
    process = said.process;
    hello(said);
  });
  on("posts", (list, bytes) => posts(list.map((post) => prepared(post, Math.ceil(bytes / list.length)))));
  on("letters", letters);
  on("figures", figures);
  on("missed", missed);
  events.addEventListener("open", () => state("live"));
  events.addEventListener("error", () => state(events.readyState === EventSource.CLOSED ? "closed" : "lost"));
  return events;
}

/** One post by its id, from the window of the server; null where it is not there. */
export async function fetchPost(id) {
  const response = await fetch(`/api/post?id=${encodeURIComponent(id)}`);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(await response.text());
  const text = await response.text();
  return prepared(JSON.parse(text), text.length);
}

/** Sends a dead letter's post again. Returns what the server says. */
export async function replay(partition, offset) {
  const response = await fetch("/api/replay", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ partition, offset }),
  });
  const said = await response.text();
  if (!response.ok) throw new Error(said);
  return said;
}
