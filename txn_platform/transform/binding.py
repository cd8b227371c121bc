"""A parsed dbt project, bound to the names of one store and one configuration.

dbt fixes names and column types when it parses. A parse takes seconds and an image ships the
result, whereas the configuration comes with the deployment.
"""

from collections.abc import Mapping
from typing import Any

Node = dict[str, Any]


def bind(document: dict[str, Any], database: str, variables: Mapping[str, object]) -> None:
    """Make a manifest what it would be if parsed for `database` with `variables`."""
    sources: list[Node] = list(document["sources"].values())
    nodes: list[Node] = list(document["nodes"].values())
    models = [node for node in nodes if node["resource_type"] == "model"]
    for node in (*sources, *nodes):
        node["database"] = database
    if document["metadata"]["adapter_type"] == "postgres":
        _bind_types(models, variables)
    else:
        _bind_names(sources, models, variables)
    for source in sources:
        source["relation_name"] = _relation_name(source, source["identifier"])
    for model in models:
        model["relation_name"] = _relation_name(model, model["alias"])


def _bind_types(models: list[Node], variables: Mapping[str, object]) -> None:
    for model in models:
        model["columns"]["price"]["data_type"] = variables["operational_price_type"]
        model["columns"]["amount"]["data_type"] = variables["operational_amount_type"]


def _bind_names(sources: list[Node], models: list[Node], variables: Mapping[str, object]) -> None:
    for source in sources:
        source["schema"] = variables["warehouse_dataset"]
        source["identifier"] = variables["raw_table"]
    for model in models:
        is_staging = "staging" in model["fqn"]
        dataset = variables["warehouse_dataset" if is_staging else "mart_dataset"]
        model["schema"] = model["config"]["schema"] = dataset


def _relation_name(node: Node, identifier: str) -> str:
    """The three parts, quoted as the dialect of the parse quotes them."""
    quote: str = node["relation_name"][0]
    parts = (node["database"], node["schema"], identifier)
    return ".".join(f"{quote}{part}{quote}" for part in parts)
