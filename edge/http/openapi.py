"""The REST routes as OpenAPI describes them, derived from the code that answers them.

An endpoint says with `@operation` what it answers; its docstring is the text, and the msgspec types that it encodes
become the schemas. A route without one keeps the edge from starting, so that none is left out.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.routing import BaseRoute, Route

JSON = "application/json"

MAY_BE_LEFT_OUT = {"x-may-be-left-out": True}
"""Marks the schema of a field that an answer may lack. Every other field is always there."""

FILE = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
"""The schema of a form's part that holds a file."""

_REF = "#/components/schemas/{name}"
_ATTRIBUTE = "__operation__"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Detail(msgspec.Struct, frozen=True):
    """What is wrong, as a sentence for people."""

    detail: str


class Operation(NamedTuple):
    """What an endpoint answers, and takes."""

    answers: Mapping[str, Any]
    """What comes with a 200, by media type: what msgspec encodes, `str` for a text, `bytes` for a file."""
    errors: Mapping[int, str]
    """When which other status comes. Those of 400 and above come with a `Detail`."""
    form: Mapping[str, Any]
    """The parts of the form that it takes: the schema of each, or of what is in it as JSON the type."""
    summary: str
    description: str


def operation(
    answers: Mapping[str, Any], errors: Mapping[int, str] | None = None, form: Mapping[str, Any] | None = None
) -> Callable[[Endpoint], Endpoint]:
    """Describe an endpoint. Its docstring's first line is the summary, and the rest the description."""

    def describing(endpoint: Endpoint) -> Endpoint:
        summary, _, description = (inspect.getdoc(endpoint) or "").partition("\n\n")
        described = Operation(answers, errors or {}, form or {}, summary, description)
        setattr(endpoint, _ATTRIBUTE, described)
        return endpoint

    return describing


def described(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of these routes, but for those that are `include_in_schema=False`."""
    operations = [
        (route, _operation(route)) for route in routes if isinstance(route, Route) and route.include_in_schema
    ]
    answered, answers = _schemas(kind for _, each in operations for kind in [*each.answers.values(), Detail])
    taken, forms = _schemas(kind for _, each in operations for kind in each.form.values() if isinstance(kind, type))
    paths: dict[str, dict[str, Any]] = {}
    for route, each in operations:
        document = _as_openapi(each, answered, taken)
        if parameters := [_parameter(name) for name in route.param_convertors]:
            document["parameters"] = parameters
        paths.setdefault(route.path_format, {}).update(dict.fromkeys(_methods(route), document))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley",
            "version": version("parley"),
            "summary": "Lets any text LLM listen and speak.",
            "description": "Conversations are held over the WebSockets `/v1/converse` and `/v1/realtime`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": {**forms, **{name: _whole(schema) for name, schema in answers.items()}}},
    }


def _operation(route: Route) -> Operation:
    try:
        operation: Operation = getattr(route.endpoint, _ATTRIBUTE)
    except AttributeError:
        raise TypeError(f"the endpoint of {route.path} has no @operation") from None
    return operation


def _parameter(name: str) -> dict[str, Any]:
    """A part of a path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _methods(route: Route) -> Iterator[str]:
    return (method.lower() for method in sorted(route.methods or ()))


def _schemas(types: Iterable[Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type, and those that they refer to, by name."""
    kinds = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    return dict(zip(kinds, schemas, strict=True)), components


def _as_openapi(operation: Operation, answers: Mapping[Any, Any], forms: Mapping[Any, Any]) -> dict[str, Any]:
    detail = {JSON: {"schema": answers[Detail]}}
    responses: dict[str, Any] = {}
    if operation.answers:
        # Bytes as they are have no schema; msgspec's is for base64 within JSON.
        content = {
            media_type: {} if kind is bytes else {"schema": answers[kind]}
            for media_type, kind in operation.answers.items()
        }
        responses["200"] = {"description": "It is done.", "content": content}
    for status, when in sorted({**operation.errors, HTTPStatus.INTERNAL_SERVER_ERROR.value: "a bug"}.items()):
        described = {"description": f"{when[:1].upper()}{when[1:]}."}
        responses[str(status)] = described | ({"content": detail} if status >= HTTPStatus.BAD_REQUEST else {})
    document = {"summary": operation.summary, "description": operation.description, "responses": responses}
    if operation.form:
        parts = {
            name: _json_part(forms[part]) if isinstance(part, type) else part for name, part in operation.form.items()
        }
        form = {"type": "object", "properties": parts, "required": list(parts)}
        document["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return document


def _json_part(schema: dict[str, Any]) -> dict[str, Any]:
    """A part of a form that holds JSON."""
    return {"type": "string", "contentMediaType": JSON, "contentSchema": schema}


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object as it is encoded: with all of its fields, also those that have a default."""
    if "properties" not in schema:
        return schema
    required = [name for name, field in schema["properties"].items() if not MAY_BE_LEFT_OUT.items() <= field.items()]
    return {**schema, "required": required}
