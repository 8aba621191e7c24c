"""Decide how PostgreSQL can write a schema's JSON exactly as Pydantic would, or why it cannot."""

from __future__ import annotations

from colonnade.documents.forms import JsonForm
from colonnade.documents.layout import JsonLayout, json_layout_of, why_not_server_json

__all__ = ["JsonForm", "JsonLayout", "json_layout_of", "why_not_server_json"]
