"""What a page says: every text in it, shown or kept for later, and every word for those who do not see it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from playwright.async_api import Page

#: Texts of the page, of its closed dialogs and of its templates; not what is typed or copied (code), nor what machines read.
READ = """() => {
    const told = [];
    const spoken = /^(aria-label|aria-description|title|placeholder|alt|label|data-(?!key|live|from|keep|copy|preview|name|url).*)$/;
    const silent = new Set(["SCRIPT", "STYLE", "CODE", "PRE", "KBD", "TEXTAREA", "NOSCRIPT"]);
    const walk = (node) => {
        if (node.nodeType === Node.TEXT_NODE && node.data.trim()) told.push(node.data.trim());
        if (node.nodeType === Node.ELEMENT_NODE) {
            for (const { name, value } of node.attributes) if (spoken.test(name) && /\\s|[^\\x20-\\x7e]/.test(value)) told.push(value);
            if (silent.has(node.tagName)) return;
            if (node.tagName === "TEMPLATE") walk(node.content);
        }
        for (const child of node.childNodes) walk(child);
    };
    walk(document.documentElement);
    return told;
}"""
#: Letters in a row, unless they go on from something that is no word: an address, a path, a measure.
WORD = re.compile(r"(?<![\w./:@#=&?%•-])[A-Za-z][A-Za-z'’]*(?![\w./:@=-]*[\w/:@=])", re.ASCII)
#: What is typed is the same in every language.
COMMAND = re.compile(r"\bgateway (?:[a-z]+ ?)+[A-Za-z0-9-]*|(?<!\S)--?[a-z][-a-z]*|\S*/\S*|\S+@\S+")


async def texts(page: Page) -> list[str]:
    """All of them, in the page's order."""
    return list(await page.evaluate(READ))


def foreign(told: Iterable[str], names: Collection[str], known: Collection[str]) -> list[str]:
    """Words in Latin letters in *told* that are neither among the *known* ones nor part of what has a name of its own.

    names: texts that were made up (prompts, names of profiles); known: words that are the same in every language.
    """
    found = []
    longest_first = sorted(names, key=len, reverse=True)
    for text in dict.fromkeys(told):
        rest = COMMAND.sub(" ", text)
        for name in longest_first:
            rest = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", " ", rest)
        strange = [word for word in WORD.findall(rest) if word not in known and not word.isupper()]
        if strange:
            found.append(f"{' '.join(strange)} in {text[:200]!r}")
    return found
