# SPDX-License-Identifier: Apache-2.0
"""From findings to a mark and a verdict: what each kind of fault costs, what that adds up to, and what it means."""
