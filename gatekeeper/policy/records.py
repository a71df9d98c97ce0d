"""`[records]`: what only the operator knows of the processing as a whole, for the reports."""

from __future__ import annotations

from pydantic import Field

from gatekeeper.vendors.settings import NonEmpty, Strict


class RecordsTable(Strict):
    """`[records]`: answers that hold for all destinations. Where there is no such thing, write so: `"none"`."""

    dpo: NonEmpty | None = Field(None, description="Data protection officer: name and contact.")
    representative: NonEmpty | None = Field(None, description="Representative in the EU (GDPR article 27).")
    joint: NonEmpty | None = Field(None, description="Joint controllers (GDPR article 26).")
    authority: NonEmpty | None = Field(None, description="Supervisory authority that complaints go to.")
    persons: NonEmpty | None = Field(None, description="Categories of persons, such as visitors and customers.")
    source: NonEmpty | None = Field(None, description="Where data comes from that the person did not give.")
    special: NonEmpty | None = Field(None, description="Special categories of data (GDPR article 9), or `none`.")
    security: NonEmpty | None = Field(None, description="Your own technical measures, or their reference.")
    organisation: NonEmpty | None = Field(None, description="Organisational measures, or their reference.")
    impact_assessment: NonEmpty | None = Field(
        None, description="Data protection impact assessment, or why there is none."
    )
    automated_decisions: NonEmpty | None = Field(None, description="Automated decisions (GDPR article 22), or `none`.")
    obligation: NonEmpty | None = Field(
        None, description="Whether the person must provide the data, and the consequence if not."
    )
