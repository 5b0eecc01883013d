# SPDX-License-Identifier: Apache-2.0
"""OVPO, the Open Video Pipeline Observatory: the domain library. Nothing in this package imports Dagster."""
