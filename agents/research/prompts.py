"""Prompts: Markdown documents with `{placeholders}`, checked before the first one is used."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ..base import AgentError

FOLDER = Path(__file__).parent.parent / "prompts"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
DOCUMENTS: Mapping[str, frozenset[str]] = {
    name: frozenset(places.split())
    for name, places in {
        "system": "",
        "diagnose": "angle",
        "propose": "diagnosis occasion advice",
        "review": "idea mistakes",
        "known_mistakes": "",
        "write": "idea advice files",
        "refused": "error",
        "repair": "idea program error files",
        "distil": "notebook results lessons characters",
        "architect": "occasion mistakes",
        "qa": "design program",
        "conduct": "occasion experts",
        "expert": "field instruction",
        "conclude": "answers occasion advice",
        "aide_draft": "drafts occasion files",
        "aide_improve": "designs occasion files",
        "aide_debug": "idea program failure files",
        "adas_design": "parent files",
        "adas_reflect": "",
        "adas_mistakes": "mistakes",
        "adas_mend": "error parent",
        "dgm_diagnose": "records problem occasion",
        "dgm_write": "description suggestion files",
        "dgm_mend": "error",
        "hybrid_explain": "findings",
        "hybrid_write": "explanation findings idea files",
        "toolsmith_system": "",
        "toolsmith_work": "occasion files steps evaluations seeds",
    }.items()
}


def fill(name: str, **values: str) -> str:
    """A document with its placeholders filled; braces in the values stay as they are."""
    text = documents(FOLDER)[name]
    if values.keys() != DOCUMENTS[name]:
        raise AgentError(f"prompt {name}.md takes {_words(DOCUMENTS[name])}, not {_words(values)}")
    filled = PLACEHOLDER.sub(lambda match: values[match[1]], text)
    return re.sub(r"\n{3,}", "\n\n", filled).strip()


@lru_cache(maxsize=4)
def documents(folder: Path) -> Mapping[str, str]:
    """All documents of a folder; raises AgentError if one lacks or has other placeholders."""
    return {name: _document(folder, name, places) for name, places in DOCUMENTS.items()}


def _document(folder: Path, name: str, places: frozenset[str]) -> str:
    try:
        text = (folder / f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AgentError(f"the prompt {name}.md is missing: install Ratchet again") from None
    placeholders = frozenset(PLACEHOLDER.findall(text))
    if placeholders != places:
        raise AgentError(
            f"prompt {name}.md has {_words(placeholders)}, and should have {_words(places)}"
        )
    return text


def _words(names: Mapping[str, object] | frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "no placeholders"
