"""What went wrong in a run, in a person's words."""

import dagster as dg


def check_message(evaluation: dg.AssetCheckEvaluation) -> str:
    """A failed check, with the first lines of what it found wrong."""
    tables = [
        value.value or ""
        for value in evaluation.metadata.values()
        if isinstance(value, dg.MarkdownMetadataValue)
    ]
    found = [line.strip("| ") for table in tables for line in table.splitlines()[2:5]]
    asset = evaluation.asset_key.to_user_string()
    return "\n  ".join(
        [
            f"{asset}: check {evaluation.check_name} failed; nothing behind it was built",
            *found,
            "`txn-platform dev` shows what it found, in the asset's checks.",
        ]
    )


def step_message(event: dg.DagsterEvent) -> str | None:
    """The reason of a failed step in a person's words; None where a failed check says it."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return f"{event.step_key}: {data.user_failure_data.description}"
    error = data.error
    if error is None or error.cls_name == "DagsterAssetCheckFailedError":
        return None
    root = error.cause or error
    return f"{event.step_key}: {root.message.strip()}"
