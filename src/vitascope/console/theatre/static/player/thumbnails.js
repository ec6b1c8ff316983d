// The small pictures above the seek bar: a WebVTT index of places in sprite sheets
// (`sprite.jpg#xywh=0,0,160,90`), as most players read it.

const seconds = (stamp) => stamp.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

const parseBlock = (block, base) => {
  const lines = block.split("\n").filter(Boolean);
  const at = lines.findIndex((line) => line.includes("-->"));
  if (at < 0 || !lines[at + 1]) return [];
  const [start, end] = lines[at].split("-->").map((part) => seconds(part.trim().split(" ")[0]));
  const [file, place] = lines[at + 1].trim().split("#xywh=");
  const [x, y, width, height] = (place ?? "").split(",").map(Number);
  return [{ start, end, address: new URL(file, base).href, x, y, width, height }];
};

/** The pictures of the index at this address; none when it cannot be had, because nothing depends on it. */
export const loadThumbnails = async (address) => {
  if (!address) return [];
  try {
    const answer = await fetch(address);
    if (!answer.ok) return [];
    const text = (await answer.text()).replaceAll("\r\n", "\n");
    return text.split(/\n{2,}/).flatMap((block) => parseBlock(block, new URL(address, location.href)));
  } catch {
    return [];
  }
};

const SHOWN_WIDTH = 176;

/** Show the picture for this second in the element. */
export const showThumbnail = (element, pictures, second) => {
  const picture = pictures.find(({ start, end }) => second >= start && second < end) ?? pictures.at(-1);
  element.toggleAttribute("data-shown", Boolean(picture));
  if (!picture) return;
  const { style } = element;
  style.width = `${picture.width}px`;
  style.height = `${picture.height}px`;
  style.zoom = SHOWN_WIDTH / picture.width;
  style.backgroundImage = `url("${picture.address}")`;
  style.backgroundPosition = `-${picture.x}px -${picture.y}px`;
};
