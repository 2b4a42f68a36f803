"""Follows metrics.jsonl in the folder of a run and hands each record to a tracker, by that tracker's own package.

The supervisor starts one process for each tracker, beside the ranks: a tracker that fails or waits for its server takes
nothing from the training."""
