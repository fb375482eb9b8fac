// Store: the latest posts, bounded in number and in bytes. Oldest first.

export const MOST_POSTS = 500;
// Text of answers: masks of large pictures take some kilobytes each.
export const MOST_BYTES = 32 * 1024 * 1024;

export class Store {
  posts = [];
  #bytes = 0;
  #last = -1;

  /** Adds posts; those that came before, after a connection was lost, are passed over. Returns those that were added. */
  add(posts) {
    const added = posts.filter((post) => post.seq > this.#last);
    for (const post of added) {
      this.#last = post.seq;
      this.#bytes += post.bytes;
      this.posts.push(post);
    }
    let gone = 0;
    let left = this.posts.length;
    while (left > 1 && (left > MOST_POSTS || this.#bytes > MOST_BYTES)) {
      this.#bytes -= this.posts[gone].bytes;
      gone += 1;
      left -= 1;
    }
    if (gone > 0) this.posts.splice(0, gone);
    return added;
  }

  /** The window began anew: the server was started again. */
  clear() {
    this.posts = [];
    this.#bytes = 0;
    this.#last = -1;
  }

  byId(id) {
    return this.posts.findLast((post) => post.answer.post_id === id);
  }
}
