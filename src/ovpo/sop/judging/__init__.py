# SPDX-License-Identifier: Apache-2.0
"""From two embeddings to findings: which stretch of the trainee's video is which gold step, and what is wrong."""
