// WebVTT as this platform writes it: cues with a time and a text, by one request.

const seconds = (stamp) => stamp.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const plain = (text) => text.replaceAll(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

const parseBlock = (block) => {
  const lines = block.split("\n").filter(Boolean);
  const at = lines.findIndex((line) => line.includes("-->"));
  if (at < 0 || !lines[at + 1]) return [];
  const [start, end] = lines[at].split("-->").map((part) => seconds(part.trim().split(" ")[0]));
  return [{ start, end, text: plain(lines.slice(at + 1).join(" ").trim()) }];
};

/** The cues of the file at this address; none when it cannot be had, because nothing depends on it. */
export const loadCues = async (address) => {
  if (!address) return [];
  try {
    const answer = await fetch(address);
    if (!answer.ok) return [];
    return (await answer.text()).replaceAll("\r\n", "\n").split(/\n{2,}/).flatMap(parseBlock);
  } catch {
    return [];
  }
};
