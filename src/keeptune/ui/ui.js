"use strict";
// Text of models and data enters a page as text nodes only; the pages' policy forbids markup from strings.
(() => {
  // A run that trains: what is live is taken anew from the same page until it says that nothing more comes.
  const PATIENCE = 20_000;
  const now = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  let seen = now();
  const follow = () => {
    const live = document.getElementById("live");
    const every = Number(live?.dataset.every);
    if (!every) return;
    setTimeout(() => {
      const asked = new XMLHttpRequest();
      asked.responseType = "document";
      asked.open("GET", location.href);
      asked.onload = () => {
        const fresh = asked.response?.getElementById("live");
        if (fresh) {
          live.replaceWith(document.adoptNode(fresh));
          seen = now();
          follow();
        } else if (asked.status === 404) {
          live.querySelector(".lead").textContent = "This run is no longer there.";
        } else {
          lost();
        }
      };
      const lost = () => {
        live.querySelector(".lead").textContent = `Not reached since ${seen}: what is below is older.`;
        follow();
      };
      asked.onerror = asked.ontimeout = lost;
      asked.timeout = PATIENCE;
      asked.send();
    }, every);
  };
  follow();

  // The list: two runs or more stand side by side.
  const chosen = document.getElementById("chosen");
  if (chosen) {
    const form = chosen.closest("form");
    const count = () => {
      const number = form.querySelectorAll("input:checked").length;
      form.querySelector("button:not([type])").disabled = number < 2;
      chosen.textContent = number < 2 ? "Choose two or more." : `${number} chosen`;
    };
    form.addEventListener("change", count);
    addEventListener("pageshow", count);
    count();
  }

  const chat = document.getElementById("chat");
  if (!chat) return;
  const [turns, told, asking, prompt, send, stop, anew] =
    ["turns", "told", "asking", "prompt", "send", "stop", "anew"].map((id) => document.getElementById(id));
  let sides = null;
  let stopping = new AbortController();

  const post = (address, body) => fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: stopping.signal,
  });
  const refusal = async (response) => {
    const { code, message } = (await response.json().catch(() => ({}))).error ?? { message: `the server answered ${response.status}` };
    return code === "context_length_exceeded" ? "The conversation is longer than the model allows: begin anew." : message;
  };
  const element = (tag, kind, text, ...inside) => {
    const made = document.createElement(tag);
    made.className = kind;
    made.append(text, ...inside);
    return made;
  };

  // Server-sent events, as clients of OpenAI's interface read them.
  const events = async function* (response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let kept = ""; ;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("broken off");
      const parts = (kept + value).split("\n\n");
      kept = parts.pop();
      for (const part of parts) {
        if (part === "data: [DONE]") return;
        yield JSON.parse(part.slice("data: ".length));
      }
    }
  };

  // The answer; null where there is none, or only a part of one.
  const answer = async (name, said) => {
    let text = "";
    let cut = false;
    let tokens = 0;
    try {
      const body = { model: name, messages: sides[name], stream: true, stream_options: { include_usage: true } };
      const response = await post(chat.dataset.ask, body);
      if (!response.ok) throw new Error(await refusal(response));
      for await (const event of events(response)) {
        if (event.error) throw new Error(event.error.message);
        const choice = event.choices[0];
        text += choice?.delta.content ?? "";
        cut ||= choice?.finish_reason === "length";
        tokens = event.usage?.completion_tokens ?? tokens;
        said.textContent = text;
      }
      if (!text) said.replaceChildren(element("span", "nothing", "an empty answer"));
      if (cut) said.append(element("p", "muted", `cut after ${tokens} tokens`));
      return text;
    } catch (error) {
      said.append(element("p", "failed", stopping.signal.aborted ? "stopped" : error.message));
      return null;
    }
  };

  const open = async () => {
    told.className = "muted";
    told.textContent = "The models are being loaded …";
    try {
      const response = await post(chat.dataset.open, {});
      if (!response.ok) throw new Error(await refusal(response));
      sides = Object.fromEntries((await response.json()).names.map((name) => [name, []]));
      told.textContent = "";
    } catch (error) {
      told.textContent = error.message;
      told.className = "warning";
    }
  };

  const ask = async (text) => {
    send.disabled = true;
    if (!sides) await open();
    if (!sides) {
      send.disabled = false;
      return;
    }
    const shown = Object.keys(sides).map((name) => {
      const said = element("div", "said", "");
      sides[name].push({ role: "user", content: text });
      return { name, said, box: element("div", `side ${name}`, element("h3", "", name), said) };
    });
    turns.append(element("li", "", element("p", "said asked", text), element("div", "sides", "", ...shown.map(({ box }) => box))));
    prompt.value = "";
    anew.hidden = true;
    stop.hidden = false;
    stopping = new AbortController();
    const answers = await Promise.all(shown.map(({ name, said }) => answer(name, said)));
    // Both go on from the same prompts: one that a side did not answer is told to neither again.
    shown.forEach(({ name }, at) => {
      if (answers.includes(null)) sides[name].pop();
      else sides[name].push({ role: "assistant", content: answers[at] });
    });
    stop.hidden = true;
    anew.hidden = false;
    send.disabled = false;
    prompt.focus();
  };

  asking.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!send.disabled && prompt.value.trim()) ask(prompt.value);
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      asking.requestSubmit();
    }
  });
  stop.addEventListener("click", () => stopping.abort());
  anew.addEventListener("click", () => {
    for (const name of Object.keys(sides)) sides[name] = [];
    turns.replaceChildren();
    anew.hidden = true;
    prompt.focus();
  });
})();
