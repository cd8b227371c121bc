"""How a dbt model becomes an asset: names, groups, partitions and words for people."""

from collections.abc import Mapping
from typing import Any, cast

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_shared import record

from txn_platform.defs.metadata import DAILY_FRESHNESS, OWNERS

GROUPS = {"stg_transactions": "warehouse"}
"""Models that don't belong to the group `marts`."""


class MartTranslator(DagsterDbtTranslator):
    """Models keep their bare name as asset key; their description is the model's own.

    The stock description appends the model's whole SQL, which hides the one sentence that a
    reader of the graph is after; the SQL is one click away as a code reference.
    """

    def __init__(
        self, partitions: dg.PartitionsDefinition[str] | None, kinds: frozenset[str]
    ) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_code_references=True))
        self._partitions = partitions
        self._kinds = kinds

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The asset of one model or source."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        properties = self.get_resource_props(manifest, unique_id)
        if properties["resource_type"] == "source":
            return spec
        name = properties["name"]
        return cast(Any, spec).replace_attributes(
            key=dg.AssetKey(name),
            description=properties["description"],
            group_name=GROUPS.get(name, "marts"),
            owners=OWNERS,
            freshness_policy=DAILY_FRESHNESS,
            kinds={"dbt", *self._kinds},
            partitions_def=self._partitions,
        )

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """The check of one dbt test, with the test's own description."""
        check = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if check is None:
            return None
        return cast(Any, record).replace(
            check, description=manifest["nodes"][unique_id]["description"]
        )
