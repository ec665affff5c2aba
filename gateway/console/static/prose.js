// Text of a model as elements: paragraphs, headings, lists, code, bold, italic, links. Built from text nodes, never from HTML.
export function prose(text) {
  const found = document.createDocumentFragment();
  const lines = text.replace(/\r/g, "").split("\n");
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const fence = line.match(/^\s*```(.*)$/);
    if (fence) {
      const end = lines.findIndex((one, place) => place > at && /^\s*```\s*$/.test(one));
      const last = end < 0 ? lines.length : end;
      found.append(codeBlock(lines.slice(at + 1, last).join("\n")));
      at = last + 1;
    } else if (/^#{1,6}\s/.test(line)) {
      const heading = document.createElement("p");
      heading.className = "heading";
      inline(heading, line.replace(/^#+\s*/, ""));
      found.append(heading);
      at += 1;
    } else if (/^\s*([-*•]|\d+[.)])\s/.test(line)) {
      const ordered = /^\s*\d/.test(line);
      const list = document.createElement(ordered ? "ol" : "ul");
      while (at < lines.length && /^\s*([-*•]|\d+[.)])\s/.test(lines[at])) {
        const item = document.createElement("li");
        inline(item, lines[at].replace(/^\s*([-*•]|\d+[.)])\s+/, ""));
        list.append(item);
        at += 1;
      }
      found.append(list);
    } else if (!line.trim()) {
      at += 1;
    } else {
      const paragraph = document.createElement("p");
      const some = [];
      while (at < lines.length && lines[at].trim() && !/^\s*```/.test(lines[at])) some.push(lines[at++]);
      some.forEach((one, place) => {
        if (place) paragraph.append(document.createElement("br"));
        inline(paragraph, one);
      });
      found.append(paragraph);
    }
  }
  return found;
}

function codeBlock(text) {
  const block = document.createElement("pre");
  block.className = "code";
  block.tabIndex = 0;
  const code = document.createElement("code");
  code.textContent = text;
  block.append(code);
  return block;
}

const MARKS = /(`[^`]+`)|(\*\*[^*]+\*\*)|(\*[^*\s][^*]*\*)|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>)\]]+)/g;

function inline(into, text) {
  let last = 0;
  for (const mark of text.matchAll(MARKS)) {
    into.append(text.slice(last, mark.index));
    last = mark.index + mark[0].length;
    const [, code, bold, italic, name, address, bare] = mark;
    if (code) into.append(element("code", code.slice(1, -1)));
    else if (bold) into.append(element("strong", bold.slice(2, -2)));
    else if (italic) into.append(element("em", italic.slice(1, -1)));
    else {
      const link = element("a", name ?? bare);
      Object.assign(link, { href: address ?? bare, target: "_blank", rel: "noopener noreferrer" });
      into.append(link);
    }
  }
  into.append(text.slice(last));
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
