# SPDX-License-Identifier: Apache-2.0
"""Videos of a procedure, drawn: a gold demonstration and trainees who do it well, or not."""
