"""What a model has, and where it stands in the database; knows no session and no URL."""

from colonnade.mapping.check import check_models, problems
from colonnade.mapping.configuration import configure, every_mapper, mappers
from colonnade.mapping.given import Given, given_names
from colonnade.mapping.hints import counted, did_you_mean, nearest, with_article
from colonnade.mapping.location import Located, locate
from colonnade.mapping.memo import BoundedCache, memoized
from colonnade.mapping.model import Column, Direction, Mapping, Relation, Unique, mapping_of

__all__ = [
    "BoundedCache",
    "Column",
    "Direction",
    "Given",
    "Located",
    "Mapping",
    "Relation",
    "Unique",
    "check_models",
    "configure",
    "counted",
    "did_you_mean",
    "every_mapper",
    "given_names",
    "locate",
    "mappers",
    "mapping_of",
    "memoized",
    "nearest",
    "problems",
    "with_article",
]
