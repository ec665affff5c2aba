"""Answers as JSON: what is taken for one, and which schemas are looked at."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.calls.json_form import JsonForm, NotAsAsked, as_asked, instructions
from gateway.calls.json_schema import Unchecked, misfit, understood

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
        "boss": {"anyOf": [{"$ref": "#/$defs/boss"}, {"type": "null"}]},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"boss": {"type": "object", "properties": {"name": {"const": "Ann"}}, "required": ["name"]}},
}


@pytest.mark.parametrize(
    ("said", "form", "read"),
    [
        ('{"a": 1}', JsonForm(), '{"a": 1}'), ('\n```json\n{"a": 1}\n```\n', JsonForm(), '{"a": 1}'),
        ('```\n{"a": 1}```', JsonForm(), '{"a": 1}'), ("[1]", JsonForm({"type": "array"}), "[1]"),
        ('{"name": "x", "age": null}', JsonForm(PERSON), '{"name": "x", "age": null}'),
    ],
)  # fmt: skip
def test_what_is_as_asked(said, form, read):
    assert as_asked(said, form) == read


@pytest.mark.parametrize(
    ("said", "form", "why"),
    [
        ("Sure! {}", JsonForm(), "not JSON"), ("[1]", JsonForm(), "no JSON object"), ("", JsonForm(), "not JSON"), ("[" * 100_000, JsonForm(), "not JSON"),
        ('{"age": 1}', JsonForm(PERSON), r"\$.name is missing"), ('{"name": "", "age": 1}', JsonForm(PERSON), "minLength"),
        ('{"name": "x", "age": 1, "more": 1}', JsonForm(PERSON), r"\$.more is not wanted"),
        ('{"name": "x", "age": 1, "tags": ["c"]}', JsonForm(PERSON), r"\$.tags\[0\]"),
        ('{"name": "x", "age": 1, "boss": {"name": "Bob"}}', JsonForm(PERSON), "none of the choices"),
    ],
)  # fmt: skip
def test_what_is_not_says_why(said, form, why):
    with pytest.raises(NotAsAsked, match=why):
        as_asked(said, form)


def test_the_model_is_told_the_schema():
    assert json.loads(instructions(JsonForm(PERSON)).splitlines()[1]) == PERSON
    assert "JSON object" in instructions(JsonForm())


@pytest.mark.parametrize(
    "schema", [{"patternProperties": {}}, {"type": "date"}, {"properties": {"a": {"not": {}}}}, {"$ref": "http://x"}, 5, {"items": []}]
)  # fmt: skip
def test_a_schema_that_would_not_be_looked_at_is_told_apart(schema):
    with pytest.raises(Unchecked):
        understood(schema)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-2, 3) | st.sampled_from(["", "a", "b", "Ann"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "age", "tags", "boss", "x"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
simple = st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null", ["string", "null"]]),
    "enum": st.lists(values, min_size=1, max_size=2), "const": values, "minimum": st.integers(-1, 2), "exclusiveMaximum": st.integers(0, 3),
    "minLength": st.integers(0, 2), "maxItems": st.integers(0, 2),
})  # fmt: skip
schemas = st.recursive(
    simple,
    lambda inner: st.fixed_dictionaries({}, optional={
        "properties": st.dictionaries(st.sampled_from(["name", "age"]), inner, max_size=2), "required": st.just(["name"]),
        "additionalProperties": st.booleans() | inner, "items": inner, "anyOf": st.lists(inner, min_size=1, max_size=2),
        "oneOf": st.lists(inner, min_size=1, max_size=2), "allOf": st.lists(inner, min_size=1, max_size=2),
    }),
    max_leaves=4,
)  # fmt: skip


@given(values, schemas)
def test_it_agrees_with_a_maintained_validator(value, schema):
    understood(schema)
    assert (misfit(value, schema) is None) == Draft202012Validator(schema).is_valid(value)


@given(values)
def test_it_agrees_about_references(value):
    understood(PERSON)
    assert (misfit(value, PERSON) is None) == Draft202012Validator(PERSON).is_valid(value)
