// The sound and caption tracks of a film: what they are called, and which captions everybody sees.

const isUnknown = (language) => !language || language === "und";
const primary = (language) => (isUnknown(language) ? "" : language.toLowerCase().split("-")[0]);

const ownName = (language) => {
  try {
    const name = new Intl.DisplayNames([language], { type: "language" }).of(language);
    return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  } catch {
    return language;
  }
};

/**
 * What people call a track. One without a title is named by its language's tag and what it is,
 * `de (SDH)`, and then the tag becomes the language's own name for itself: `Deutsch (SDH)`.
 */
export const nameOf = ({ name, language }, otherwise) => {
  if (isUnknown(language)) return name || otherwise;
  const own = ownName(language);
  if (!name || name === language) return own;
  return name.startsWith(`${language} `) ? own + name.slice(language.length) : `${name} (${own})`;
};

/** The index of the captions that belong to sound in a language: they translate what is foreign in it. */
export const forcedFor = (captions, language) => {
  const forced = captions.filter((one) => one.forced);
  const found = forced.find((one) => primary(one.language) === primary(language));
  return (found ?? (isUnknown(language) && forced.length === 1 ? forced[0] : undefined))?.index ?? -1;
};
