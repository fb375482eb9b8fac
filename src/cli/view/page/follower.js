// Follower: which post the stage shows next while it follows the feed, and when. Decisions alone; the time is passed in.

import { isShown } from "./entities.js";

// Long enough to read a post.
export const DWELL_MS = 4000;

/**
 * The next post for the stage, or null for none yet. `matches`: oldest first; `seen`: the newest number there was when the
 * present one was chosen, so that a feed that stands still stays with a post that shows something.
 */
export function nextPost(matches, current, { now, since, seen }) {
  if (matches.length === 0) return null;
  if (!current) return newestTelling(matches) ?? matches.at(-1);
  if (now - since < DWELL_MS) return null;
  const newer = matches.filter((post) => post.seq > seen);
  return newestTelling(newer) ?? newer.at(-1) ?? null;
}

/** The newest post of which a picture shows something. */
function newestTelling(posts) {
  return posts.findLast((post) => post.answer.entities.some(isShown)) ?? null;
}
