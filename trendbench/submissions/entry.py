"""An entry: one zip file with generated images and what their submitter says of them.

``trendbench-entry/2`` holds ``entry.json`` (an ``Entry``), the recipe's text (``recipe.md`` or
``recipe.toml``), ``images.npy`` and, where there is a second sample for the same inputs,
``second.npy``. Each is an array of uint8 in test order: grey values (n, H, W), or, where all are
black or white, (n, H, ⌈W/8⌉) with one bit a pixel, 1 for white, as ``np.packbits`` makes it. There
is no score in an entry: it is computed where the entry is merged.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, ValidationError

from trendbench.errors import ResultError, first_problem
from trendbench.generators.recipes import Recipe, is_reserved
from trendbench.plain_text import LONGEST_PAGE, checked_page, must_read_back
from trendbench.process.images import WHITE
from trendbench.results.record import SUBMITTED
from trendbench.results.store import LARGEST_COMPANION
from trendbench.spec import TaskSpec
from trendbench.storage.bounded import (
    ArrayError,
    decoded,
    kept_members,
    parse_toml,
    read_file,
    read_npz,
)
from trendbench.storage.folder import must_be_writable
from trendbench.storage.stated import Count, Part, RowName, Sha256, Text

Images = NDArray[np.uint8]
_ENTRY, _OLD_SCORES = "entry.json", "scores.npz"
_RECIPES = ("recipe.md", "recipe.toml")
_IMAGES, _SECOND = "images.npy", "second.npy"
_LARGEST_ENTRY = 1 << 16
_DATE = (1980, 1, 1, 0, 0, 0)


def _not_ours(name: str) -> str:
    if is_reserved(name):
        raise ValueError(f"'{name}' is a name of trendbench's own rows: choose another")
    return name


class Entry(Part):
    """What a submitter says of images.

    Attributes:
        name: the row's name.
        task, data: the task's name, and the content hash of the data file whose test triplets the
            images were drawn for.
        seed: of the training, where several are submitted.
        conditional: whether the generator looked at s1 and s2.
        privileged: whether it was shown germs or targets.
        parameters: trained numbers; epochs: passes over the training triplets; device: what it
            was trained on.
    """

    format: Literal["trendbench-entry/2"] = "trendbench-entry/2"
    name: Annotated[RowName, AfterValidator(_not_ours)]
    task: RowName
    data: Sha256
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    conditional: bool = True
    privileged: bool = False
    parameters: Count | None = None
    epochs: Annotated[float, Field(ge=0)] | None = None
    device: Annotated[Text, AfterValidator(must_read_back)] = "not said"


def checked_entry(fields: object, where: str = "") -> Entry:
    """An entry of these fields.

    Raises:
        ResultError: one is missing, unknown or cannot be used; ``where`` begins the message.
    """
    try:
        return Entry.model_validate(fields)
    except ValidationError as error:
        raise ResultError(f"{where}{first_problem(error, Entry)}") from None


def read_recipe(path: Path) -> tuple[str, str]:
    """A recipe's file name within an entry, and its text.

    Raises:
        ResultError: no such file, another kind of file, or text that does not go in.
    """
    file = next((f for f in _RECIPES if f.endswith(path.suffix.lower() or "?")), None)
    if file is None:
        raise ResultError(f"{path}: a recipe is a .md or a .toml file")
    try:
        content = read_file(path, LONGEST_PAGE, typed=True)
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from None
    return file, _checked_recipe(file, content, str(path))


def must_be_new(out: Path) -> None:
    """Refuse to replace a file, and a place where none can be written.

    Raises:
        InputError: something stands at ``out``, or above it other than a folder.
        OSError: nothing can be written there.
    """
    if out.exists() or out.is_symlink():
        raise ResultError(f"{out} exists: choose another --out, or move it away")
    must_be_writable(out)


def pack(
    entry: Entry, recipe: tuple[str, str], images: Images, second: Images | None = None
) -> bytes:
    """The bytes of an entry's file: the same for the same content.

    Args:
        entry: what is said.
        recipe: as ``read_recipe`` gives it.
        images: one for each test triplet, (n, H, W) uint8.
        second: another sample for the same triplets.

    Raises:
        ResultError: more than a leaderboard takes in.
    """
    text = json.dumps(entry.model_dump(), indent=2, ensure_ascii=False) + "\n"
    members = {_ENTRY: text.encode(), recipe[0]: recipe[1].encode()}
    for name, sample in ((_IMAGES, images), (_SECOND, second)):
        if sample is not None:
            members[name] = _packed(sample)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED, 6)
    if buffer.tell() > LARGEST_COMPANION:
        raise ResultError(
            f"the entry has {buffer.tell() / 1e6:.0f} MB, and an entry has at most "
            f"{LARGEST_COMPANION / 1e6:.0f} MB: --threshold 128 makes grey images black and white, "
            "which take an eighth"
        )
    return buffer.getvalue()


def _packed(images: Images) -> bytes:
    is_binary = ((images == 0) | (images == WHITE)).all()
    buffer = io.BytesIO()
    np.save(buffer, np.packbits(images == WHITE, axis=-1) if is_binary else images)
    return buffer.getvalue()


class EntryFile:
    """An entry that anyone may have made: each part is read with the size that it must have.

    Attributes:
        entry: what the submitter says; recipe: name and text of the recipe's file.

    Raises:
        ResultError: it is no such file, or holds anything else.
    """

    def __init__(self, path: Path) -> None:
        self._where = str(path)
        try:
            self._content = read_file(path, LARGEST_COMPANION)
        except OSError as error:
            raise ResultError(f"{path} cannot be read ({error.strerror})") from None
        try:
            with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
                file = _recipe_among(archive, self._where)
                stated = _text(archive, _ENTRY, _LARGEST_ENTRY, self._where)
                text = _text(archive, file, LONGEST_PAGE, self._where)
        except ResultError:
            raise
        except Exception as error:  # zipfile and its decompressors raise a dozen kinds
            raise _unreadable(self._where, error) from None
        self.entry = checked_entry(_fields(stated, self._where), f"{path}: ")
        self.recipe = file, _checked_recipe(file, text, f"{path}, {file}")

    @property
    def row_recipe(self) -> Recipe:
        """The recipe as a row of the leaderboard has it: the hash of its text."""
        source = hashlib.sha256(self.recipe[1].encode()).hexdigest()
        return Recipe(self.entry.name, SUBMITTED, SUBMITTED, source=source)

    def images(self, spec: TaskSpec) -> tuple[Images, Images | None]:
        """The images for the test triplets of a task, (n, H, W) uint8, and the second sample.

        Raises:
            ResultError: they are damaged, or others than the task has.
        """
        grey = (spec.test, spec.height, spec.width)
        bits = (spec.test, spec.height, -(-spec.width // 8))

        def check(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
            if shape not in (grey, bits) or dtype != np.uint8:
                raise ResultError(
                    f"{self._where}: {name}.npy holds {dtype} {shape}, and the {spec.test} images "
                    f"of {spec.name} are uint8 {grey}, or {bits} in bits: submit again with its "
                    "data file"
                )

        try:
            found = read_npz(self._content, check, most=2)
        except ArrayError as error:
            raise _unreadable(self._where, error) from None
        images = [
            np.unpackbits(found[name], axis=-1, count=spec.width) * np.uint8(WHITE)
            if found[name].shape == bits
            else found[name]
            for name in sorted(found)
        ]
        return images[0], images[1] if len(images) > 1 else None


def _unreadable(where: str, error: Exception) -> ResultError:
    return ResultError(f"{where} is not a readable entry ({error}): download or submit it again")


def _recipe_among(archive: zipfile.ZipFile, where: str) -> str:
    """The recipe's name, if the members are an entry's and nothing else."""
    found = kept_members(archive)
    names = [member.filename for member in found]
    if _OLD_SCORES in names:
        raise ResultError(
            f"{where} is a trendbench-entry/1, which holds scores and no images: make it again "
            "with trendbench submit"
        )
    recipe = next((name for name in names if name in _RECIPES), _RECIPES[0])
    if sorted(names) not in (sorted([_ENTRY, recipe, _IMAGES, *s]) for s in ([], [_SECOND])):
        shown = ", ".join(repr(name[:40]) for name in names[:5])
        raise ResultError(
            f"{where} holds {shown or 'nothing'}: an entry holds {_ENTRY}, recipe.md or "
            f"recipe.toml, {_IMAGES} and perhaps {_SECOND}, nothing else"
        )
    odd = [m for m in found if m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
    if odd:
        raise ResultError(f"{where}: {odd[0].filename} is packed in an unusual way")
    return recipe


def _text(archive: zipfile.ZipFile, name: str, most: int, where: str) -> bytes:
    with archive.open(name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ResultError(f"{where}: {name} is larger than {most} bytes")
    return content


def _fields(content: bytes, where: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise ValueError("a key twice")
        return table

    def no_number(word: str) -> float:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(decoded(content), object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where}: {_ENTRY} is not readable ({error})") from None


def _checked_recipe(file: str, content: bytes, where: str) -> str:
    try:
        text = checked_page(decoded(content).encode())
    except ValueError as error:
        raise ResultError(f"{where}: {error}") from None
    if file.endswith(".toml"):
        try:
            parse_toml(text)
        except ValueError as error:
            raise ResultError(f"{where} is not TOML ({error})") from None
    return text
