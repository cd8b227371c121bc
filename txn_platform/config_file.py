"""Reads the configuration file; each error names the key, what it got and what it accepts."""

import re
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from txn_platform.config import Accepts, PipelineConfig, Section
from txn_platform.errors import ConfigurationError

_REMEDY = "Correct the file; the project's data/pipeline_config.yaml shows every key."
_LONGEST_SHOWN = 80


def read_config(path: Path) -> PipelineConfig:
    """Parse and validate one configuration file.

    Raises:
        ConfigurationError: when the file can't be read, is not YAML, or a key is wrong; every
            wrong key is listed.
    """
    document = _parse(path)
    try:
        return PipelineConfig.model_validate(document)
    except ValidationError as error:
        problems = "\n  ".join(_describe(problem) for problem in error.errors())
        raise ConfigurationError(f"{path}:\n  {problems}", remedy=_REMEDY) from None


def _parse(path: Path) -> object:
    try:
        loader = _Loader(path.read_text(encoding="utf-8-sig"))
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: can't be read: {error.strerror}",
            remedy="Give the path with --config or TXN_CONFIG.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 text", remedy=_REMEDY) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(f"{path}: {_syntax_error(error)}", remedy=_REMEDY) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigurationError(f"{path}: is not valid YAML", remedy=_REMEDY) from None


class _Loader(yaml.SafeLoader):
    """Safe YAML, but with exact numbers, dates left as text, and no key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"{key.value}: given twice in one section",
                        problem_mark=key.start_mark,
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_text(self, node: yaml.ScalarNode) -> str:
        return str(node.value)

    def construct_exact(self, node: yaml.ScalarNode) -> object:
        try:
            return Decimal(node.value)
        except InvalidOperation:
            return self.construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_exact)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_text)


def _syntax_error(error: yaml.MarkedYAMLError) -> str:
    """Where and what; without the words of the file, which may be those of a secret."""
    mark = error.problem_mark
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = re.sub(r" '[^']{2,}'", "", error.problem or "unreadable")
    return f"is not valid YAML{where}: {problem}"


def _describe(problem: ErrorDetails) -> str:
    """One line: the key, what it got, and what it accepts."""
    location = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join(location) or "top level"
    if problem["type"] in {"extra_forbidden", "invalid_key"}:
        return f"{key}: unknown key{_suggestion(location)}"
    field = _field_at(location)
    section = _section_of(field)
    if section or field is None:
        keys = ", ".join((section or PipelineConfig).model_fields)
        return f"{key}: got {_kind(problem['input'])}; accepted: a section with the keys {keys}"
    got = _kind(problem["input"]) if _is_secret(field) else _shown(problem["input"])
    return f"{key}: got {got}; accepted: {_accepted(field)}"


def _suggestion(location: list[str]) -> str:
    known = list((_section_of(_field_at(location[:-1])) or PipelineConfig).model_fields)
    close = get_close_matches(location[-1], known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{hint}; accepted: {', '.join(known)}"


def _field_at(location: list[str]) -> FieldInfo | None:
    """The key that the location names or lies in; None for the top level."""
    section: type[Section] = PipelineConfig
    field: FieldInfo | None = None
    for part in location:
        field = section.model_fields[part]
        inner = _section_of(field)
        if inner is None:
            break
        section = inner
    return field


def _section_of(field: FieldInfo | None) -> type[Section] | None:
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation == SecretStr | None


def _accepted(field: FieldInfo) -> str:
    return next(note.text for note in reversed(field.metadata) if isinstance(note, Accepts))


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
        case dict():
            return "a section"
        case list():
            return "a list"
        case _:
            return str(value)


def _kind(value: object) -> str:
    """As `_shown`, without the value itself."""
    match value:
        case str():
            return "text" if value else "empty text"
        case None | dict() | list():
            return _shown(cast(object, value))
        case _:
            return "a number, true or false"
