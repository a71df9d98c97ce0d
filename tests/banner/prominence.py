"""Equal prominence, measured: what of two or three buttons differs, in a page's own words."""

# In a shadow root: the faults of the buttons in this layer. `texts` are those of refuse, accept and the third.
FAULTS = """(root, [layer, texts]) => {
  const faults = [];
  const all = [...root.querySelectorAll(`${layer} *`)].filter((one) => !one.firstElementChild);
  const buttons = texts.map((text) => all.find((one) => one.textContent === text));
  if (!buttons.every(Boolean)) return ["a button is missing"];
  const [refuse, accept] = buttons;
  const geometry = /^((inline|block)-size|width|height|(perspective|transform)-origin)$/;
  const position = refuse.compareDocumentPosition(accept);
  if (!(position & Node.DOCUMENT_POSITION_FOLLOWING) || refuse.tabIndex !== accept.tabIndex) faults.push("order");
  const look = (element) => {
    const found = {};
    const style = getComputedStyle(element);
    for (const name of style) if (!geometry.test(name)) found[name] = style.getPropertyValue(name);
    for (const part of ["::before", "::after"]) found[part] = getComputedStyle(element, part).content;
    return found;
  };
  const compare = (one, other, when) => {
    for (const name in one) if (one[name] !== other[name]) faults.push(`${when}${name}: ${one[name]} / ${other[name]}`);
  };
  const first = look(refuse);
  const boxes = buttons.map((button) => button.getBoundingClientRect());
  for (const [n, button] of buttons.entries()) {
    const box = boxes[n];
    if (button.tagName !== "BUTTON" || button.disabled) faults.push(`${n} is no button`);
    if (button.parentNode !== refuse.parentNode) faults.push(`${n} is elsewhere`);
    const [wider, higher] = [box.width - boxes[0].width, box.height - boxes[0].height];
    if (Math.max(Math.abs(wider), Math.abs(higher)) > 0.5) faults.push(`${n} has another size`);
    if (box.width < 44 || box.height < 44) faults.push(`${n} is small`);
    const beyond = Math.max(-box.top, -box.left, box.right - innerWidth, box.bottom - innerHeight);
    if (beyond > 0.5) faults.push(`${n} is out of sight`);
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    if (root.elementFromPoint(x, y) !== button) faults.push(`${n} is covered`);
    if (button.scrollWidth > button.clientWidth + 1) faults.push(`${n} is cut off`);
    compare(first, look(button), `${n} `);
  }
  const before = root.activeElement;
  refuse.focus();
  const focused = look(refuse);
  accept.focus();
  compare(focused, look(accept), "focused ");
  before ? before.focus() : accept.blur();
  return faults;
}"""
