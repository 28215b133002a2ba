"use strict";
// Text of models and data enters the page as text nodes only; the page's policy forbids markup from strings.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  const element = (tag, properties = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  };

  const copyButton = document.getElementById("copy");
  copyButton.addEventListener("click", async () => {
    const command = document.getElementById("command");
    try {
      await navigator.clipboard.writeText(command.textContent);
      copyButton.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command);
      copyButton.textContent = "Selected";
    }
    setTimeout(() => { copyButton.textContent = "Copy"; }, 2000);
  });

  // Print shows what is folded on the screen.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("#method details:not([open])")];
    for (const details of unfolded) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of unfolded) details.open = false; });

  if (data.items.length === 0) return;

  // Differences between two answers, word by word: a longest common subsequence after the shared ends are taken
  // off. Where the rest is too long for that, all of it is marked.
  const WORDS = /\p{Extended_Pictographic}[\p{M}\p{Emoji_Modifier}\p{Extended_Pictographic}\u200d]*|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}\p{M}_\u200c\u200d]+|\s+|[^]/gu;
  const CELLS = 1_000_000;
  const differences = (before, after) => {
    const a = before.match(WORDS) ?? [], b = after.match(WORDS) ?? [];
    let start = 0, endA = a.length, endB = b.length;
    while (start < endA && start < endB && a[start] === b[start]) start++;
    while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) { endA--; endB--; }
    const keptA = new Uint8Array(a.length).fill(1, 0, start).fill(1, endA);
    const keptB = new Uint8Array(b.length).fill(1, 0, start).fill(1, endB);
    const rows = endA - start, columns = endB - start;
    const compared = rows * columns <= CELLS;
    if (compared) {
      const width = columns + 1, longest = new Uint16Array((rows + 1) * width);
      for (let i = rows - 1; i >= 0; i--) {
        for (let j = columns - 1; j >= 0; j--) {
          longest[i * width + j] = a[start + i] === b[start + j]
            ? longest[(i + 1) * width + j + 1] + 1
            : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
        }
      }
      for (let i = 0, j = 0; i < rows && j < columns;) {
        if (a[start + i] === b[start + j]) { keptA[start + i++] = 1; keptB[start + j++] = 1; }
        else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i++;
        else j++;
      }
    }
    if (compared && a.length && b.length && !a.some((word, i) => keptA[i] && word.trim())) return [[[before, true]], [[after, true]], "no word shared with the base"];
    return [runs(a, keptA), runs(b, keptB), ""];
  };
  // [text, same on both sides] of neighbouring words together; a space between two marked words is marked too.
  const runs = (words, kept) => {
    const found = [];
    for (let i = 0; i < words.length; i++) {
      const between = i > 0 && i + 1 < words.length && !kept[i - 1] && !kept[i + 1] && /^\s+$/.test(words[i]);
      const same = Boolean(kept[i]) && !between;
      const last = found.at(-1);
      if (last && last[1] === same) last[0] += words[i];
      else found.push([words[i], same]);
    }
    return found;
  };

  // Model text: its own direction, cut where it is very long, shown as such where it is empty.
  const SHOWN = 2000;
  const fill = (box, pieces, limit) => {
    let left = limit;
    box.replaceChildren();
    for (const [text, same] of pieces) {
      if (left <= 0) break;
      let end = Math.min(text.length, left);
      const code = text.charCodeAt(end - 1);
      if (end < text.length && code >= 0xd800 && code < 0xdc00) end--;
      box.append(same ? text.slice(0, end) : element("mark", {}, text.slice(0, end)));
      left -= text.length;
    }
  };
  const said = (pieces) => {
    const length = pieces.reduce((sum, [text]) => sum + text.length, 0);
    if (length === 0) return [element("p", { className: "nothing" }, "(nothing)")];
    const box = element("div", { className: "said", dir: "auto" });
    fill(box, pieces, SHOWN);
    if (length <= SHOWN) return [box];
    const words = `Show all ${length.toLocaleString("en")} characters`;
    const button = element("button", { type: "button", className: "more" }, words);
    box.append("…");
    button.addEventListener("click", () => {
      const whole = button.textContent !== words;
      fill(box, pieces, whole ? SHOWN : length);
      if (whole) box.append("…");
      button.textContent = whole ? words : "Show the start only";
      box.tabIndex = 0;
    });
    return [box, button];
  };
  const plain = (text) => said([[text, true]]);

  const KINDS = {
    worse: (scores) => (scores[0] === "100.0" && scores[1] === "0.0" ? "right → wrong" : "got worse"),
    better: (scores) => (scores[0] === "0.0" && scores[1] === "100.0" ? "wrong → right" : "got better"),
    wrong: () => "wrong on both sides",
    right: () => "right on both sides",
    same: () => "the same score",
    unscored: () => "without a score",
  };
  const SIGNS = { worse: "▼ ", better: "▲ " };

  const side = (item, name, pieces, note = "") => {
    const answer = item[name];
    const notes = [...(answer.notes ?? []), note].filter(Boolean).join(", ");
    const box = element("div", { className: `side ${name}` }, element("h3", {}, notes ? `${name}: ${notes}` : name));
    if (answer.output !== undefined) box.append(...said(pieces));
    if (answer.choices) {
      box.append(element("ul", { className: "choices" }, ...item.choices.map((choice, index) =>
        element("li", { className: index === answer.likeliest ? "likeliest" : "" },
          element("span", { dir: "auto" }, choice),
          element("span", {}, `${index === answer.likeliest ? "likeliest, " : ""}${answer.choices[index]}`)))));
    }
    if (answer.reference) box.append(element("p", {}, answer.reference));
    if (answer.output === undefined && !answer.choices && !answer.reference) {
      box.append(element("p", { className: "nothing" }, "(not evaluated on this item)"));
    }
    return box;
  };

  const folded = (words, text) => {
    const summary = element("summary", {}, `${words}: `);
    const preview = element("bdi", {}, text.slice(0, 200).replace(/\s+/g, " ") || "(nothing)");
    const details = element("details", {}, summary);
    const draw = () => {
      preview.hidden = details.open;
      if (details.open && details.childElementCount === 1) details.append(...plain(text));
    };
    summary.append(preview);
    details.addEventListener("toggle", draw);
    draw();
    return details;
  };

  const card = (item) => {
    const [before, after] = item.scores;
    const both = item.base.output !== undefined && item.tuned.output !== undefined;
    const [left, right, note] = both
      ? differences(item.base.output, item.tuned.output)
      : [[[item.base.output ?? "", true]], [[item.tuned.output ?? "", true]]];
    return element("li", {},
      element("div", { className: "about-item" },
        element("b", { className: item.kind }, (SIGNS[item.kind] ?? "") + KINDS[item.kind](item.scores)),
        element("span", {}, data.groups[item.group].title),
        element("span", {}, `${before ?? "no score"} → ${after ?? "no score"}`),
        element("bdi", {}, item.id)),
      element("div", { className: "sides" }, side(item, "base", left), side(item, "tuned", right, note)),
      item.references.length ? folded(item.references.length > 1 ? "references" : "reference", item.references.join("\n")) : null,
      item.prompt ? folded("prompt", item.prompt) : null);
  };

  // The explorer.
  const PAGE = 20;
  const filters = document.getElementById("filters");
  const list = document.getElementById("items");
  const count = document.getElementById("count");
  const pages = document.getElementById("pages");
  const only = document.getElementById("only");
  const heading = document.getElementById("answers-title");
  const state = { set: null, page: 0, found: [] };
  const groupOf = new Map(data.groups.map((group, index) => [group.name, index]));
  const fall = (item) => (item.kind === "worse" || item.kind === "better"
    ? Math.abs(item.scores[0] - item.scores[1]) * (item.kind === "worse" ? 1 : -1) : 0);
  const searched = (item) => (item.searched ??= [
    item.id, item.prompt, ...item.references, item.base.output ?? "", item.tuned.output ?? "", ...(item.choices ?? []),
  ].join("\n").toLowerCase());

  data.groups.forEach((group, index) => {
    filters.elements.group.append(element("option", { value: String(index) }, group.title));
  });

  const candidates = () => {
    if (state.set === null) return data.items;
    const group = groupOf.get(state.set.ability);
    const byId = new Map(data.items.filter((item) => item.group === group).map((item) => [item.id, item]));
    return state.set.ids.map((id) => byId.get(id)).filter((item) => item !== undefined);
  };
  const find = () => {
    const { query, group, order, kind } = filters.elements;
    const wanted = query.value.trim().toLowerCase();
    const fitting = candidates().filter((item) =>
      (group.value === "" || item.group === Number(group.value)) && (wanted === "" || searched(item).includes(wanted)));
    for (const box of filters.querySelectorAll("[data-count]")) {
      const value = box.dataset.count;
      const number = value === "" ? fitting.length : fitting.filter((item) => item.kind === value).length;
      box.textContent = number.toLocaleString("en");
      const pill = box.closest(".pill");
      pill.hidden = number === 0 && value !== "" && kind.value !== value && !data.items.some((item) => item.kind === value);
    }
    state.found = kind.value === "" ? fitting : fitting.filter((item) => item.kind === kind.value);
    if (order.value === "fall") state.found = [...state.found].sort((a, b) => fall(b) - fall(a));
    state.page = 0;
    draw();
  };
  const draw = () => {
    const last = Math.max(0, Math.ceil(state.found.length / PAGE) - 1);
    const from = state.page * PAGE, to = Math.min(from + PAGE, state.found.length);
    const number = (value) => value.toLocaleString("en");
    list.replaceChildren(...state.found.slice(from, to).map(card));
    count.textContent = state.found.length === 0 ? "No item fits." : `Items ${number(from + 1)} to ${number(to)} of ${number(state.found.length)}`;
    pages.hidden = last === 0;
    pages.firstElementChild.disabled = state.page === 0;
    pages.lastElementChild.disabled = state.page === last;
    pages.children[1].textContent = `page ${number(state.page + 1)} of ${number(last + 1)}`;
    only.hidden = state.set === null;
    only.firstElementChild.textContent = state.set?.label ?? "";
  };
  const show = (set, group, kind) => {
    filters.reset();
    state.set = set;
    filters.elements.group.value = group;
    filters.elements.kind.value = kind;
    find();
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  };

  let waiting;
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("change", (event) => { if (event.target.name !== "query") find(); });
  filters.elements.query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 120);
  });
  only.lastElementChild.addEventListener("click", () => { state.set = null; find(); });
  pages.addEventListener("click", (event) => {
    if (event.target.tagName !== "BUTTON") return;
    state.page += Number(event.target.value);
    draw();
    count.scrollIntoView({ block: "center" });
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.show");
    if (button === null) return;
    const { set, ability, kind } = button.dataset;
    if (set !== undefined) show(data.sets[Number(set)], "", "");
    else show(null, String(groupOf.get(ability)), kind);
  });

  if (data.items.some((item) => item.kind === "worse")) filters.elements.kind.value = "worse";
  find();
})();
