"""How to cite the suite: the works, written once, as BibTeX, as APA text and as CITATION.cff."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from trendbench import __version__

YEAR = 2026  # of this version; the copyright line of LICENSE says the same


@dataclass(frozen=True)
class Person:
    """An author: family name, and given names or initials."""

    family: str
    given: str

    @property
    def initials(self) -> str:
        """Given names as APA has them: initials, hyphens and what is an initial already kept."""
        return " ".join(
            word if word.endswith(".") else "-".join(f"{part[0]}." for part in word.split("-"))
            for word in self.given.split()
        )


@dataclass(frozen=True)
class Work:
    """Something to cite.

    Attributes:
        key: for BibTeX.
        kind: ``type`` of the Citation File Format.
        title, year: of the work.
        authors: people; empty where ``entity`` signs instead.
        entity: a group that signs as one.
        version: of software.
        venue: where it appeared.
        school: where a bachelor's thesis was written.
        repository: where its code lies.
        note: what else a reader should know.
    """

    key: str
    kind: str
    title: str
    year: int
    authors: tuple[Person, ...] = ()
    entity: str = ""
    version: str = ""
    venue: str = ""
    school: str = ""
    repository: str = ""
    note: str = ""


SOFTWARE = Work(
    key="trendbench",
    kind="software",
    title="trendbench: an exactly solvable benchmark for generative models of non-stationary "
    "textures",
    year=YEAR,
    entity="The trendbench authors",
    version=__version__,
)
STUDY = Work(
    key="budakyan2017trends",
    kind="thesis",
    title="Neural-network synthesis of textures with trends (in Russian)",
    year=2017,
    authors=(Person("Budakyan", "Ya. S."),),
    school="Lomonosov Moscow State University, Faculty of Physics",
    repository="https://github.com/astromid/diploma-texture-synthesis",
    note="Scientific adviser E. A. Grachev. The problem, the criterion and the six variants.",
)
PIX2PIX = Work(
    key="isola2017pix2pix",
    kind="conference-paper",
    title="Image-to-Image Translation with Conditional Adversarial Networks",
    year=2017,
    authors=(
        Person("Isola", "Phillip"),
        Person("Zhu", "Jun-Yan"),
        Person("Zhou", "Tinghui"),
        Person("Efros", "Alexei A."),
    ),
    venue="IEEE Conference on Computer Vision and Pattern Recognition (CVPR)",
)
CITED = (SOFTWARE, STUDY)  # what whoever uses the suite cites
_BACHELOR = "Bachelor's thesis"
_MESSAGE = "If you use trendbench, please cite it, and the study that posed its problem."
_KEYWORDS = ("generative models", "texture synthesis", "Boolean model", "benchmark")


def bibtex(works: tuple[Work, ...] = CITED) -> str:
    """Entries that every BibTeX style knows."""
    return "\n\n".join(map(_bibtex_entry, works)) + "\n"


def apa(works: tuple[Work, ...] = CITED) -> str:
    """One paragraph a work, in the manner of APA's seventh edition."""
    return "\n\n".join(map(_apa_line, works)) + "\n"


def cff() -> str:
    """The whole of CITATION.cff, version 1.2.0 of the Citation File Format."""
    lines = [
        "cff-version: 1.2.0",
        f"message: {_MESSAGE}",
        f"type: {SOFTWARE.kind}",
        f"title: {json.dumps(SOFTWARE.title)}",
        f"version: {SOFTWARE.version}",
        "license: MIT",
        "authors:",
        f"  - name: {SOFTWARE.entity}",
        "keywords:",
        *(f"  - {word}" for word in _KEYWORDS),
        "references:",
    ]
    for work in (STUDY, PIX2PIX):
        lines += _cff_reference(work)
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[], str]] = {"bibtex": bibtex, "apa": apa, "cff": cff}


def _bibtex_entry(work: Work) -> str:
    names = " and ".join(f"{person.family}, {person.given}" for person in work.authors)
    fields = {
        "author": names or f"{{{work.entity}}}",
        "title": f"{{{work.title}}}",
        "booktitle": work.venue,
        "school": work.school,
        "type": _BACHELOR if work.school else "",
        "year": str(work.year),
        "url": work.repository,
        "note": f"Version {work.version}" if work.version else work.note,
    }
    # BibTeX has no kind for a bachelor's thesis: the field type replaces the words of the kind.
    kind = "inproceedings" if work.venue else "mastersthesis" if work.school else "misc"
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@{kind}{{{work.key},\n{body}\n}}"


def _apa_line(work: Work) -> str:
    *others, last = [f"{person.family}, {person.initials}" for person in work.authors] or [
        work.entity
    ]
    names = f"{', '.join(others)}, & {last}" if others else last
    title = work.title
    if work.version:
        title += f" (Version {work.version}) [Computer software]"
    if work.school:
        title += f" [{_BACHELOR}, {work.school}]"
    end = f" In {work.venue}." if work.venue else ""
    end += f" {work.repository}" if work.repository else ""
    return f"{names}{'' if names.endswith('.') else '.'} ({work.year}). {title}.{end}"


def _cff_reference(work: Work) -> list[str]:
    lines = [f"  - type: {work.kind}", f"    title: {work.title}", "    authors:"]
    for person in work.authors:
        lines += [f"      - family-names: {person.family}", f"        given-names: {person.given}"]
    lines.append(f"    year: {work.year}")
    if work.venue:
        lines.append(f"    collection-title: {work.venue}")
    if work.school:
        lines += [f"    thesis-type: {_BACHELOR}", "    institution:", f"      name: {work.school}"]
    if work.repository:
        lines.append(f"    repository-code: {work.repository}")
    if work.note:
        lines.append(f"    notes: {work.note}")
    return lines
