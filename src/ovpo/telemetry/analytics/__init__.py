# SPDX-License-Identifier: Apache-2.0
"""What many traces say together: bottlenecks, costs, quality over time, throughput."""
