# SPDX-License-Identifier: Apache-2.0
"""What the compliance suite asks of a pipeline, a module for each question."""
