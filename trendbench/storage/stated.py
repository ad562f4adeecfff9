"""The fields of files that anyone may have written: keys known, numbers finite, texts inert."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from trendbench.plain_text import checked_name, is_plain

_LONGEST_TEXT = 200


def _inert(text: str) -> str:
    """Text that stays text in a terminal, a table and a spreadsheet."""
    if not is_plain(text) or text[:1] in tuple("=+-@"):
        raise ValueError("it has characters that cannot be seen, or begins as a formula does")
    return text


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RowName = Annotated[str, AfterValidator(checked_name)]  # task, row or family, as a table shows it
Count = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_inert)]
Parameters = dict[Name, bool | int | float | Text]


class Part(BaseModel):
    """A file or a part of it: every key known, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
