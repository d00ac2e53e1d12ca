"""What may be wrong with a callback, and the XML parser that hostile bodies meet."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

MAX_DEPTH = 12
"""The deepest real callback nests five elements; more is an attack on whoever walks the tree later."""

REPEATED = frozenset({"SelectedItem", "OptionId", "item"})
"""Always lists, so that one selected option and several read the same (wire section 2)."""

Tree = dict[str, Any]
"""Element name → text, Tree, or a list of these where the element repeats. JSON-able as it is."""


class WireError(Exception):
    """A callback that is refused: ``status`` answers it, ``reason`` is counted and logged, nothing is stored.

    403 for everything that fails to prove where it comes from, 400 for a body that is not what WeCom sends.
    """

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.status = status
        self.reason = reason
        self.detail = detail


def parse_xml(body: bytes) -> Tree:
    """The children of the root element ``<xml>``. Attributes are ignored: WeCom sends none.

    The encoding is UTF-8 whatever the document claims. Entity and document type declarations are refused
    before they can be used: other parsers expand them, take them, or silently empty the text.

    Raises WireError 400 for anything not well formed, declared, too deep, or with another root.
    """
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.SkippedEntityHandler = builder.refuse
    parser.ProcessingInstructionHandler = builder.refuse
    try:
        parser.Parse(body.decode(), True)
    except UnicodeDecodeError as error:
        raise WireError(400, "not_xml", "no UTF-8") from error
    except expat.ExpatError as error:
        raise WireError(400, "not_xml", expat.ErrorString(error.code)) from error
    return builder.root


class _Builder:
    """Collects elements into a Tree while expat reads; one frame per open element."""

    def __init__(self) -> None:
        self.root: Tree = {}
        self._frames: list[tuple[str, Tree, list[str]]] = []

    def start(self, name: str, _attributes: Any) -> None:
        if not self._frames and name != "xml":
            raise WireError(400, "not_xml", "the root element is not <xml>")
        if len(self._frames) >= MAX_DEPTH:
            raise WireError(400, "too_deep")
        self._frames.append((name, {}, []))

    def text(self, data: str) -> None:
        self._frames[-1][2].append(data)

    def end(self, _name: str) -> None:
        name, children, text = self._frames.pop()
        if not self._frames:
            self.root = children
            return
        value: Any = children or "".join(text)
        parent = self._frames[-1][1]
        if name in REPEATED:
            parent.setdefault(name, []).append(value)
        elif name in parent:
            known = parent[name]
            parent[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            parent[name] = value

    def refuse(self, *_declaration: Any) -> None:
        raise WireError(400, "declaration", "document types, entities and instructions are refused")


def text_of(tree: Any, *path: str) -> str:
    """The text at ``path``, empty when it is absent, repeated or not a text."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else ""
