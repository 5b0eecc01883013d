# SPDX-License-Identifier: Apache-2.0
"""The query API: what a holder of a key may see."""
