# SPDX-License-Identifier: Apache-2.0
"""The ledger: which item of work is where. It sees items; the orchestrator sees the windows that they fall into."""
