-- Everything that the pipeline wrote down about itself, as one JSON object: one statement is one
-- snapshot and one round trip.
SELECT
    json_build_object(
        'versions',
        (
            SELECT coalesce(json_object_agg(held.mart, held ORDER BY held.mart), '{}')
            FROM public.mart_versions AS held
        ),
        'assets',
        (
            SELECT coalesce(json_agg(latest ORDER BY latest.asset), '[]')
            FROM public.asset_materializations AS latest
        ),
        'checks',
        (
            SELECT coalesce(json_agg(result ORDER BY result.asset, result.name), '[]')
            FROM public.check_results AS result
        ),
        'accepted_rows',
        (
            SELECT coalesce(sum(landed.row_count), 0)
            FROM public.landed_rows AS landed
            WHERE landed.outcome = 'accepted'
        ),
        'rejected_rows',
        (
            SELECT
                coalesce(
                    json_object_agg(landed.outcome, landed.row_count ORDER BY landed.outcome), '{}'
                )
            FROM public.landed_rows AS landed
            WHERE landed.outcome <> 'accepted'
        )
    )::text AS status;
