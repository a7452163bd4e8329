// What every widget of the course needs: elements, messages to the kernel, a frame, bars.
// widget.py puts this in front of each widget's own file. Nothing is loaded from anywhere.

const PATIENCE = 4000; // milliseconds without an answer, after which the reader is told

// --- small tools ---------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// --- the kernel ----------------------------------------------------------------------------------

/** Messages to the kernel, each of which gets an answer. */
class Kernel {
  constructor(model) {
    this.model = model;
    this.waiting = new Map(); // by id: when it was sent, and what to do with the answer
    this.last = 0;
    this.onmessage = () => {};
    this.onwait = () => {};
    model.on("msg:custom", (message, buffers) => this.receive(message, buffers));
  }

  close() {
    clearInterval(this.clock);
  }

  /** The answer to a message; an Error with the kernel's sentence if it has a problem. */
  ask(message, data) {
    const id = ++this.last;
    return new Promise((done, fail) => {
      this.waiting.set(id, { since: Date.now(), done, fail });
      this.clock ??= setInterval(() => this.look(), 1000);
      try {
        this.model.send({ ...message, id }, undefined, data ? [data] : []);
      } catch {
        // There is no connection: `look` will say so.
      }
    });
  }

  receive(message, buffers) {
    if (message.answers === undefined) return this.onmessage(message, buffers);
    const asked = this.waiting.get(message.answers);
    this.waiting.delete(message.answers);
    this.look();
    if (message.problem) asked?.fail(new Error(message.problem));
    else asked?.done({ ...message, buffers });
  }

  /** Say how many messages wait, if one has waited for long. */
  look() {
    if (!this.waiting.size) this.clock = clearInterval(this.clock);
    const late = [...this.waiting.values()].some(({ since }) => Date.now() - since > PATIENCE);
    this.onwait(late ? this.waiting.size : 0);
  }
}

const BUSY =
  "The notebook is at work, and answers when it is done. If you have restarted it, run this cell again.";

// --- the frame -----------------------------------------------------------------------------------

/** A frame around a widget, with the lines that say how things are. */
function widgetFrame(el, label) {
  const put = (line, text) => {
    if (line.textContent !== text) line.textContent = text; // each change is read aloud
  };
  const status = make("p", { class: "tlc-status", role: "status" });
  const problem = make("p", { class: "tlc-problem", role: "alert" });
  // Without the attribute, JupyterLab takes the keys that are pressed in here for its own.
  const section = make("section", {
    class: "tlc",
    "aria-label": label,
    "data-lm-suppress-shortcuts": "true",
  });
  for (const name of ["keydown", "keyup"])
    section.addEventListener(name, (e) => e.stopPropagation());
  el.append(section);
  return {
    section,
    status,
    problem,
    say: (text) => put(status, text),
    complain: (text) => put(problem, text),
  };
}

// --- bars ----------------------------------------------------------------------------------------

/** Names and their probabilities, with a bar for each. */
class Bars {
  constructor() {
    this.element = make("ul", { class: "tlc-bars", "aria-label": "Names and probabilities" });
  }

  /** Show pairs of a name and a probability; the most probable name. */
  show(bars) {
    const items = new Map([...this.element.children].map((item) => [item.dataset.name, item]));
    const top = bars.reduce((best, bar) => (bar[1] > best[1] ? bar : best), ["", -1])[0];
    this.element.replaceChildren(
      ...bars.map(([name, value]) => {
        const item =
          items.get(name) ??
          make(
            "li",
            { "data-name": name },
            make("span", { class: "tlc-name" }, name),
            make("span", { class: "tlc-track" }, make("span", { class: "tlc-bar" })),
            make("span", { class: "tlc-percent" }),
          );
        item.classList.toggle("tlc-top", name === top);
        item.children[1].firstChild.style.width = `${100 * value}%`;
        item.children[2].textContent = `${Math.round(100 * value)} %`;
        return item;
      }),
    );
    return top;
  }
}
