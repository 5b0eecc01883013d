# SPDX-License-Identifier: Apache-2.0
"""How runs are sized and where steps land: the shared backfill policy, run limits, pools and Kubernetes tags.

A leaf: it imports nothing of ours, so that assets, jobs and tests can all name it.
"""

import dagster as dg

# A day of hours per run: a run occupies its slot for about 8 s whatever it does.
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)

# A training and what tells of it are of one day: a run over several would leave the tables of all but the last empty.
ONE_DAY = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)

# A run whose process vanished together with its code server looks started until this many seconds are over. A look
# takes 5 s with the start of its process.
SHORT = {"dagster/max_runtime": "180"}

# A run that serves the ledger is not repeated when its process dies: the ledger asks again, and counts the attempts.
REPEATED_BY_LEDGER = {"dagster/max_retries": "0"}

# Two trainings at once would learn the same: the second waits in the queue. The limit is in dagster.yaml.
ONE_TRAINING = {"ovpo/training": "adapters"}

# What a machine can do only so much of at once; the limits are set where the stack starts.
DECODE_POOL = "decode"
SCORING_POOL = "scoring"
TRAINING_POOL = "training"
GPU_POOL = "gpu"
GPU = {
    "dagster-k8s/config": {
        "container_config": {
            "resources": {
                "requests": {"cpu": "4", "memory": "16Gi"},
                "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
            }
        },
        "pod_spec_config": {
            "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        },
        "job_spec_config": {"ttl_seconds_after_finished": 600},
    }
}
