// Menus of the player: a button that opens a list of choices, by mouse or keyboard
// (ARIA Authoring Practices: menu button with menuitemradio).

export class Menu {
  constructor(element, onChoose) {
    this.element = element;
    this.button = element.querySelector(".knob");
    this.list = element.querySelector(".menu__list");
    this.onChoose = onChoose;
    this.button.addEventListener("click", () => this.toggle(!this.isOpen));
    element.addEventListener("keydown", (event) => this.#onKey(event));
    element.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !element.contains(relatedTarget)) this.toggle(false);
    });
    document.addEventListener("pointerdown", ({ target }) => element.contains(target) || this.toggle(false));
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** Offer these choices, `{ value, label }`; the one with the value `chosen` is marked. */
  offer(choices, chosen) {
    const wasIn = this.list.contains(document.activeElement);
    // the same choices stay where they are: somebody may be pressing one, or have the focus on it
    const isNew = !this.#offers(choices);
    if (isNew) this.list.replaceChildren(...choices.map((choice) => this.#item(choice)));
    for (const [at, button] of this.#buttons.entries()) {
      Object.assign(button, { ariaChecked: String(choices[at].value === chosen), textContent: choices[at].label });
    }
    if (isNew && wasIn) this.#enter(); // an open menu keeps the focus, or Escape would reach nobody
  }

  get #buttons() {
    return [...this.list.querySelectorAll("button")];
  }

  #offers(choices) {
    const values = this.#buttons.map(({ dataset }) => dataset.value);
    return values.length === choices.length && choices.every(({ value }, at) => String(value) === values[at]);
  }

  #item({ value }) {
    const item = document.createElement("li");
    item.role = "none";
    const button = document.createElement("button");
    Object.assign(button, { type: "button", role: "menuitemradio", tabIndex: -1 });
    button.dataset.value = value;
    button.addEventListener("click", () => {
      this.toggle(false);
      this.button.focus();
      this.onChoose(value);
    });
    item.append(button);
    return item;
  }

  toggle(open) {
    this.list.hidden = !open;
    this.button.ariaExpanded = String(open);
    if (open) this.#enter();
  }

  #enter() {
    (this.list.querySelector("[aria-checked=true]") ?? this.list.querySelector("button"))?.focus();
  }

  #onKey(event) {
    if (!this.isOpen) return;
    const items = this.#buttons;
    const at = items.indexOf(document.activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    if (event.key === "Escape") {
      this.toggle(false);
      this.button.focus();
    } else if (event.key in moves) {
      items.at(moves[event.key] % items.length).focus();
    } else if (event.key !== "Tab" && event.key !== "Enter" && event.key !== " ") {
      return;
    } else {
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
