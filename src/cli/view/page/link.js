// Link: the address of one post, in the part of the page's address that is not sent to the server.

/** The id in the address, or null. */
export function linkedId() {
  const found = /^#post=(.+)$/.exec(location.hash);
  try {
    return found && decodeURIComponent(found[1]);
  } catch {
    return null;
  }
}

/** Puts a post into the address, or none, without a step in the history. Returns the address. */
export function setLink(post) {
  const link = post ? `${location.pathname}#post=${encodeURIComponent(post.answer.post_id)}` : location.pathname;
  history.replaceState(null, "", link);
  return `${location.origin}${link}`;
}
