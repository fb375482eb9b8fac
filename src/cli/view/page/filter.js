// Filter: which posts are shown. All conditions must hold, those about entities for one entity together.

import { bestScore, isShown } from "./entities.js";

export const ALL = Object.freeze({ text: "", hidden: new Set(), decision: "any", score: 0 });

/** Whether any condition is set. */
export const isSet = (filter) => filter.text !== "" || filter.hidden.size > 0 || filter.decision !== "any" || filter.score > 0;

/** Whether a post passes. */
export function passes(post, filter) {
  if (filter.text !== "" && !post.words.includes(filter.text)) return false;
  if (filter.hidden.size === 0 && filter.decision === "any" && filter.score === 0) return true;
  return post.answer.entities.some((entity) => {
    if (filter.hidden.has(entity.type)) return false;
    if (filter.decision !== "any" && isShown(entity) !== (filter.decision === "shown")) return false;
    return bestScore(entity) >= filter.score;
  });
}

/** What the text of a filter is compared with: text, names, expansions, author and id, in lower case. */
export function wordsOf(answer) {
  const names = answer.entities.flatMap((entity) => [entity.text, entity.expansion?.text ?? ""]);
  const author = answer.author === undefined ? "" : JSON.stringify(answer.author);
  return [answer.text ?? "", ...names, author, answer.post_id].join("\n").toLowerCase();
}
