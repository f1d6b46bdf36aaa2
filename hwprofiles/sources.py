"""Where a piece of knowledge comes from: the part every kind of data file shares."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A model of a data file: unknown keys are errors, values keep their type, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Reference(Strict):
    """A place to read on: a page (``url``), or a document without an address (``ref``)."""

    title: str = Field(min_length=3)
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    ref: str = ""

    @model_validator(mode="after")
    def _findable(self) -> Reference:
        if not (self.url or self.ref):
            raise ValueError("a source needs a url or a ref")
        return self

    def __str__(self) -> str:
        return f"{self.title}, {self.url or self.ref}"
