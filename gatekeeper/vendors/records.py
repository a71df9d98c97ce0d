"""`[destinations.<name>.records]`: what only the operator knows of a recipient, for the reports."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

CLAUSES: Final = (
    "instructions", "confidentiality", "security", "subprocessors", "rights", "assistance", "deletion", "audits",
)  # fmt: skip
"""What a contract with a processor must say, GDPR article 28(3)(a) to (h) in order."""
Clause = Literal[
    "instructions", "confidentiality", "security", "subprocessors", "rights", "assistance", "deletion", "audits"
]
Question = Literal[
    "interest", "benefit", "public_benefit", "impact_if_not", "lawful_and_ethical", "effective", "proportionate",
    "less_intrusive", "nature_of_data", "relationship", "expectations", "children", "impact", "objectors",
    "safeguards", "opt_out", "outcome", "reviewer", "reviewed", "next_review",
]  # fmt: skip
"""The questions of a legitimate interest assessment, in the order of its three tests."""


def _country(text: str) -> str:
    if len(text) != 2 or not (text.isascii() and text.isupper()):
        raise ValueError("is not a country; write its two letters, such as IE")
    return text


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write it, or remove the key")
    return text


Country = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}), AfterValidator(_country)]
Words = Annotated[str, Field(max_length=4_000), AfterValidator(_words)]


class DestinationRecords(BaseModel):
    """What the records of processing, the contract list and the assessment need of one destination."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    role: Literal["processor", "joint_controller", "controller"] | None = Field(
        None, description="What the recipient is under the GDPR; the vendor table's proposal if absent."
    )
    countries: list[Country] = Field(
        default_factory=list, description="Where the recipient processes the data, such as IE and US."
    )
    transfer: Literal["adequacy", "dpf", "scc", "bcr", "derogation", "none"] | None = Field(
        None, description="On what a transfer out of the EEA rests (GDPR chapter V)."
    )
    safeguard: Words | None = Field(None, description="Reference of that safeguard, such as the clauses' module.")
    fallback: Words | None = Field(None, description="What holds if the safeguard falls, such as SCC module 2.")
    terms: Words | None = Field(None, description="Name of the terms; the vendor table's if absent.")
    signed: date | None = Field(None, description="Day on which they were accepted.")
    clauses: list[Clause] = Field(
        default_factory=list, description="Which clauses of article 28(3) you found in the contract."
    )
    assessment: dict[Question, Words] = Field(
        default_factory=dict, description="Your answers in the legitimate interest assessment."
    )
