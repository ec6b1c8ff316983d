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
    this.list.replaceChildren(...choices.map((choice) => this.#item(choice, choice.value === chosen)));
    if (wasIn) this.#enter(); // an open menu that is offered anew keeps the focus, or Escape would reach nobody
  }

  #item({ value, label }, checked) {
    const item = document.createElement("li");
    item.role = "none";
    const button = document.createElement("button");
    Object.assign(button, { type: "button", role: "menuitemradio", ariaChecked: String(checked), textContent: label, tabIndex: -1 });
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
    const items = [...this.list.querySelectorAll("button")];
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
