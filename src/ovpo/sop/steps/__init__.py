# SPDX-License-Identifier: Apache-2.0
"""The steps of a gold video: named by its task's definition, or found where the pictures change."""
