# SPDX-License-Identifier: Apache-2.0
"""Nodes for ComfyUI that trace a workflow; this page's README says how to install them."""

from ovpo_sdk.comfyui.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
